/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/report/claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/report/values.h"

/* Within it 80 % of an anycast shift's users have arrived, on the internet (ANRW 2024). */
#define SHIFT_LEAST_MS 8000
#define SHIFT_MOST_MS  12000
#define SHIFT_SHARE    0.8

/* A variant of the run with what the claims need of it. */
struct subject {
	const char *name, *fault;
	const json_t *variant; /* of the scenario */
	const json_t *row;     /* of the summary */
	const json_t *placement;
};

/* The first variant of a mode that has the fault; false when there is none. */
static int subject_find(const json_t *result, const char *mode, const char *fault,
			struct subject *out)
{
	const json_t *variant;
	size_t i;

	json_array_foreach (value_at(result, "scenario", "variants", NULL), i, variant) {
		const char *name = value_string(variant, "name");
		const json_t *row = value_at(result, "summary", "variants", name, fault, NULL);

		if (strcmp(value_string(variant, "mode"), mode) != 0 || !row)
			continue;
		*out = (struct subject){ name, fault, variant, row,
					 value_at(result, "summary", "placement", name, NULL) };
		return 1;
	}
	return 0;
}

const char *claim_verdict_name(enum claim_verdict verdict)
{
	static const char *const names[] = { [CLAIM_HELD] = "held here",
					     [CLAIM_FAILED] = "not here",
					     [CLAIM_PARTLY] = "in part",
					     [CLAIM_OPEN] = "cannot tell" };

	return names[verdict];
}

static int claim_nearest(const struct subject *s, const json_t *result, struct claim *claim)
{
	double share = value_number(s->placement, "nearest_share");
	char near[VALUE_TEXT_SIZE], worse[VALUE_TEXT_SIZE];

	(void)result;
	if (value_number(s->placement, "users") == 0)
		return 0;
	claim->text = "Anycast sends users to the nearest site.";
	claim->verdict = share >= 0.95 ? CLAIM_HELD : share < 0.5 ? CLAIM_FAILED : CLAIM_PARTLY;
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "%s of the users were at their nearest pop, %s lost 25 ms or more. Published for "
		 "one large network: 55 %% and 20 %% (Calder, IMC 2015).",
		 value_share(json_object_get(s->placement, "nearest_share"), near),
		 value_share(json_object_get(s->placement, "worse_25ms_share"), worse));
	return 1;
}

static int claim_convergence(const struct subject *s, const json_t *result, struct claim *claim)
{
	const json_t *causes = json_object_get(s->row, "cause_ms");
	double begin = value_number(causes, "withdrawn");
	double took = value_number(causes, "routers_converged") - begin;
	char text[VALUE_TEXT_SIZE], from[VALUE_TEXT_SIZE];

	if (!value_is_known(json_object_get(causes, "withdrawn")) ||
	    !value_is_known(json_object_get(causes, "routers_converged")))
		return 0;
	claim->text = "BGP convergence takes 30-90 seconds.";
	claim->verdict = took >= 30000 && took <= 90000 ? CLAIM_HELD : CLAIM_FAILED;
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "From the first withdrawn route to the last route change: %s; what came before, "
		 "%s, was noticing. The profile is \"%s\"%s",
		 value_ms_number(took, text), value_ms_number(begin, from),
		 value_string(result, "profile"),
		 strcmp(value_string(result, "profile"), "ideal") == 0
			 ? ": no router here waits between updates, as many on the internet do."
			 : ".");
	return 1;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* When each user was back, from the first withdrawn route on; INFINITY for never. To be freed. */
static double *shift_times(const json_t *result, const char *variant, const char *fault,
			   size_t *count)
{
	const json_t *trial, *ms;
	double *times = NULL;
	size_t i, j, n = 0;

	json_array_foreach (json_object_get(result, "trials"), i, trial) {
		const json_t *f = value_at(trial, "variants", variant, "faults", fault, NULL);
		const json_t *list = json_object_get(f, "reconnect_ms");
		const json_t *begin = value_at(f, "cause_ns", "withdrawn", NULL);

		if (!json_is_true(json_object_get(trial, "valid")) || !value_is_known(begin))
			continue;
		times = xreallocarray(times, n + json_array_size(list) + 1, sizeof(*times));
		json_array_foreach (list, j, ms) {
			times[n++] = value_is_known(ms) ? json_number_value(ms) -
								  json_number_value(begin) / 1e6
							: INFINITY;
		}
	}
	*count = n;
	return times;
}

/* The one figure that the profile internet was not made from: it is right or wrong. */
static int claim_shift(const struct subject *s, const json_t *result, struct claim *claim)
{
	size_t n = 0;
	double *times, at;
	char text[VALUE_TEXT_SIZE] = "not before the undo";

	if (strcmp(value_string(result, "profile"), "internet") != 0)
		return 0;
	times = shift_times(result, s->name, s->fault, &n);
	if (n == 0) {
		free(times);
		return 0;
	}
	qsort(times, n, sizeof(*times), by_value);
	at = times[(size_t)ceil(SHIFT_SHARE * (double)n) - 1];
	free(times);
	if (isfinite(at))
		value_ms_number(at, text);
	claim->text = "Validation: 80 % of an anycast shift is done in 8 to 12 s.";
	claim->verdict = at >= SHIFT_LEAST_MS && at <= SHIFT_MOST_MS ? CLAIM_HELD : CLAIM_FAILED;
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "80 %% of %zu users were back after the first withdrawn route: %s. On the "
		 "internet it takes about 10 s (ANRW 2024). MRAI and processing of the profile "
		 "\"internet\" come from other figures, so this is a prediction: a %s.",
		 n, text, claim->verdict == CLAIM_HELD ? "hit" : "miss");
	return 1;
}

/* "half of the users ... within 9 s, the last within 12 s", or how many never were. */
static void recovery_text(const json_t *d, char *buf, size_t size)
{
	char p50[VALUE_TEXT_SIZE], max[VALUE_TEXT_SIZE];

	if (value_number(d, "never") > 0)
		snprintf(buf, size,
			 "p50 of the times until users were answered again: %s; %.0f of "
			 "%.0f were not before the undo",
			 value_quantile(d, "p50", p50), value_number(d, "never"),
			 value_number(d, "n"));
	else
		snprintf(buf, size,
			 "half of the users cut off were answered again within %s, the "
			 "last within %s",
			 value_quantile(d, "p50", p50), value_quantile(d, "max", max));
}

static int claim_reroutes(const struct subject *s, const json_t *result, struct claim *claim)
{
	const json_t *d = json_object_get(s->row, "reconnect_ms");
	char text[200];

	(void)result;
	if (value_number(d, "n") == 0)
		return 0;
	claim->text = "Traffic reroutes within seconds to minutes.";
	claim->verdict = value_number(d, "never") > 0	   ? CLAIM_PARTLY
			 : value_number(d, "max") > 600000 ? CLAIM_FAILED
							   : CLAIM_HELD;
	recovery_text(d, text, sizeof(text));
	snprintf(claim->evidence, sizeof(claim->evidence), "With %.60s %s.", s->name, text);
	return 1;
}

/* Whoever was watched for less than the sum cannot say that it was exceeded. */
static int claim_geodns(const struct subject *s, const json_t *result, struct claim *claim)
{
	const json_t *d = json_object_get(s->row, "reconnect_ms");
	const json_t *detected = value_at(s->row, "cause_ms", "detected", NULL);
	double limit = json_number_value(detected) + value_number(s->variant, "ttl") * 1000 + 1000;
	const char *sum = "the sum was exceeded";
	char text[200], noticed[VALUE_TEXT_SIZE];

	(void)result;
	if (value_number(d, "n") == 0 || !value_is_known(detected))
		return 0;
	claim->text = "GeoDNS fails over in TTL plus the health-check interval (minutes).";
	claim->verdict = CLAIM_FAILED;
	if (value_is_known(json_object_get(d, "max")) && value_number(d, "max") <= limit) {
		claim->verdict = CLAIM_PARTLY;
		sum = "the sum bounds the slowest, most are faster";
	} else if (value_number(d, "never") > 0 && value_number(d, "observed_ms") < limit) {
		claim->verdict = CLAIM_OPEN;
		sum = "the fault was undone before the sum had passed";
	}
	recovery_text(d, text, sizeof(text));
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "With TTL %.0f s and noticing after %s, %s: %s.", value_number(s->variant, "ttl"),
		 value_ms(detected, noticed), text, sum);
	return 1;
}

/* The pop that a fault hit; where it hit none, connections to all of them count. */
static const char *pop_text(const json_t *row)
{
	const char *pop = value_string(row, "pop");

	return pop[0] ? pop : "the pops";
}

/* What a break of a connection was due to besides the change of its route. */
static const char *break_remark(const char *kind)
{
	if (strcmp(kind, "pop_crash") == 0)
		return " Their pop died as well, so this is not the route change alone.";
	if (strcmp(kind, "catchment_shift") == 0)
		return " Their pop was alive: this is the route change alone.";
	return "";
}

static int claim_sessions(const struct subject *s, const json_t *result, struct claim *claim)
{
	const json_t *any = json_object_get(s->row, "sessions");
	double broken = value_number(any, "reset") + value_number(any, "timed_out");

	(void)result;
	if (value_number(any, "open") == 0)
		return 0;
	claim->text = "Anycast breaks long TCP connections when a route changes.";
	claim->verdict = broken == 0			       ? CLAIM_FAILED
			 : broken == value_number(any, "open") ? CLAIM_HELD
							       : CLAIM_PARTLY;
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "%.0f of %.0f connections to %.40s broke (%.0f reset, %.0f timed out), "
		 "%.0f of %.0f to other pops.%s",
		 broken, value_number(any, "open"), pop_text(s->row), value_number(any, "reset"),
		 value_number(any, "timed_out"), value_number(any, "collateral"),
		 value_number(any, "others"), break_remark(value_string(s->row, "kind")));
	return 1;
}

static int claim_dns_sessions(const struct subject *s, const json_t *result, struct claim *claim)
{
	const json_t *dns = json_object_get(s->row, "sessions");
	double open = value_number(dns, "open");

	(void)result;
	if (open == 0)
		return 0;
	claim->text = "GeoDNS sessions are stable.";
	claim->verdict = value_number(dns, "survived") == open ? CLAIM_HELD : CLAIM_PARTLY;
	if (value_number(dns, "survived") == 0)
		claim->verdict = CLAIM_FAILED;
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "Of %.0f connections to %.40s %.0f survived, %.0f were reset and "
		 "%.0f timed out; no DNS answer moves an open connection. Elsewhere %.0f of %.0f "
		 "broke.",
		 open, pop_text(s->row), value_number(dns, "survived"), value_number(dns, "reset"),
		 value_number(dns, "timed_out"), value_number(dns, "collateral"),
		 value_number(dns, "others"));
	return 1;
}

/* The first anycast variant with BFD, or without, that felt a silent crash; NULL: none. */
static const json_t *crash_row(const json_t *result, const char *fault, int bfd, const char **name)
{
	const json_t *variant;
	size_t i;

	json_array_foreach (value_at(result, "scenario", "variants", NULL), i, variant) {
		const json_t *row;

		*name = value_string(variant, "name");
		row = value_at(result, "summary", "variants", *name, fault, NULL);
		if (strcmp(value_string(variant, "mode"), "anycast") == 0 &&
		    json_is_true(json_object_get(variant, "bfd")) == bfd &&
		    strcmp(value_string(row, "kind"), "pop_crash") == 0 &&
		    value_number(json_object_get(row, "reconnect_ms"), "n") > 0)
			return row;
	}
	return NULL;
}

/* Of the same crash, what BFD noticed and what the hold timer did. */
static int claim_bfd(const json_t *result, const char *fault, struct claim *claim)
{
	const char *with, *without;
	const json_t *bfd = crash_row(result, fault, 1, &with);
	const json_t *hold = crash_row(result, fault, 0, &without);
	const json_t *bfd_back = json_object_get(bfd, "reconnect_ms");
	const json_t *hold_back = json_object_get(hold, "reconnect_ms");
	char noticed[2][VALUE_TEXT_SIZE], half[2][VALUE_TEXT_SIZE], last[2][VALUE_TEXT_SIZE];
	int all_back = value_number(bfd_back, "never") == 0;

	if (!bfd || !hold)
		return 0;
	claim->text = "BFD makes anycast failover sub-second.";
	claim->verdict = all_back && value_number(bfd_back, "max") < 1000 ? CLAIM_HELD
			 : value_is_known(json_object_get(bfd_back, "p50")) &&
					 value_number(bfd_back, "p50") < 1000
				 ? CLAIM_PARTLY
				 : CLAIM_FAILED;
	snprintf(claim->evidence, sizeof(claim->evidence),
		 "The same crash was noticed after %s with %.60s and after %s with %.60s; half of "
		 "the users were answered again within %s and %s, the last within %s and %s.",
		 value_ms(value_at(bfd, "cause_ms", "detected", NULL), noticed[0]), with,
		 value_ms(value_at(hold, "cause_ms", "detected", NULL), noticed[1]), without,
		 value_quantile(bfd_back, "p50", half[0]),
		 value_quantile(hold_back, "p50", half[1]),
		 value_quantile(bfd_back, "max", last[0]),
		 value_quantile(hold_back, "max", last[1]));
	return 1;
}

size_t claims_judge(const json_t *result, const char *fault, struct claim out[CLAIMS_MAX])
{
	static const struct {
		const char *mode;
		int (*judge)(const struct subject *, const json_t *, struct claim *);
	} judges[] = {
		{ "anycast", claim_nearest },	  { "anycast", claim_convergence },
		{ "anycast", claim_shift },	  { "anycast", claim_reroutes },
		{ "geodns", claim_geodns },	  { "anycast", claim_sessions },
		{ "geodns", claim_dns_sessions },
	};
	struct subject subject;
	size_t count = 0;

	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
		if (subject_find(result, judges[i].mode, fault, &subject))
			count += (size_t)judges[i].judge(&subject, result, &out[count]);
	}
	return count + (size_t)claim_bfd(result, fault, &out[count]);
}

/* One clause per variant, joined by semicolons; the first names the measure, the others follow. */
static void recovery_clause(FILE *out, const char *name, const json_t *row, int first)
{
	const json_t *d = json_object_get(row, "reconnect_ms");
	const json_t *loss = json_object_get(row, "loss_window_ms");
	char p50[VALUE_TEXT_SIZE], max[VALUE_TEXT_SIZE];

	if (!first)
		fputs("; ", out);
	if (value_number(d, "n") == 0)
		fprintf(out, "with %s it cut off nobody", name);
	else if (value_is_known(json_object_get(loss, "max")) && value_number(loss, "max") == 0)
		fprintf(out, "with %s none of the %.0f users it concerned lost a request", name,
			value_number(d, "n"));
	else if (value_loss_came_later(row))
		fprintf(out,
			"with %s the pop went on answering at first; half of the %.0f users it cut "
			"off then lost requests for %s or longer, the last for %s",
			name, value_number(d, "n"), value_quantile(loss, "p50", p50),
			value_quantile(loss, "max", max));
	else if (!value_is_known(json_object_get(d, "p50")))
		fprintf(out,
			"with %s not even half of the %.0f users it cut off were answered again in "
			"the %s before its undo",
			name, value_number(d, "n"),
			value_ms(json_object_get(d, "observed_ms"), max));
	else if (value_number(d, "never") > 0)
		fprintf(out,
			"with %s half of the %.0f users it cut off were answered again within %s "
			"and %.0f not before its undo",
			name, value_number(d, "n"), value_quantile(d, "p50", p50),
			value_number(d, "never"));
	else
		fprintf(out,
			"with %s half of the %.0f users it cut off were answered again within %s "
			"and the last within %s",
			name, value_number(d, "n"), value_quantile(d, "p50", p50),
			value_quantile(d, "max", max));
}

static void cost_clause(FILE *out, const char *name, const json_t *row, int first)
{
	const json_t *s = json_object_get(row, "sessions");
	char share[VALUE_TEXT_SIZE];

	fprintf(out, "%s%s%s lost %s of all requests", first ? "" : "; ",
		first ? "While it lasted " : "", name,
		value_share(json_object_get(row, "failed_share"), share));
	if (value_number(s, "open") > 0)
		fprintf(out, " and kept %.0f of the %.0f connections open at the pop",
			value_number(s, "survived"), value_number(s, "open"));
}

void claims_headline(const json_t *result, const char *fault, char *buf, size_t size)
{
	json_t *variants = json_object_get(json_object_get(result, "summary"), "variants");
	FILE *out = fmemopen(buf, size, "w");
	const json_t *trials = value_at(result, "summary", "trials", NULL);
	char limits[VALUE_TEXT_SIZE];
	int first = 1;
	const char *name;
	json_t *faults;

	if (!out)
		return;
	fprintf(out, "When %s struck, ", fault);
	json_object_foreach (variants, name, faults) {
		if (json_object_get(faults, fault))
			recovery_clause(out, name, json_object_get(faults, fault), first);
		first = 0;
	}
	fputs(". ", out);
	first = 1;
	json_object_foreach (variants, name, faults) {
		if (json_object_get(faults, fault))
			cost_clause(out, name, json_object_get(faults, fault), first);
		first = 0;
	}
	fputs(".", out);
	if (value_limits(result, limits))
		fprintf(out, " Trials counted up to %s late: these numbers do not compare.",
			limits);
	if (value_number(trials, "valid") < 5)
		fprintf(out,
			" This is %.0f trial%s: how long GeoDNS takes depends on where in its "
			"periods the fault fell, and no interval can be given.",
			value_number(trials, "valid"),
			value_number(trials, "valid") == 1 ? "" : "s");
	fclose(out);
}
