/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The comparison on a terminal. */
#include <string.h>

#include "testbed/report/report.h"
#include "testbed/report/values.h"

/* The first trial's scenario decides; users of one run share their periods as a rule. */
static void print_head(FILE *out, const json_t *result)
{
	const json_t *trials = value_at(result, "summary", "trials", NULL);
	const json_t *scenario = json_object_get(result, "scenario");
	double invalid = value_number(trials, "invalid");
	char limits[VALUE_TEXT_SIZE];

	fprintf(out, "%s: profile %s, seed %.0f, %.0f trial%s", value_string(scenario, "name"),
		value_string(result, "profile"), value_number(result, "seed"),
		value_number(trials, "valid"), value_number(trials, "valid") == 1 ? "" : "s");
	if (invalid > 0)
		fprintf(out, " (%.0f more not valid, left out)", invalid);
	if (value_limits(result, limits))
		fprintf(out, ", valid up to %s late (does not compare)", limits);
	fputc('\n', out);
}

static void print_recovery_row(FILE *out, const char *name, const json_t *row)
{
	static const char *const quantiles[] = { "p50", "p90", "p99", "max" };
	const json_t *reconnect = json_object_get(row, "reconnect_ms");
	const json_t *failover = json_object_get(row, "failover_ms");
	char users[VALUE_TEXT_SIZE], buf[VALUE_TEXT_SIZE];

	snprintf(users, sizeof(users), "%.0f/%.0f", value_number(row, "affected"),
		 value_number(row, "users"));
	fprintf(out, "%-18.18s%8s ", name, users);
	for (int i = 0; i < 4; i++)
		fprintf(out, "%9s", value_quantile(reconnect, quantiles[i], buf));
	for (int i = 0; i < 2; i++)
		fprintf(out, "%9s", value_quantile(failover, quantiles[i], buf));
	fprintf(out, "%9s", value_quantile(json_object_get(row, "loss_window_ms"), "p50", buf));
	fprintf(out, "%9s\n", value_share(json_object_get(row, "failed_share"), buf));
}

static void print_interval(FILE *out, const char *name, const json_t *row)
{
	const json_t *reconnect = json_object_get(row, "reconnect_ms");
	char p50[VALUE_TEXT_SIZE], interval[VALUE_TEXT_SIZE];

	if (json_object_get(reconnect, "p50_interval"))
		fprintf(out, "  %s: reconnect p50 %s, 95 %% interval %s\n", name,
			value_quantile(reconnect, "p50", p50),
			value_interval(reconnect, "p50_interval", interval));
}

static void print_later_loss(FILE *out, const char *name, const json_t *row)
{
	const json_t *loss = json_object_get(row, "loss_window_ms");
	char max[VALUE_TEXT_SIZE];

	if (value_loss_came_later(row))
		fprintf(out,
			"  %s: %s went on answering at first; what it cost is the loss, at most %s\n",
			name, value_string(row, "pop"), value_quantile(loss, "max", max));
}

static void print_model(FILE *out, const char *name, const json_t *row)
{
	const json_t *model = json_object_get(row, "model");

	if (model)
		fprintf(out,
			"  %s, model: KS distance %.3f over %.0f users (critical %.3f at 5 %%)\n",
			name, value_number(model, "distance"), value_number(model, "n"),
			value_number(model, "critical"));
}

static void print_session_row(FILE *out, const char *name, const json_t *row)
{
	const json_t *s = json_object_get(row, "sessions");
	char others[VALUE_TEXT_SIZE];

	snprintf(others, sizeof(others), "%.0f of %.0f", value_number(s, "collateral"),
		 value_number(s, "others"));
	fprintf(out, "%-18.18s%8.0f%10.0f%9.0f%9.0f%11.0f%11.0f%24s\n", name,
		value_number(s, "open"), value_number(s, "survived"), value_number(s, "stalled"),
		value_number(s, "reset"), value_number(s, "timed_out"),
		value_number(s, "undecided"), others);
}

static void print_cause_row(FILE *out, const char *name, const json_t *row)
{
	static const char *const causes[] = { "detected",	"withdrawn",
					      "record_changed", "routers_converged",
					      "first_user",	"last_user",
					      "stable" };
	char buf[VALUE_TEXT_SIZE];

	fprintf(out, "%-18.18s", name);
	for (int i = 0; i < 7; i++)
		fprintf(out, i == 2 || i == 3 ? "%13s" : "%11s",
			value_ms(value_at(row, "cause_ms", causes[i], NULL), buf));
	fputc('\n', out);
}

static void print_failback_row(FILE *out, const char *name, const json_t *row)
{
	const json_t *back = json_object_get(row, "failback");
	const json_t *ms = json_object_get(back, "ms");
	char users[VALUE_TEXT_SIZE], failed[VALUE_TEXT_SIZE], buf[VALUE_TEXT_SIZE];

	if (value_number(back, "undone") == 0)
		return;
	snprintf(users, sizeof(users), "%.0f of %.0f", value_number(back, "returned"),
		 value_number(ms, "n"));
	snprintf(failed, sizeof(failed), "%.0f of %.0f", value_number(back, "failed"),
		 value_number(back, "requests"));
	fprintf(out, "%-18.18s%15s%10s", name, users, value_quantile(ms, "p50", buf));
	fprintf(out, "%10s", value_quantile(ms, "p90", buf));
	fprintf(out, "%18s\n", failed);
}

static void print_rows(FILE *out, const json_t *variants, const char *fault,
		       void (*print)(FILE *, const char *, const json_t *))
{
	const char *name;
	json_t *faults;

	json_object_foreach ((json_t *)variants, name, faults) {
		const json_t *row = json_object_get(faults, fault);

		if (row)
			print(out, name, row);
	}
}

static void print_pairs(FILE *out, const json_t *result, const char *fault)
{
	const json_t *pair;
	char buf[VALUE_TEXT_SIZE];
	size_t i;

	json_array_foreach (value_at(result, "summary", "paired", NULL), i, pair) {
		if (strcmp(value_string(pair, "fault"), fault) != 0 || value_number(pair, "n") == 0)
			continue;
		fprintf(out,
			"  %s less %s, the %.0f users cut off in both: median %s"
			" (earlier: %.0f and %.0f)\n",
			value_string(pair, "a"), value_string(pair, "b"), value_number(pair, "n"),
			value_ms(json_object_get(pair, "p50_ms"), buf),
			value_number(pair, "a_first"), value_number(pair, "b_first"));
	}
}

static void print_period(FILE *out, const json_t *row)
{
	const json_t *period = json_object_get(row, "period_ms");
	char low[VALUE_TEXT_SIZE], high[VALUE_TEXT_SIZE];

	fprintf(out, "probe period P = %s", value_ms(json_object_get(period, "min"), low));
	if (value_number(period, "min") != value_number(period, "max"))
		fprintf(out, " to %s", value_ms(json_object_get(period, "max"), high));
}

static void print_fault(FILE *out, const json_t *result, const char *fault, const json_t *row)
{
	const json_t *variants = value_at(result, "summary", "variants", NULL);

	fprintf(out, "\n%s   (", fault);
	print_period(out, row);
	fprintf(out, ")\n%-18s%8s%10s%-27s%9s%-9s%9s%9s\n", "", "", "reconnect",
		" ------------------------", "failover", " ------", "loss", "requests");
	fprintf(out, "%-18s%8s%10s%9s%9s%9s%9s%9s%9s%9s\n", "", "affected", "p50", "p90", "p99",
		"max", "p50", "p90", "p50", "failed");
	print_rows(out, variants, fault, print_recovery_row);
	print_rows(out, variants, fault, print_interval);
	print_rows(out, variants, fault, print_later_loss);
	print_rows(out, variants, fault, print_model);
	print_pairs(out, result, fault);
	fprintf(out, "\n%-18s%8s%10s%9s%9s%11s%11s%24s\n", "sessions", "open", "survived",
		"stalled", "reset", "timed out", "undecided", "collateral elsewhere");
	print_rows(out, variants, fault, print_session_row);
	fprintf(out, "\n%-18s%11s%11s%13s%13s%11s%11s%11s\n", "after the fault", "detected",
		"withdrawn", "DNS changed", "converged", "first user", "last user", "stable");
	print_rows(out, variants, fault, print_cause_row);
	if (value_number(json_object_get(row, "failback"), "undone") == 0)
		return;
	fprintf(out, "\n%-18s%15s%10s%10s%18s\n", "after the undo", "users back", "p50", "p90",
		"requests failed");
	print_rows(out, variants, fault, print_failback_row);
}

/* A fault that a variant lacks has no row there; any variant's row serves as the head. */
static void print_faults(FILE *out, const json_t *result)
{
	json_t *variants = json_object_get(json_object_get(result, "summary"), "variants");
	void *first = json_object_iter(variants);
	const char *fault;
	json_t *row;

	if (json_object_size(json_object_iter_value(first)) == 0)
		fputs("\nNo fault: nothing was cut off.\n", out);
	json_object_foreach (json_object_iter_value(first), fault, row) {
		print_fault(out, result, fault, row);
	}
}

void report_print_table(FILE *out, const json_t *result)
{
	double trials = value_number(value_at(result, "summary", "trials", NULL), "valid");

	print_head(out, result);
	if (trials == 0)
		fputs("\nNo valid trial: nothing to say.\n", out);
	else
		print_faults(out, result);
	if (trials < 5)
		fprintf(out,
			"\nn = %.0f, no interval. For twenty trials: catchment-testbed run %s "
			"--trials 20\n",
			trials, value_string(json_object_get(result, "scenario"), "name"));
}
