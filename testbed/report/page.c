/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.html: the sections in their order. The pictures are in charts.c. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/report/charts.h"
#include "testbed/report/claims.h"
#include "testbed/report/report.h"
#include "testbed/report/svg.h"
#include "testbed/report/tables.h"
#include "testbed/report/values.h"

#define HEADLINE_SIZE 2048

static const char page_style[] =
	"body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 "
	"system-ui,-apple-system,"
	"'Segoe UI',Roboto,'DejaVu Sans',sans-serif}main{max-width:1000px;margin:0 "
	"auto;padding:24px 28px "
	"64px}h1{font-size:28px;line-height:1.25;margin:8px 0 4px}h2{font-size:20px;margin:44px 0 "
	"4px;"
	"padding-top:14px;border-top:1px solid var(--line)}h3{font-size:16px;margin:24px 0 4px}"
	"p{margin:6px 0 12px;max-width:76ch}.soft,figcaption{color:var(--soft);font-size:14px}"
	".interval{font-size:12px;color:var(--soft)}.lead{background:var(--panel);border-left:4px "
	"solid var(--c0);padding:14px "
	"20px;margin:18px 0;"
	"font-size:17px}.lead p{margin:0;max-width:none}figure{margin:14px "
	"0}svg{width:100%;height:auto;"
	"display:block}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px;margin:"
	"10px 0;"
	"font-variant-numeric:tabular-nums}th,td{padding:5px 0 5px 14px;border-bottom:1px solid "
	"var(--line);"
	"text-align:right;vertical-align:top;white-space:nowrap}th{font-weight:600;color:var(--"
	"soft)}"
	"th:first-child,td:first-child{padding-left:0}th:first-child,td:first-child,td.text,th."
	"text{text-align:left}td.text{white-space:normal}"
	"td:first-child{font-weight:600}td.held{color:var(--c2);font-weight:600;white-space:nowrap}"
	"td.failed{color:var(--c1);font-weight:600;white-space:nowrap}td.partly{color:var(--c4);"
	"font-weight:600;white-space:nowrap}.cell{display:flex;width:92px;height:20px;gap:1px}"
	".cell span{color:#fff;font-size:11px;line-height:20px;text-align:center;overflow:hidden;"
	"min-width:3px}.cell .dark{color:#10202c}details summary{cursor:pointer;color:var(--soft)}"
	"code{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:14px}";

static void head(FILE *out, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	      "<meta name=\"color-scheme\" content=\"light dark\"><title>",
	      out);
	svg_escape(out, title);
	fputs("</title>\n<style>", out);
	svg_style(out);
	fputs(page_style, out);
	fputs("</style></head><body><main>\n", out);
}

static void section(FILE *out, const char *title, const char *text)
{
	fputs("<h2>", out);
	svg_escape(out, title);
	fputs("</h2>\n<p class=\"soft\">", out);
	svg_escape(out, text);
	fputs("</p>\n", out);
}

static void lead(FILE *out, const json_t *result, const char *fault)
{
	char *text = xcalloc(1, HEADLINE_SIZE);

	claims_headline(result, fault, text, HEADLINE_SIZE - 1);
	fputs("<div class=\"lead\"><p>", out);
	svg_escape(out, text);
	fputs("</p></div>\n", out);
	free(text);
}

static void claims_section(FILE *out, const json_t *result, const char *fault)
{
	static const char *const classes[] = { [CLAIM_HELD] = "held",
					       [CLAIM_FAILED] = "failed",
					       [CLAIM_PARTLY] = "partly",
					       [CLAIM_OPEN] = "partly" };
	struct claim claims[CLAIMS_MAX];
	size_t count = claims_judge(result, fault, claims);

	if (count == 0)
		return;
	section(out, "What is often said, and what this run says",
		"A verdict is about this topology, these timers and this fault. QUIC migration, "
		"attacks "
		"and edge caches are not part of this run.");
	fputs("<table><tr><th>claim</th><th class=\"text\">verdict</th><th class=\"text\">measured"
	      "</th></tr>\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		fputs("<tr><td class=\"text\">", out);
		svg_escape(out, claims[i].text);
		fprintf(out, "</td><td class=\"text %s\">%s</td><td class=\"text\">",
			classes[claims[i].verdict], claim_verdict_name(claims[i].verdict));
		svg_escape(out, claims[i].evidence);
		fputs("</td></tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void fault_sections(FILE *out, const json_t *result, const json_t *series, const char *fault)
{
	section(out, "How long users were cut off",
		"The share of the users cut off that had been answered again, by time after the "
		"fault "
		"(Kaplan-Meier). A user never answered again keeps the curve below 100 %; the "
		"dashes tell "
		"curves apart without colour. Dotted: what detection and TTL alone explain under "
		"GeoDNS, "
		"for users of resolvers that honour the TTL.");
	fputs("<figure>", out);
	chart_reconnect(out, result, series, fault, 0);
	fputs("</figure>\n", out);
	table_recovery(out, result, fault);
	section(out, "Where the time went",
		"Instants after the fault, from the event streams of daemons and routers (grey) "
		"and from "
		"the users' own requests (coloured), all on one clock; medians over the trials.");
	fputs("<figure>", out);
	chart_causes(out, result, fault);
	fputs("</figure>\n", out);
	section(out, "Long connections",
		"TCP connections with a heartbeat that were open at the failed pop when the fault "
		"began. "
		"Elsewhere: connections to other pops that broke all the same, of all there were.");
	fputs("<figure>", out);
	chart_sessions(out, result, fault);
	fputs("</figure>\n", out);
	section(out, "Catchments before, during and after",
		"For each client group and variant: which pops its users were last answered from "
		"before "
		"the fault, before its undo, and at the end. Widths are shares of users.");
	table_catchment(out, result, fault);
	table_failback(out, result, fault);
}

static void body(FILE *out, const json_t *result, const json_t *series, const char *fault)
{
	section(out, "What users saw over time",
		"All requests by the time they were due, each bin filled by who answered or how it "
		"failed. "
		"Trials are laid over each other at the fault.");
	fputs("<figure>", out);
	chart_timeline(out, result, series);
	fputs("</figure>\n", out);
	if (fault)
		fault_sections(out, result, series, fault);
	section(out, "Near and far",
		"Before the fault: users answered by the pop nearest on the globe, and users whose "
		"median "
		"round trip was 25 ms or more above the best their group had anywhere. Dotted: "
		"what was "
		"published for anycast on one large network (Calder et al., IMC 2015).");
	fputs("<figure>", out);
	chart_placement(out, result);
	fputs("</figure>\n", out);
	if (fault)
		claims_section(out, result, fault);
	section(out, "Wires", "The delay of every link as wanted and as measured before the run.");
	table_wires(out, result);
	section(out, "Conditions", "What it takes to run this again.");
	table_conditions(out, result);
}

static double affected_by(const json_t *result, const char *fault)
{
	json_t *variants = json_object_get(json_object_get(result, "summary"), "variants");
	const char *name;
	json_t *faults;
	double sum = 0;

	json_object_foreach (variants, name, faults) {
		sum += value_number(json_object_get(faults, fault), "affected");
	}
	return sum;
}

/* The fault that cut off the most users heads the page; NULL where there was none. */
static const char *main_fault(const json_t *result)
{
	json_t *variants = json_object_get(json_object_get(result, "summary"), "variants");
	const char *fault, *found = NULL;
	json_t *row;

	json_object_foreach (json_object_iter_value(json_object_iter(variants)), fault, row) {
		if (!found || affected_by(result, fault) > affected_by(result, found))
			found = fault;
	}
	return found;
}

static void further_faults(FILE *out, const json_t *result, const json_t *series, const char *first)
{
	json_t *variants = json_object_get(json_object_get(result, "summary"), "variants");
	const char *fault;
	json_t *row;

	json_object_foreach (json_object_iter_value(json_object_iter(variants)), fault, row) {
		if (strcmp(fault, first) == 0)
			continue;
		fputs("<h1>", out);
		svg_escape(out, fault);
		fputs("</h1>\n", out);
		lead(out, result, fault);
		fault_sections(out, result, series, fault);
	}
}

int report_write_html(const char *dir, const json_t *result, const json_t *series)
{
	const char *fault = main_fault(result);
	const json_t *scenario = json_object_get(result, "scenario");
	char *path = xasprintf("%s/report.html", dir);
	char *title =
		xasprintf("%s: %s", value_string(scenario, "name"), fault ? fault : "no fault");
	FILE *out = fopen(path, "we");
	int rc = out ? 0 : -errno;

	if (out) {
		head(out, title);
		fputs("<p class=\"soft\">Catchment, a comparison on a simulated internet</p><h1>",
		      out);
		svg_escape(out, title);
		fputs("</h1>\n", out);
		if (fault)
			lead(out, result, fault);
		body(out, result, series, fault);
		if (fault)
			further_faults(out, result, series, fault);
		fputs("</main></body></html>\n", out);
		if (ferror(out))
			rc = -EIO;
		if (fclose(out) != 0 && rc == 0)
			rc = -errno;
	}
	free(title);
	free(path);
	return rc;
}

int report_write_svg(const char *path, const json_t *result, const json_t *series)
{
	const char *fault = main_fault(result);
	FILE *out;

	if (!fault)
		return -ENODATA;
	out = fopen(path, "we");
	if (!out)
		return -errno;
	chart_reconnect(out, result, series, fault, 1);
	return fclose(out) == 0 ? 0 : -errno;
}
