/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * events_csv.h - the raw record of a run: events.csv (RFC 4180).
 *
 * A header line, then one row per request, heartbeat, fault, trial, daemon
 * event and route change, in any order:
 *
 *	t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail
 *
 * t_ns is CLOCK_MONOTONIC (for requests the planned send); trial, user and
 * latency_us may be empty. Pure: text to rows and back.
 */
#ifndef TESTBED_MEASURE_EVENTS_CSV_H
#define TESTBED_MEASURE_EVENTS_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "testbed/measure/name_table.h"

#define EVENTS_CSV_HEADER "t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail"
#define EVENT_NO_NUMBER	  (-1) /* an empty trial, user or latency */

struct event {
	int64_t t_ns;
	int64_t latency_us;
	int32_t trial;
	int32_t user;
	/* Ids in the record's names. */
	uint32_t source, kind, variant, pop, result, detail;
};

struct event_record {
	struct name_table *names;
	struct event *events;
	size_t count;
	/* The last line had no end and was left out: the writer was killed. */
	bool truncated;
};

struct events_csv_error {
	size_t line; /* from 1 */
	const char *reason;
};

/* Read the whole text. On a mistake returns -1 and sets *err; otherwise 0 and *out is the caller's.
 */
int events_csv_decode(struct event_record *out, const char *text, size_t len,
		      struct events_csv_error *err);
void event_record_fini(struct event_record *record);
/* Write header and rows, quoting where RFC 4180 asks for it, lines ending in LF. */
void events_csv_encode(const struct event_record *record, FILE *out);

#endif
