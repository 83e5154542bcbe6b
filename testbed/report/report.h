/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report.h - a measured run for people: the table, report.html, a picture.
 *
 * Everything printed comes from result.json as measure.h fills it in; series
 * only holds the curves. Writers return 0 or -errno.
 */
#ifndef TESTBED_REPORT_REPORT_H
#define TESTBED_REPORT_REPORT_H

#include <jansson.h>
#include <stdio.h>

/* The comparison in at most 100 columns, one row per variant and fault. */
void report_print_table(FILE *out, const json_t *result);
/* DIR/report.html: self-contained, no script, light and dark. */
int report_write_html(const char *dir, const json_t *result, const json_t *series);
/* The reconnect times of the run as a picture of its own. */
int report_write_svg(const char *path, const json_t *result, const json_t *series);
/* Measure DIR, write its result.json and report.html, print the table. 0, or -1 and a line in err.
 */
int report_directory(const char *dir, FILE *table, char *err, size_t err_size);

/* "catchment-testbed report [--json] [--svg FILE] DIR"; argv[0] is "report". Exit status. */
int report_main(int argc, char **argv);
/* "catchment-testbed compare [--json] DIR DIR": the same measures of two runs side by side. */
int compare_main(int argc, char **argv);

#endif
