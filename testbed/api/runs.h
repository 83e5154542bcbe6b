/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runs.h - the runs that are waiting or on their way: a queue of child processes.
 *
 *	queued -> starting -> running -> reporting -> done | failed | cancelled
 *
 * starting: the lab is being made. running: trials. reporting: the lab is gone,
 * the table is being computed. A run that has come to its end is written down
 * and forgotten here: archive.h finds it. Two runs of one lab's name never run
 * at the same time.
 */
#ifndef TESTBED_API_RUNS_H
#define TESTBED_API_RUNS_H

#include "lib/event_log.h"
#include "testbed/api/order.h"

enum run_state {
	RUN_QUEUED,
	RUN_STARTING,
	RUN_RUNNING,
	RUN_REPORTING,
	RUN_DONE,
	RUN_FAILED,
	RUN_CANCELLED,
	RUN_STATES
};

const char *run_state_name(enum run_state state);

struct runs;

struct runs_setup {
	struct ev_loop *loop;
	struct event_log *events;
	const char *out; /* absolute */
	unsigned parallel;
};

/* setup is copied, what it points to must outlive the runs. */
struct runs *runs_new(const struct runs_setup *setup);
/* None may be left. */
void runs_free(struct runs *runs);

/* Queue one. 0 and *out as runs_get() has it, -EDQUOT when the queue is full, or -errno. */
int runs_add(struct runs *runs, const struct order *order, json_t **out);
/* As GET /v1/runs/{id} shows it; NULL: not waiting nor on its way. */
json_t *runs_get(const struct runs *runs, const char *id);
/* False: no such run. A queued one is gone at once, another ends in its own time. */
bool runs_cancel(struct runs *runs, const char *id, const char *reason);
/* Cancel all; what has not ended after so long is killed. */
void runs_stop(struct runs *runs, const char *reason, double patience_s);
size_t runs_left(const struct runs *runs);
/* The run that makes or measures in this lab, its id, or NULL. */
const char *runs_of_lab(const struct runs *runs, const char *lab);

/* News of the labs. Every now and then: look how far the runs are that do not say. */
void runs_lab_event(struct runs *runs, const char *lab, const json_t *event);
void runs_lab_gone(struct runs *runs, const char *lab);
void runs_look(struct runs *runs);

/* For /metrics: now in this state, or since the start for the last three. */
struct runs_counts {
	unsigned states[RUN_STATES];
	unsigned long long trials_valid, trials_invalid; /* of ended runs */
};
struct runs_counts runs_count(const struct runs *runs);

#endif
