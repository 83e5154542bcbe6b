/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catchment-testbed report and compare. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/measure/measure.h"
#include "testbed/report/report.h"
#include "testbed/report/values.h"
#include "testbed/run.h"

static const struct option report_options[] = { { "json", no_argument, NULL, 'j' },
						{ "svg", required_argument, NULL, 's' },
						{ "help", no_argument, NULL, 'h' },
						{ NULL, 0, NULL, 0 } };

static void dump(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	putchar('\n');
}

/* Write what belongs into the directory. 0, or -1 and the reason in err. */
static int save(const char *dir, const json_t *result, const json_t *series, char *err,
		size_t err_size)
{
	int rc = measure_save(dir, result);

	if (rc == 0)
		rc = report_write_html(dir, result, series);
	if (rc < 0)
		snprintf(err, err_size, "%s: %s", dir, strerror(-rc));
	return rc < 0 ? -1 : 0;
}

int report_directory(const char *dir, FILE *table, char *err, size_t err_size)
{
	char why[MEASURE_ERROR_SIZE];
	json_t *result, *series;
	int rc;

	if (measure_directory(dir, &result, &series, why) < 0) {
		snprintf(err, err_size, "%s", why);
		return -1;
	}
	rc = save(dir, result, series, err, err_size);
	if (rc == 0)
		report_print_table(table, result);
	json_decref(result);
	json_decref(series);
	return rc;
}

static int report_one(const char *dir, const char *svg, bool json)
{
	char err[MEASURE_ERROR_SIZE];
	json_t *result, *series;
	int rc;

	if (measure_directory(dir, &result, &series, err) < 0) {
		fprintf(stderr, "report: %s\n", err);
		return EXIT_BAD_INPUT;
	}
	rc = save(dir, result, series, err, sizeof(err));
	if (rc < 0) {
		fprintf(stderr, "report: %s\n", err);
	} else if (svg && (rc = report_write_svg(svg, result, series)) < 0) {
		fprintf(stderr, "report: %s: %s\n", svg, strerror(-rc));
	} else if (json) {
		dump(json_object_get(result, "summary"));
	} else {
		report_print_table(stdout, result);
		printf("\n%s/report.html\n", dir);
	}
	json_decref(result);
	json_decref(series);
	return rc < 0 ? EXIT_ENVIRONMENT : 0;
}

int report_main(int argc, char **argv)
{
	const char *svg = NULL;
	bool json = false;
	int c;

	optind = 0; /* glibc: start over, main() has parsed its own options */
	while ((c = getopt_long(argc, argv, "", report_options, NULL)) != -1) {
		if (c == 'j') {
			json = true;
		} else if (c == 's') {
			svg = optarg;
		} else {
			fputs("usage: catchment-testbed report [--json] [--svg FILE] DIR\n",
			      c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EXIT_BAD_INPUT;
		}
	}
	if (optind + 1 != argc) {
		fputs("usage: catchment-testbed report [--json] [--svg FILE] DIR\n", stderr);
		return EXIT_BAD_INPUT;
	}
	return report_one(argv[optind], svg, json);
}

/* {DIR: summary of its run} for one of the two. */
static json_t *compare_load(const char *dir)
{
	char err[MEASURE_ERROR_SIZE];
	json_t *result, *series;

	if (measure_directory(dir, &result, &series, err) < 0) {
		fprintf(stderr, "compare: %s\n", err);
		return NULL;
	}
	json_decref(series);
	return result;
}

static void compare_line(const char *label, const json_t *a, const json_t *b, const char *measure,
			 const char *key)
{
	char x[VALUE_TEXT_SIZE], y[VALUE_TEXT_SIZE], d[VALUE_TEXT_SIZE] = "-";
	const json_t *from = json_object_get(json_object_get(a, measure), key);
	const json_t *to = json_object_get(json_object_get(b, measure), key);

	if (value_is_known(from) && value_is_known(to))
		value_ms_number(json_number_value(to) - json_number_value(from), d);
	printf("  %-24s%14s%14s%14s\n", label, value_quantile(json_object_get(a, measure), key, x),
	       value_quantile(json_object_get(b, measure), key, y), d);
}

static void compare_fault(const char *variant, const char *fault, const json_t *a, const json_t *b)
{
	char x[VALUE_TEXT_SIZE], y[VALUE_TEXT_SIZE];

	printf("\n%s, %s\n", variant, fault);
	printf("  %-24s%14.0f%14.0f\n", "affected users", value_number(a, "affected"),
	       value_number(b, "affected"));
	compare_line("reconnect p50", a, b, "reconnect_ms", "p50");
	compare_line("reconnect p90", a, b, "reconnect_ms", "p90");
	compare_line("reconnect max", a, b, "reconnect_ms", "max");
	compare_line("failover p50", a, b, "failover_ms", "p50");
	compare_line("failover p90", a, b, "failover_ms", "p90");
	compare_line("loss window p50", a, b, "loss_window_ms", "p50");
	printf("  %-24s%14s%14s\n", "requests failed",
	       value_share(json_object_get(a, "failed_share"), x),
	       value_share(json_object_get(b, "failed_share"), y));
}

static void compare_print(const json_t *first, const json_t *second, const char *const dirs[2])
{
	json_t *variants = json_object_get(json_object_get(first, "summary"), "variants");
	const json_t *const runs[2] = { first, second };
	const char *variant, *fault;
	char limits[VALUE_TEXT_SIZE];
	size_t compared = 0;
	json_t *faults, *a;

	for (int i = 0; i < 2; i++) {
		printf("%c: %s\n", 'A' + i, dirs[i]);
		if (value_limits(runs[i], limits))
			printf("%c was valid up to %s late: it does not compare\n", 'A' + i,
			       limits);
	}
	printf("%26s%14s%14s%14s\n", "", "A", "B", "B - A");
	json_object_foreach (variants, variant, faults) {
		json_object_foreach (faults, fault, a) {
			const json_t *b =
				value_at(second, "summary", "variants", variant, fault, NULL);

			if (b) {
				compare_fault(variant, fault, a, b);
				compared++;
			}
		}
	}
	if (compared == 0)
		puts("\nThe runs have no variant and fault in common.");
}

int compare_main(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	json_t *results[2] = { NULL, NULL };
	bool json = false;
	int c, rc = EXIT_BAD_INPUT;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		json = json || c == 'j';
		if (c != 'j') {
			optind = argc;
			break;
		}
	}
	if (optind + 2 != argc) {
		fputs("usage: catchment-testbed compare [--json] DIR DIR\n", stderr);
		return c == 'h' ? 0 : EXIT_BAD_INPUT;
	}
	for (int i = 0; i < 2; i++) {
		results[i] = compare_load(argv[optind + i]);
		if (!results[i])
			goto out;
	}
	if (json) {
		json_t *both = json_pack("[O, O]", json_object_get(results[0], "summary"),
					 json_object_get(results[1], "summary"));

		dump(both);
		json_decref(both);
	} else {
		compare_print(results[0], results[1],
			      (const char *const[]){ argv[optind], argv[optind + 1] });
	}
	rc = 0;
out:
	json_decref(results[0]);
	json_decref(results[1]);
	return rc;
}
