/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * archive.h - the runs' directories below --out, whoever has started the runs.
 *
 * serve keeps in each that it makes:
 *
 *	run.json       the run as GET /v1/runs/{id} shows it, replaced at each change of state
 *	scenario.json  what was posted
 *	progress.log   the run's standard error
 *	table.txt      its standard output
 *
 * beside what every run writes (record.h). A directory without run.json is of
 * a run by hand; what is known of it is in its result.json. A run in progress
 * locks its directory, so one that says it is, without a lock, was killed.
 */
#ifndef TESTBED_API_ARCHIVE_H
#define TESTBED_API_ARCHIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

/* "2026-11-22T04:00:00Z" */
json_t *archive_time(time_t at);
/* The names of the directories below out, newest first, malloc'd as the array is. */
size_t archive_ids(const char *out, char ***ids);
/* The run, or NULL when there is none of that name. */
json_t *archive_run(const char *out, const char *id);
/* A file of its directory as text, malloc'd; NULL when it is not there or empty. */
char *archive_file(const char *out, const char *id, const char *name);
/*
 * Why its process has failed, malloc'd, in ASCII: the last line of progress.log, and what has
 * killed it. status as the shell's.
 */
char *archive_end_reason(const char *out, const char *id, int status);
/* It will not change any more. */
bool archive_run_is_final(const json_t *run);
/* Replace dir/name as a whole. 0 or -errno. */
int archive_save(const char *dir, const char *name, const json_t *json);

/* What dir/result.json says. */
struct archive_trials {
	bool known; /* it is there */
	unsigned valid, attempts;
};

struct archive_trials archive_trials(const char *dir);

#endif
