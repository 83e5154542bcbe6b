/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.h - a run's directory: events.csv, daemon logs, configurations.
 *
 * Rows are written as they come and flushed with every trial, so that an
 * interrupted run keeps what was measured. docs/measuring.md says what each
 * kind of row means. One thread.
 */
#ifndef TESTBED_RECORD_H
#define TESTBED_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct record;

/* "" where a column has nothing; latency_us negative for none. */
struct record_row {
	int64_t t_ns;
	const char *source, *kind, *variant, *user, *pop, *result;
	int64_t latency_us;
	const char *detail;
};

/*
 * Make base/<scenario>-<time>/ and point base/latest to it; base NULL: no files at all, every call
 * below does nothing. Returns 0 and sets *out, or -errno. Files belong to the user behind sudo.
 */
int record_new(struct record **out, const char *base, const char *scenario);
void record_free(struct record *record);
const char *record_dir(const struct record *record); /* NULL without files */
void record_trial(struct record *record, unsigned trial);
void record_row(struct record *record, const struct record_row *row);
void record_log(struct record *record, const char *node, const char *daemon, const char *line);
/* Keep a copy of a node's files (plan.h "files"). */
void record_files(struct record *record, const char *node, json_t *files);
/* Let a file in it belong to the user behind sudo. */
void record_give(const struct record *record, const char *path);
/* False when rows have been lost since the start: the disk is full. */
bool record_flush(struct record *record);

#endif
