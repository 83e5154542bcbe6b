/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/report/svg.h"

#include <math.h>
#include <stdarg.h>

static const char style[] =
	":root{--ink:#1b1f24;--soft:#59636e;--line:#d5dbe1;--paper:#fff;--panel:#f5f7f9;"
	"--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#aa3377;--c4:#b8860b;--c5:#56b4e9;--c6:#"
	"5b4ea3;"
	"--c7:#6b7280;"
	"--a0:#0072b2;--a1:#56b4e9;--a2:#009e73;--a3:#8fd0bd;--a4:#6a7fc1;--a5:#2f4b7c;--a6:#"
	"b7c9d6;"
	"--a7:#5f8a8b;"
	"--f0:#e69f00;--f1:#f0d442;--f2:#cc79a7;--f3:#d55e00;--f4:#7b3294;--f5:#8c6d31}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5b1;--line:#39424c;"
	"--paper:#14181c;--panel:#1d2329;--c0:#4aa8e0;--c1:#f08a3c;--c2:#2fc79a;--c3:#e07ab0;"
	"--c4:#e0b040;--c5:#8fd0f5;--c6:#a99be8;--c7:#a3abb5;--a0:#2f8fcc;--a5:#5470a8;--f4:#"
	"a65cc0}}"
	"svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
	"font-size:12px;fill:var(--ink)}"
	"svg .soft{fill:var(--soft)}svg .strong{font-weight:600;font-size:13px}svg .in{fill:#fff}"
	"svg .axis{stroke:var(--soft)}svg .grid{stroke:var(--line)}"
	"svg .mark{stroke:var(--ink);stroke-dasharray:4 3}"
	"svg .published{stroke:var(--ink);stroke-width:2;stroke-dasharray:2 2}"
	"svg .track{fill:var(--line)}svg .event{fill:var(--soft)}"
	"svg .curve{fill:none;stroke-width:2.5;stroke-linejoin:round}";

void svg_escape(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			/* Control characters are not allowed in XML, not even escaped. */
			putc((unsigned char)*text < 0x20 ? ' ' : *text, out);
		}
	}
}

void svg_style(FILE *out)
{
	fputs(style, out);
	for (int i = 0; i < SVG_COLOURS; i++)
		fprintf(out,
			"svg .c%d{fill:var(--c%d)}svg .s%d{stroke:var(--c%d)}svg "
			".a%d{fill:var(--a%d)}",
			i, i, i, i, i, i);
	for (int i = 0; i < 6; i++)
		fprintf(out, "svg .f%d{fill:var(--f%d)}", i, i);
}

void svg_begin(FILE *out, double width, double height, const char *label, int alone)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" role=\"img\" "
		"aria-label=\"",
		width, height);
	svg_escape(out, label);
	fputs("\">\n", out);
	if (!alone)
		return;
	fputs("<style>", out);
	svg_style(out);
	fprintf(out, "</style>\n<rect width=\"%g\" height=\"%g\" fill=\"var(--paper)\"/>\n", width,
		height);
}

void svg_end(FILE *out)
{
	fputs("</svg>\n", out);
}

double svg_x(const struct svg_frame *f, double value)
{
	return f->left + (value - f->x0) / (f->x1 - f->x0) * f->width;
}

double svg_y(const struct svg_frame *f, double value)
{
	return f->top + f->height - (value - f->y0) / (f->y1 - f->y0) * f->height;
}

double svg_tick_step(double range, int count)
{
	double raw = range / count;
	double base = pow(10, floor(log10(raw)));

	if (raw <= base * 1.000001)
		return base;
	return raw <= 2 * base ? 2 * base : raw <= 5 * base ? 5 * base : 10 * base;
}

void svg_axis_time(FILE *out, const struct svg_frame *f, const char *label)
{
	double unit = f->x1 - f->x0 > 600000 ? 60000 : 1000;
	double step = svg_tick_step((f->x1 - f->x0) / unit, 12);
	double bottom = f->top + f->height;

	svg_line(out, "axis", f->left, bottom, f->left + f->width, bottom);
	for (long i = lround(ceil(f->x0 / unit / step)); (double)i * step <= f->x1 / unit; i++) {
		double x = svg_x(f, (double)i * step * unit);

		svg_line(out, "axis", x, bottom, x, bottom + 4);
		svg_text(out, x, bottom + 17, "soft", "middle", "%g", (double)i * step);
	}
	svg_text(out, f->left + f->width, bottom + 33, "soft", "end", "%s, %s", label,
		 unit > 1000 ? "minutes" : "seconds");
}

void svg_axis_share(FILE *out, const struct svg_frame *f, int steps)
{
	for (int i = 0; i <= steps; i++) {
		double y = svg_y(f, (double)i / steps);

		svg_line(out, "grid", f->left, y, f->left + f->width, y);
		svg_text(out, f->left - 6, y + 4, "soft", "end", "%d %%", 100 * i / steps);
	}
}

void svg_text(FILE *out, double x, double y, const char *class, const char *anchor, const char *fmt,
	      ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, class,
		anchor);
	svg_escape(out, text);
	fputs("</text>\n", out);
}

void svg_line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
	fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		class, x1, y1, x2, y2);
}

void svg_rect(FILE *out, const char *class, double x, double y, double width, double height)
{
	fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		class, x, y, width, height);
}
