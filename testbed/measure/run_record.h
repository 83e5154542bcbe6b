/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run_record.h - the rows of a run, arranged for measuring.
 *
 * events.csv has the rows in the order in which processes happened to report
 * them. Here they are series: the requests of one user of one variant in one
 * trial, the events of one session, the trials, the faults with their windows,
 * and the rest (what daemons and routers did). Pure, built once, then read.
 */
#ifndef TESTBED_MEASURE_RUN_RECORD_H
#define TESTBED_MEASURE_RUN_RECORD_H

#include <jansson.h>

#include "lib/arena.h"
#include "lib/geo.h"
#include "testbed/measure/events_csv.h"
#include "testbed/measure/recovery.h"
#include "testbed/measure/session_fate.h"

#define RUN_NO_INDEX (-1)

struct run_trial {
	int32_t number;
	bool valid;
	int64_t begin_ns, end_ns;
	int64_t first_fault_ns; /* end_ns when there was none */
};

struct run_fault {
	size_t trial; /* index in trials */
	const char *id, *kind, *target;
	const char *key; /* "pop_crash fra": the same in every trial */
	uint32_t pop;	 /* the failed pop, NAME_NONE when the target is none */
	bool undone;
	struct fault_window window;
};

/* The requests of one kind. Primary is the kind that recovery is measured on: udp, http, dns. */
struct run_user {
	size_t trial;
	uint32_t variant, group, kind;
	int32_t user;
	bool primary;
	int64_t period_ns; /* 0: the scenario does not say */
	const struct slot *slots;
	size_t count;
};

struct run_session {
	size_t trial;
	uint32_t variant;
	int64_t period_ns;
	const struct session_event *events;
	size_t count;
};

/* A name of the scenario, in its order; at is valid where the run knew the place. */
struct run_place {
	uint32_t name;
	const char *text;
	bool placed;
	struct geo_point at;
};

struct run_record {
	struct arena *arena;
	struct event_record raw;
	const json_t *result; /* borrowed */
	struct run_trial *trials;
	struct run_fault *faults; /* by trial, then time */
	struct run_user *users;	  /* by trial, variant, user, kind */
	struct run_session *sessions;
	struct event *daemons; /* everything else, in the order of the record */
	struct run_place *groups, *pops, *variants;
	size_t trial_count, fault_count, user_count, session_count, daemon_count;
	size_t group_count, pop_count, variant_count;
};

/*
 * Arrange the rows; takes raw over in any case. result is the skeleton, which must outlive the
 * record. Returns -1 and a text in err when the skeleton lacks what is needed.
 */
int run_record_build(struct run_record *out, struct event_record *raw, const json_t *result,
		     char *err, size_t err_size);
void run_record_fini(struct run_record *run);
/* Index of a name among places, RUN_NO_INDEX when it is not there. */
int run_place_find(const struct run_place *places, size_t count, uint32_t name);
/* The scenario's object of that name: "clients", "pops" or "variants". NULL when absent. */
const json_t *run_scenario_find(const struct run_record *run, const char *list, const char *name);
const char *run_name(const struct run_record *run, uint32_t id);

#endif
