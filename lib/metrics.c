/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

void metrics_init(struct metrics *m)
{
	*m = (struct metrics){ 0 };
	m->stream = open_memstream(&m->text, &m->len);
	if (!m->stream)
		abort();
	__fsetlocking(m->stream, FSETLOCKING_BYCALLER); /* nobody else has it */
}

/* In HELP a backslash and a newline are escaped, in label values a double quote too. */
static void write_escaped(FILE *f, const char *s, bool quoted)
{
	for (;;) {
		size_t len = strcspn(s, quoted ? "\\\n\"" : "\\\n");

		fwrite(s, 1, len, f);
		s += len;
		if (!*s)
			return;
		fputc('\\', f);
		fputc(*s == '\n' ? 'n' : *s, f);
		s++;
	}
}

static void write_number(FILE *f, double value)
{
	if (isnan(value))
		fputs("NaN", f);
	else if (isinf(value))
		fputs(value > 0 ? "+Inf" : "-Inf", f);
	else if (value == floor(value) && fabs(value) < 0x1p53)
		fprintf(f, "%lld", (long long)value); /* a fifth of the time of %.0f */
	else
		fprintf(f, "%.15g", value);
}

void metrics_family(struct metrics *m, const char *name, const char *type, const char *help)
{
	m->family = name;
	fprintf(m->stream, "# HELP %s ", name);
	write_escaped(m->stream, help, false);
	fprintf(m->stream, "\n# TYPE %s %s\n", name, type);
}

/* The braces too, unless there is no label at all. le NULL: not a bucket. */
static void write_labels(FILE *f, va_list labels, const double *le)
{
	const char *name;
	char before = '{';

	while ((name = va_arg(labels, const char *))) {
		fputc(before, f);
		fputs(name, f);
		fputs("=\"", f);
		write_escaped(f, va_arg(labels, const char *), true);
		fputc('"', f);
		before = ',';
	}
	if (le) {
		fprintf(f, "%cle=\"", before);
		write_number(f, *le);
		fputc('"', f);
		before = ',';
	}
	if (before == ',')
		fputc('}', f);
}

static void write_value(FILE *f, double value)
{
	fputc(' ', f);
	write_number(f, value);
	fputc('\n', f);
}

void metrics_sample(struct metrics *m, double value, ...)
{
	va_list labels;

	assert(m->family);
	fputs(m->family, m->stream);
	va_start(labels, value);
	write_labels(m->stream, labels, NULL);
	va_end(labels);
	write_value(m->stream, value);
}

void metrics_histogram(struct metrics *m, const struct metrics_histogram *h, ...)
{
	uint64_t total = 0;
	va_list labels;

	assert(m->family);
	for (size_t i = 0; i <= h->bounds_count; i++) {
		double le = i < h->bounds_count ? h->bounds[i] : INFINITY;

		total += h->counts[i];
		fprintf(m->stream, "%s_bucket", m->family);
		va_start(labels, h);
		write_labels(m->stream, labels, &le);
		va_end(labels);
		write_value(m->stream, (double)total);
	}
	fprintf(m->stream, "%s_sum", m->family);
	va_start(labels, h);
	write_labels(m->stream, labels, NULL);
	va_end(labels);
	write_value(m->stream, h->sum);
	fprintf(m->stream, "%s_count", m->family);
	va_start(labels, h);
	write_labels(m->stream, labels, NULL);
	va_end(labels);
	write_value(m->stream, (double)total);
}

char *metrics_finish(struct metrics *m)
{
	char *text;

	if (fclose(m->stream) != 0)
		abort();
	text = m->text;
	*m = (struct metrics){ 0 };
	return text;
}
