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
/* The same in base/id, which may be there already, but without a record: then -EEXIST. */
int record_new_at(struct record **out, const char *base, const char *id);
/*
 * Only make base/<scenario>-<time>/, for record_new_at(). Returns 0 and its path in *dir, which
 * the caller frees, or -errno.
 */
int record_directory_make(char **dir, const char *base, const char *scenario);
/* A name that record_directory_make() may have made: no path, no hidden file, not too long. */
bool record_id_is_valid(const char *id);
/* Take note that a living process writes into dir: a descriptor to close when it is done. */
int record_lock(const char *dir);
/* Some process does. */
bool record_is_locked(const char *dir);
void record_free(struct record *record);
const char *record_dir(const struct record *record); /* NULL without files */
void record_trial(struct record *record, unsigned trial);
void record_row(struct record *record, const struct record_row *row);
void record_log(struct record *record, const char *node, const char *daemon, const char *line);
/* Keep a copy of a node's files (plan.h "files"). */
void record_files(struct record *record, const char *node, json_t *files);
/* Let a file belong to the user behind sudo. */
void record_give(const char *path);
/* False when rows have been lost since the start: the disk is full. */
bool record_flush(struct record *record);

#endif
