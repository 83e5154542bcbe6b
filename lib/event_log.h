/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * event_log.h - what happened in a daemon, in order, for whoever asks.
 *
 * A bounded ring of events, each one line of JSON:
 *
 *	{"id":17,"t_ns":81273465,"kind":"vip_down","vip":"web","reason":"..."}
 *
 * id counts from 1 without gaps, t_ns is CLOCK_MONOTONIC, kind is snake_case.
 * A reader keeps the last id that it has seen and asks for the next one; if
 * the ring has turned over meanwhile it continues with the oldest that is left,
 * and so does one that is ahead because the daemon has been restarted. One thread.
 */
#ifndef LIB_EVENT_LOG_H
#define LIB_EVENT_LOG_H

#include <jansson.h>
#include <stdint.h>

#include "lib/clock.h"

struct event_log;

/*
 * Told after each event_log_add(); may unsubscribe itself then, no other. The
 * subscriber's memory is the caller's.
 */
struct event_subscriber {
	void (*on_event)(struct event_subscriber *sub);
	struct event_subscriber *next, **link; /* the log's own */
};

struct event_log *event_log_new(size_t capacity);
/* No subscriber may be left. */
void event_log_free(struct event_log *log);
/* Takes fields (an object, or NULL) over. A field named id, t_ns or kind is a programmer's mistake.
 */
void event_log_add(struct event_log *log, struct instant now, const char *kind, json_t *fields);
/*
 * The oldest event newer than *after, as a line without its newline; *after becomes
 * its id. NULL when there is none. Borrowed: valid until the next event_log_add().
 */
const char *event_log_next(const struct event_log *log, uint64_t *after);
uint64_t event_log_last_id(const struct event_log *log);
void event_log_subscribe(struct event_log *log, struct event_subscriber *sub);
void event_log_unsubscribe(struct event_subscriber *sub);

#endif
