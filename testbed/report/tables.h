/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tables.h - the tables of report.html. Pure but for writing to out.
 */
#ifndef TESTBED_REPORT_TABLES_H
#define TESTBED_REPORT_TABLES_H

#include <jansson.h>
#include <stdio.h>

void table_recovery(FILE *out, const json_t *result, const char *fault);
void table_catchment(FILE *out, const json_t *result, const char *fault);
/* Nothing where the fault was never undone. */
void table_failback(FILE *out, const json_t *result, const char *fault);
void table_wires(FILE *out, const json_t *result);
void table_conditions(FILE *out, const json_t *result);

#endif
