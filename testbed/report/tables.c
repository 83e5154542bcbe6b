/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/report/tables.h"

#include <math.h>
#include <string.h>

#include "testbed/report/svg.h"
#include "testbed/report/values.h"

static void cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	svg_escape(out, text);
	fputs("</td>", out);
}

static void heads(FILE *out, const char *const *texts)
{
	fputs("<div class=\"wide\"><table><tr>", out);
	for (; *texts; texts++) {
		fputs("<th>", out);
		svg_escape(out, *texts);
		fputs("</th>", out);
	}
	fputs("</tr>\n", out);
}

static json_t *variants_of(const json_t *result)
{
	return json_object_get(json_object_get(result, "summary"), "variants");
}

static void quantile_cell(FILE *out, const json_t *distribution, const char *key,
			  const char *interval_key)
{
	char buf[VALUE_TEXT_SIZE];

	fputs("<td>", out);
	svg_escape(out, value_quantile(distribution, key, buf));
	if (json_object_get(distribution, interval_key)) {
		fputs("<br><span class=\"interval\">", out);
		svg_escape(out, value_interval(distribution, interval_key, buf));
		fputs("</span>", out);
	}
	fputs("</td>", out);
}

static void recovery_row(FILE *out, const char *name, const json_t *row)
{
	const json_t *reconnect = json_object_get(row, "reconnect_ms");
	const json_t *failover = json_object_get(row, "failover_ms");
	char text[2 * VALUE_TEXT_SIZE], buf[VALUE_TEXT_SIZE];

	fputs("<tr>", out);
	cell(out, name);
	snprintf(text, sizeof(text), "%.0f of %.0f", value_number(row, "affected"),
		 value_number(row, "users"));
	cell(out, text);
	quantile_cell(out, reconnect, "p50", "p50_interval");
	quantile_cell(out, reconnect, "p90", "p90_interval");
	quantile_cell(out, reconnect, "p99", "");
	quantile_cell(out, reconnect, "max", "");
	quantile_cell(out, failover, "p50", "");
	quantile_cell(out, failover, "p90", "");
	quantile_cell(out, json_object_get(row, "loss_window_ms"), "p50", "");
	cell(out, value_share(json_object_get(row, "failed_share"), buf));
	fputs("</tr>\n", out);
}

static void pair_sentence(FILE *out, const json_t *pair)
{
	char buf[VALUE_TEXT_SIZE];

	fputs("<p>Of the ", out);
	fprintf(out, "%.0f users cut off in both variants, %.0f were back sooner with ",
		value_number(pair, "n"), value_number(pair, "a_first"));
	svg_escape(out, value_string(pair, "a"));
	fprintf(out, " and %.0f with ", value_number(pair, "b_first"));
	svg_escape(out, value_string(pair, "b"));
	fprintf(out, "; the median difference (first less second) is %s",
		value_ms(json_object_get(pair, "p50_ms"), buf));
	if (json_object_get(pair, "p50_interval"))
		fprintf(out, ", 95 %% interval %s", value_interval(pair, "p50_interval", buf));
	fputs(".</p>\n", out);
}

void table_recovery(FILE *out, const json_t *result, const char *fault)
{
	static const char *const texts[] = {
		"",    "cut off",	  "reconnect p50",   "p90", "p99", "max", "failover p50",
		"p90", "loss window p50", "requests failed", NULL
	};
	const char *name;
	json_t *faults;
	const json_t *pair, *period = NULL;
	char low[VALUE_TEXT_SIZE], high[VALUE_TEXT_SIZE];
	size_t i;

	heads(out, texts);
	json_object_foreach (variants_of(result), name, faults) {
		const json_t *row = json_object_get(faults, fault);

		if (row)
			recovery_row(out, name, row);
		period = row ? json_object_get(row, "period_ms") : period;
	}
	fputs("</table></div>\n", out);
	json_array_foreach (value_at(result, "summary", "paired", NULL), i, pair) {
		if (strcmp(value_string(pair, "fault"), fault) == 0 && value_number(pair, "n") > 0)
			pair_sentence(out, pair);
	}
	fprintf(out,
		"<p class=\"soft\">Every user asks once per period, P = %s%s%s. Reconnect: "
		"completion "
		"of the first success sent after the fault. Failover: the first success of ten in "
		"a row "
		"from one pop. Loss window: failed requests x P.</p>\n",
		value_ms(json_object_get(period, "min"), low),
		value_number(period, "min") == value_number(period, "max") ? "" : " to ",
		value_number(period, "min") == value_number(period, "max")
			? ""
			: value_ms(json_object_get(period, "max"), high));
}

/* ---- catchments ---- */

/* The index of a pop in the scenario chooses its colour, as in the timeline. */
static void catchment_cell(FILE *out, const json_t *result, const json_t *users)
{
	const json_t *pops = value_at(result, "scenario", "pops", NULL);
	const json_t *pop;
	double sum = 0;
	size_t i;

	json_array_foreach (pops, i, pop) {
		sum += value_number(users, value_string(pop, "name"));
	}
	fputs("<td><div class=\"cell\">", out);
	json_array_foreach (pops, i, pop) {
		const char *name = value_string(pop, "name");
		double count = value_number(users, name);

		if (count <= 0)
			continue;
		fprintf(out, "<span%s style=\"background:var(--a%zu);flex:%g\" title=\"",
			i % SVG_COLOURS == 1 || i % SVG_COLOURS == 3 || i % SVG_COLOURS == 6
				? " class=\"dark\""
				: "",
			i % SVG_COLOURS, count);
		svg_escape(out, name);
		fprintf(out, ": %.0f of %.0f\">", count, sum);
		if (count / sum > 0.28)
			svg_escape(out, name);
		fputs("</span>", out);
	}
	fputs("</div></td>", out);
}

static void catchment_heads(FILE *out, const json_t *result)
{
	const char *name;
	json_t *faults;

	fputs("<div class=\"wide\"><table><tr><th></th>", out);
	json_object_foreach (variants_of(result), name, faults) {
		fputs("<th class=\"text\" colspan=\"3\">", out);
		svg_escape(out, name);
		fputs("</th>", out);
	}
	fputs("</tr><tr><th></th>", out);
	json_object_foreach (variants_of(result), name, faults) {
		fputs("<th class=\"text\">before</th><th class=\"text\">during</th>"
		      "<th class=\"text\">after</th>",
		      out);
	}
	fputs("</tr>\n", out);
}

void table_catchment(FILE *out, const json_t *result, const char *fault)
{
	static const char *const phases[] = { "before", "during", "after" };
	const json_t *group;
	const char *name;
	json_t *faults;
	size_t i;

	catchment_heads(out, result);
	json_array_foreach (value_at(result, "scenario", "clients", NULL), i, group) {
		fputs("<tr>", out);
		cell(out, value_string(group, "name"));
		json_object_foreach (variants_of(result), name, faults) {
			for (int p = 0; p < 3; p++)
				catchment_cell(out, result,
					       value_at(faults, fault, "catchment", phases[p],
							value_string(group, "name"), NULL));
		}
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

void table_failback(FILE *out, const json_t *result, const char *fault)
{
	static const char *const texts[] = { "after the undo", "users back", "of", "p50", "p90",
					     "their requests", "failed",     NULL };
	const char *name;
	json_t *faults;
	char buf[VALUE_TEXT_SIZE];
	int undone = 0;

	json_object_foreach (variants_of(result), name, faults) {
		undone |= value_number(value_at(faults, fault, "failback", NULL), "undone") > 0;
	}
	if (!undone)
		return;
	heads(out, texts);
	json_object_foreach (variants_of(result), name, faults) {
		const json_t *back = value_at(faults, fault, "failback", NULL);
		const json_t *ms = json_object_get(back, "ms");

		fputs("<tr>", out);
		cell(out, name);
		fprintf(out, "<td>%.0f</td><td>%.0f</td>", value_number(back, "returned"),
			value_number(ms, "n"));
		cell(out, value_quantile(ms, "p50", buf));
		cell(out, value_quantile(ms, "p90", buf));
		fprintf(out, "<td>%.0f</td><td>%.0f</td></tr>\n", value_number(back, "requests"),
			value_number(back, "failed"));
	}
	fputs("</table></div>\n", out);
}

/* ---- wires and conditions ---- */

static void wires_summary(FILE *out, const json_t *wires)
{
	const json_t *wire;
	double worst = 0;
	size_t i;

	json_array_foreach (wires, i, wire) {
		double off =
			fabs(value_number(wire, "measured_ms") - value_number(wire, "wanted_ms"));

		worst = fmax(worst, off);
	}
	fprintf(out, "<p>%zu wires; the one farthest off differs by %.2f ms.</p>\n",
		json_array_size(wires), worst);
}

void table_wires(FILE *out, const json_t *result)
{
	static const char *const texts[] = { "link", "wanted, ms", "measured, ms", "off by, ms",
					     NULL };
	const json_t *wires = json_object_get(result, "wires");
	const json_t *wire;
	size_t i;

	wires_summary(out, wires);
	fputs("<details><summary>every wire</summary>", out);
	heads(out, texts);
	json_array_foreach (wires, i, wire) {
		double wanted = value_number(wire, "wanted_ms");
		double measured = value_number(wire, "measured_ms");

		fputs("<tr>", out);
		cell(out, value_string(wire, "link"));
		fprintf(out, "<td>%.2f</td><td>%.2f</td><td>%+.2f</td></tr>\n", wanted, measured,
			measured - wanted);
	}
	fputs("</table></div></details>\n", out);
}

static void condition(FILE *out, const char *name, const char *text)
{
	fputs("<tr>", out);
	cell(out, name);
	fputs("<td class=\"text\">", out);
	svg_escape(out, text);
	fputs("</td></tr>\n", out);
}

static void trials_conditions(FILE *out, const json_t *result)
{
	const json_t *trial;
	char text[256];
	size_t i;

	json_array_foreach (json_object_get(result, "trials"), i, trial) {
		if (json_is_true(json_object_get(trial, "valid")))
			continue;
		snprintf(text, sizeof(text), "not valid, left out: %.200s",
			 value_string(trial, "reason"));
		condition(out, "a trial", text);
	}
}

void table_conditions(FILE *out, const json_t *result)
{
	const json_t *trials = value_at(result, "summary", "trials", NULL);
	const char *name;
	json_t *version;
	char text[64];

	fputs("<table>\n", out);
	condition(out, "scenario", value_string(json_object_get(result, "scenario"), "name"));
	condition(out, "profile", value_string(result, "profile"));
	snprintf(text, sizeof(text), "%.0f", value_number(result, "seed"));
	condition(out, "seed", text);
	condition(out, "runtime", value_string(result, "runtime"));
	snprintf(text, sizeof(text), "%.0f valid, %.0f not", value_number(trials, "valid"),
		 value_number(trials, "invalid"));
	condition(out, "trials", text);
	if (value_limits(result, text))
		condition(out, "valid up to lateness of (does not compare)", text);
	trials_conditions(out, result);
	json_object_foreach (json_object_get(result, "versions"), name, version) {
		condition(out, name, json_is_string(version) ? json_string_value(version) : "");
	}
	fputs("</table>\n", out);
}
