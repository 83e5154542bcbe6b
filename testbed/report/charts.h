/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * charts.h - the pictures of the report, each one <svg> element.
 *
 * result and series are as measure.h gives them; fault is a key of summary's
 * variants ("pop_crash fra"). Pure but for writing to out.
 */
#ifndef TESTBED_REPORT_CHARTS_H
#define TESTBED_REPORT_CHARTS_H

#include <jansson.h>
#include <stdio.h>

#define CHART_WIDTH 1000

/* What users saw over time: a panel per variant, requests by answer or failure. */
void chart_timeline(FILE *out, const json_t *result, const json_t *series);
/* The share of cut-off users that were answered again, over time. alone: for a file of its own. */
void chart_reconnect(FILE *out, const json_t *result, const json_t *series, const char *fault,
		     int alone);
void chart_sessions(FILE *out, const json_t *result, const char *fault);
void chart_causes(FILE *out, const json_t *result, const char *fault);
void chart_placement(FILE *out, const json_t *result);

#endif
