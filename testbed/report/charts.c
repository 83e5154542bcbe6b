/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/report/charts.h"

#include <math.h>
#include <string.h>

#include "testbed/measure/ks.h"
#include "testbed/report/svg.h"
#include "testbed/report/values.h"

#define LEFT  60.0
#define RIGHT 20.0

/* Widths of a proportional font are not known here; these are enough for its size. */
#define LETTER	    6.6
#define LETTER_BOLD 7.6

#define MARK_ROWS 3 /* of labels above a timeline */
#define MARK_ROW  15.0

static const json_t *summary_variants(const json_t *result)
{
	return value_at(result, "summary", "variants", NULL);
}

/* ---- a legend: swatches in a row, wrapped ---- */

struct legend {
	FILE *out;
	double x, y;
};

static void legend_add(struct legend *legend, const char *class, const char *prefix,
		       const char *text)
{
	double width = 30 + LETTER * (double)(strlen(prefix) + strlen(text));

	if (legend->x + width > CHART_WIDTH - RIGHT) {
		legend->x = LEFT;
		legend->y += 18;
	}
	svg_rect(legend->out, class, legend->x, legend->y - 10, 12, 12);
	svg_text(legend->out, legend->x + 17, legend->y, "", "start", "%s%s", prefix, text);
	legend->x += width;
}

/* ---- timeline ---- */

struct bins {
	const json_t *rows;
	double start_ms, bin_ms;
	size_t answers, columns;
};

static double row_sum(const json_t *row, size_t columns)
{
	double sum = 0;

	for (size_t c = 0; c < columns; c++)
		sum += json_number_value(json_array_get(row, c));
	return sum;
}

/* One path per colour for all its bins: small, and no seams between the colours. */
static void timeline_column(FILE *out, const struct svg_frame *f, const struct bins *bins,
			    size_t column, const char *class)
{
	const json_t *row;
	size_t b;

	fprintf(out, "<path class=\"%s\" d=\"", class);
	json_array_foreach (bins->rows, b, row) {
		double sum = row_sum(row, bins->columns);
		double below = row_sum(row, column);
		double count = json_number_value(json_array_get(row, column));
		double x0 = svg_x(f, bins->start_ms + bins->bin_ms * (double)b);
		double x1 = svg_x(f, bins->start_ms + bins->bin_ms * (double)(b + 1));

		if (count > 0)
			fprintf(out, "M%.2f %.2fH%.2fV%.2fH%.2fz", x0, svg_y(f, below / sum), x1,
				svg_y(f, (below + count) / sum), x0);
	}
	fputs("\"/>\n", out);
}

static void column_class(char class[8], size_t column, size_t answers)
{
	if (column < answers)
		snprintf(class, 8, "a%zu", column % SVG_COLOURS);
	else
		snprintf(class, 8, "f%zu", (column - answers) % 6);
}

/* Faults and undos near each other: each label in the lowest row where there is room for it. */
static void timeline_marks(FILE *out, const json_t *marks, const struct svg_frame *f, double top)
{
	double free_from[MARK_ROWS] = { 0 };
	const json_t *mark;
	size_t i;

	json_array_foreach (marks, i, mark) {
		const char *text = value_string(mark, "text");
		double x = svg_x(f, value_number(mark, "at_ms"));
		double width = LETTER_BOLD * (double)strlen(text);
		double left = fmax(0, fmin(x - width / 2, CHART_WIDTH - width));
		size_t row = 0;

		if (x > f->left + f->width)
			continue;
		while (row + 1 < MARK_ROWS && free_from[row] > left)
			row++;
		free_from[row] = left + width + LETTER_BOLD;
		svg_line(out, "mark", x, top - 21 - MARK_ROW * (double)row, x, f->top + f->height);
		svg_text(out, left + width / 2, top - 26 - MARK_ROW * (double)row, "strong",
			 "middle", "%s", text);
	}
}

static int column_is_used(const json_t *variants, size_t column)
{
	const json_t *rows, *row;
	const char *name;
	size_t b;

	json_object_foreach ((json_t *)variants, name, rows) {
		json_array_foreach (rows, b, row) {
			if (json_number_value(json_array_get(row, column)) > 0)
				return 1;
		}
	}
	return 0;
}

static void timeline_legend(FILE *out, const json_t *timeline)
{
	const json_t *answers = json_object_get(timeline, "answers");
	const json_t *failures = json_object_get(timeline, "failures");
	struct legend legend = { out, LEFT, 16 };
	char class[8];

	for (size_t c = 0; c < json_array_size(answers) + json_array_size(failures); c++) {
		size_t failure = c - json_array_size(answers);
		int ok = c < json_array_size(answers);

		if (!column_is_used(json_object_get(timeline, "variants"), c))
			continue;
		column_class(class, c, json_array_size(answers));
		legend_add(&legend, class, ok ? "answered by " : "failed: ",
			   json_string_value(ok ? json_array_get(answers, c)
						: json_array_get(failures, failure)));
	}
}

void chart_timeline(FILE *out, const json_t *result, const json_t *series)
{
	const json_t *timeline = json_object_get(series, "timeline");
	const json_t *variants = json_object_get(timeline, "variants");
	struct bins bins = { .start_ms = value_number(timeline, "start_ms"),
			     .bin_ms = value_number(timeline, "bin_ms"),
			     .answers = json_array_size(json_object_get(timeline, "answers")) };
	double top = 88 + (MARK_ROWS - 1) * MARK_ROW, height = 130, gap = 34;
	double total = top + (double)json_object_size(variants) * (height + gap) + 24;
	struct svg_frame f = { LEFT, top, CHART_WIDTH - LEFT - RIGHT, height, 0, 0, 0, 1 };
	const char *name;
	char class[8];

	(void)result;
	bins.columns = bins.answers + json_array_size(json_object_get(timeline, "failures"));
	svg_begin(out, CHART_WIDTH, total, "Requests over time by who answered", 0);
	timeline_legend(out, timeline);
	json_object_foreach ((json_t *)variants, name, bins.rows) {
		f.x0 = bins.start_ms;
		f.x1 = f.x0 + bins.bin_ms * (double)json_array_size(bins.rows);
		if (f.x1 <= f.x0)
			continue;
		svg_axis_share(out, &f, 2);
		for (size_t c = 0; c < bins.columns; c++) {
			column_class(class, c, bins.answers);
			timeline_column(out, &f, &bins, c, class);
		}
		svg_text(out, LEFT, f.top - 7, "strong", "start", "%s", name);
		f.top += height + gap;
	}
	f.top -= height + gap;
	if (f.x1 > f.x0) {
		timeline_marks(out, json_object_get(timeline, "marks"), &f, top);
		svg_axis_time(out, &f, "after the fault");
	}
	svg_end(out);
}

/* ---- reconnect times ---- */

/* As ks.h wants it; only the bounds of the detection are in the result, which is all it takes. */
static struct ks_geodns_model model_read(const json_t *model)
{
	const json_t *bounds = json_object_get(model, "detection_s");
	double low = json_number_value(json_array_get(bounds, 0));

	return (struct ks_geodns_model){
		.interval_s = json_number_value(json_array_get(bounds, 1)) - low,
		.timeout_s = low,
		.ttl_s = value_number(model, "ttl_s"),
		.fall = 1,
	};
}

static double curves_end_ms(const json_t *result, const json_t *curves, const char *fault)
{
	const char *name;
	json_t *faults;
	double end = 1;

	json_object_foreach ((json_t *)curves, name, faults) {
		const json_t *curve = json_object_get(faults, fault);
		const json_t *steps = json_object_get(curve, "steps");
		const json_t *last = json_array_get(steps, json_array_size(steps) - 1);
		const json_t *model =
			value_at(summary_variants(result), name, fault, "model", NULL);
		struct ks_geodns_model m = model_read(model);

		if (model)
			end = fmax(end, 1e3 * (m.timeout_s + m.interval_s + m.ttl_s));
		end = fmax(end, json_number_value(json_array_get(last, 0)));
		/* A plateau is worth its width only where somebody never came back. */
		if (json_number_value(json_array_get(last, 1)) < 0.999999)
			end = fmax(end, value_number(curve, "until_ms"));
	}
	return end * 1.04;
}

static void curve_draw(FILE *out, const struct svg_frame *f, const json_t *curve, size_t colour)
{
	static const char *const dashes[] = { "none", "9 4", "3 3", "12 3 3 3" };
	const json_t *step;
	size_t i;
	double y = svg_y(f, 0);

	fprintf(out, "<path class=\"curve s%zu\" stroke-dasharray=\"%s\" d=\"M%.2f %.2f",
		colour % SVG_COLOURS, dashes[colour % 4], svg_x(f, 0), y);
	json_array_foreach (json_object_get(curve, "steps"), i, step) {
		y = svg_y(f, json_number_value(json_array_get(step, 1)));
		fprintf(out, "H%.2fV%.2f", svg_x(f, json_number_value(json_array_get(step, 0))), y);
	}
	fprintf(out, "H%.2f\"/>\n", svg_x(f, fmin(f->x1, value_number(curve, "until_ms"))));
}

/* What detection and TTL alone explain, dotted in the variant's colour. */
static void model_draw(FILE *out, const struct svg_frame *f, const json_t *model, size_t colour)
{
	struct ks_geodns_model m = model_read(model);
	double length = m.interval_s + m.ttl_s;
	int points = 60;

	fprintf(out,
		"<path class=\"curve s%zu\" stroke-dasharray=\"1.5 4\" stroke-linecap=\"round\" "
		"d=\"M%.2f %.2f",
		colour % SVG_COLOURS, svg_x(f, 0), svg_y(f, 0));
	for (int i = 0; i <= points; i++) {
		double t_s = m.timeout_s + length * i / points;

		fprintf(out, "L%.2f %.2f", svg_x(f, t_s * 1e3), svg_y(f, ks_geodns_share(&m, t_s)));
	}
	fprintf(out, "H%.2f\"/>\n", f->left + f->width);
}

static void curve_legend(FILE *out, double y, const char *name, const json_t *row, size_t colour)
{
	const json_t *d = json_object_get(row, "reconnect_ms");
	const json_t *model = json_object_get(row, "model");
	char p50[VALUE_TEXT_SIZE], p90[VALUE_TEXT_SIZE], never[VALUE_TEXT_SIZE] = "";
	char class[8], dotted[96] = "";

	snprintf(class, sizeof(class), "c%zu", colour % SVG_COLOURS);
	if (value_number(d, "never") > 0)
		snprintf(never, sizeof(never), ", %.0f never", value_number(d, "never"));
	if (model)
		snprintf(dotted, sizeof(dotted),
			 "; dotted: the model, KS distance %.3f (critical %.3f)",
			 value_number(model, "distance"), value_number(model, "critical"));
	svg_rect(out, class, LEFT, y - 10, 12, 12);
	svg_text(out, LEFT + 18, y, "strong", "start", "%s", name);
	svg_text(out, LEFT + 170, y, "", "start", "p50 %s, p90 %s; %.0f users%s%s",
		 value_quantile(d, "p50", p50), value_quantile(d, "p90", p90), value_number(d, "n"),
		 never, dotted);
}

void chart_reconnect(FILE *out, const json_t *result, const json_t *series, const char *fault,
		     int alone)
{
	const json_t *curves = json_object_get(series, "curves");
	double top = 46 + 20 * (double)json_object_size(curves), height = 300;
	char label[128];
	struct svg_frame f = { LEFT,   top, CHART_WIDTH - LEFT - RIGHT,
			       height, 0,   curves_end_ms(result, curves, fault),
			       0,      1 };
	size_t colour = 0;
	const char *name;
	json_t *faults;

	svg_begin(out, CHART_WIDTH, top + height + 44,
		  "Share of users that were answered again, by time after the fault", alone);
	svg_axis_share(out, &f, 4);
	snprintf(label, sizeof(label), "after %.100s", alone ? fault : "the fault");
	svg_axis_time(out, &f, label);
	svg_text(out, LEFT, top - 10, "soft", "start",
		 "share of the users cut off that were answered again");
	json_object_foreach ((json_t *)curves, name, faults) {
		const json_t *row = value_at(summary_variants(result), name, fault, NULL);

		if (row) {
			if (json_object_get(row, "model"))
				model_draw(out, &f, json_object_get(row, "model"), colour);
			curve_draw(out, &f, json_object_get(faults, fault), colour);
			curve_legend(out, 16 + 20 * (double)colour, name, row, colour);
		}
		colour++;
	}
	svg_end(out);
}

/* ---- sessions ---- */

struct fate {
	const char *key, *class, *text;
};

static const struct fate fates[] = {
	{ "smooth", "a2", "survived" },
	{ "stalled", "a3", "survived after a gap" },
	{ "reset", "f2", "reset" },
	{ "timed_out", "f3", "timed out" },
	{ "undecided", "track", "undecided at the end" },
};

#define FATES (sizeof(fates) / sizeof(fates[0]))

static double fate_count(const json_t *sessions, const struct fate *fate)
{
	if (strcmp(fate->key, "smooth") == 0)
		return value_number(sessions, "survived") - value_number(sessions, "stalled");
	return value_number(sessions, fate->key);
}

static void sessions_bar(FILE *out, const json_t *sessions, double y)
{
	double open = value_number(sessions, "open");
	double x = 180, width = CHART_WIDTH - 180 - 200;

	svg_rect(out, "track", x, y, width, open > 0 ? 0 : 22);
	for (size_t i = 0; i < FATES && open > 0; i++) {
		double count = fate_count(sessions, &fates[i]);
		double part = count / open * width;

		if (count <= 0)
			continue;
		svg_rect(out, fates[i].class, x, y, part - 1, 22);
		if (part > 26)
			svg_text(out, x + part / 2, y + 15.5, i == 1 || i == 4 ? "" : "in",
				 "middle", "%.0f", count);
		x += part;
	}
	svg_text(out, CHART_WIDTH - 190, y + 15.5, "soft", "start",
		 "of %.0f; elsewhere %.0f of %.0f", open, value_number(sessions, "collateral"),
		 value_number(sessions, "others"));
}

void chart_sessions(FILE *out, const json_t *result, const char *fault)
{
	const json_t *variants = summary_variants(result);
	struct legend legend = { out, 180, 16 };
	double y = 32;
	const char *name;
	json_t *faults;

	svg_begin(out, CHART_WIDTH, 40 + 32 * (double)json_object_size(variants),
		  "Long connections by fate", 0);
	for (size_t i = 0; i < FATES; i++)
		legend_add(&legend, fates[i].class, "", fates[i].text);
	json_object_foreach ((json_t *)variants, name, faults) {
		const json_t *sessions = value_at(faults, fault, "sessions", NULL);

		if (!sessions)
			continue;
		svg_text(out, 170, y + 15.5, "strong", "end", "%s", name);
		sessions_bar(out, sessions, y);
		y += 32;
	}
	svg_end(out);
}

/* ---- causes ---- */

static const struct {
	const char *key, *text;
	int by_users;
} stages[] = {
	{ "detected", "failure detected", 0 },
	{ "withdrawn", "first route withdrawn", 0 },
	{ "record_changed", "all nameservers changed", 0 },
	{ "routers_converged", "routers converged", 0 },
	{ "first_user", "first user back", 1 },
	{ "last_user", "last user back", 1 },
	{ "stable", "all users stable", 1 },
};

#define STAGES	(sizeof(stages) / sizeof(stages[0]))
#define STAGE_Y 20 /* from one stage to the next */

static double causes_end_ms(const json_t *variants, const char *fault)
{
	const char *name;
	json_t *faults;
	double end = 1;

	json_object_foreach ((json_t *)variants, name, faults) {
		for (size_t i = 0; i < STAGES; i++)
			end = fmax(end, value_number(value_at(faults, fault, "cause_ms", NULL),
						     stages[i].key));
	}
	return end * 1.12;
}

static void causes_of_variant(FILE *out, const struct svg_frame *f, const json_t *causes,
			      size_t colour, double y)
{
	char class[8], buf[VALUE_TEXT_SIZE];

	snprintf(class, sizeof(class), "c%zu", colour % SVG_COLOURS);
	for (size_t i = 0; i < STAGES; i++) {
		const json_t *ms = json_object_get(causes, stages[i].key);
		double x = value_is_known(ms) ? svg_x(f, json_number_value(ms)) : f->left;

		svg_text(out, f->left - 10, y + 11, "soft", "end", "%s", stages[i].text);
		if (value_is_known(ms))
			svg_rect(out, stages[i].by_users ? class : "event", f->left, y + 1,
				 fmax(x - f->left, 1), 13);
		svg_text(out, x + 6, y + 12, value_is_known(ms) ? "" : "soft", "start", "%s",
			 value_is_known(ms)   ? value_ms(ms, buf)
			 : stages[i].by_users ? "not before the undo"
					      : "not seen");
		y += STAGE_Y;
	}
}

void chart_causes(FILE *out, const json_t *result, const char *fault)
{
	const json_t *variants = summary_variants(result);
	size_t block = 28 + STAGE_Y * STAGES;
	double height = (double)(block * json_object_size(variants));
	struct svg_frame f = { 190,	   0, CHART_WIDTH - 190 - 60,
			       height + 4, 0, causes_end_ms(variants, fault),
			       0,	   1 };
	size_t colour = 0;
	double y = 0;
	const char *name;
	json_t *faults;

	svg_begin(out, CHART_WIDTH, height + 44, "What happened after the fault, and when", 0);
	json_object_foreach ((json_t *)variants, name, faults) {
		const json_t *causes = value_at(faults, fault, "cause_ms", NULL);

		svg_text(out, f.left, y + 17, "strong", "start", "%s", name);
		if (causes)
			causes_of_variant(out, &f, causes, colour, y + 25);
		y += (double)block;
		colour++;
	}
	svg_axis_time(out, &f, "after the fault");
	svg_end(out);
}

/* ---- placement ---- */

static void placement_bars(FILE *out, const json_t *placement, const char *key, double left,
			   double published)
{
	struct svg_frame f = { left, 44, 270, 0, 0, 1, 0, 1 };
	size_t colour = 0;
	char class[8], buf[VALUE_TEXT_SIZE];
	const char *name;
	json_t *row;

	json_object_foreach ((json_t *)placement, name, row) {
		double share = value_number(row, key);

		snprintf(class, sizeof(class), "c%zu", colour++ % SVG_COLOURS);
		svg_text(out, left - 8, f.top + 14, "", "end", "%s", name);
		svg_rect(out, "track", left, f.top, f.width, 20);
		svg_rect(out, class, left, f.top, share * f.width, 20);
		svg_text(out, left + f.width + 8, f.top + 14, "strong", "start", "%s",
			 value_share(json_object_get(row, key), buf));
		f.top += 28;
	}
	svg_line(out, "published", svg_x(&f, published), 38, svg_x(&f, published), f.top - 2);
	svg_text(out, svg_x(&f, published), f.top + 14, "soft", "middle", "published: %.0f %%",
		 published * 100);
}

void chart_placement(FILE *out, const json_t *result)
{
	const json_t *placement = value_at(result, "summary", "placement", NULL);
	double height = 44 + 28 * (double)json_object_size(placement) + 24;

	svg_begin(out, CHART_WIDTH, height, "Users at their nearest pop", 0);
	svg_text(out, 130, 24, "strong", "start", "at their nearest pop");
	svg_text(out, 630, 24, "strong", "start", "25 ms or more over the best round trip");
	placement_bars(out, placement, "nearest_share", 130, 0.55);
	placement_bars(out, placement, "worse_25ms_share", 630, 0.20);
	svg_end(out);
}
