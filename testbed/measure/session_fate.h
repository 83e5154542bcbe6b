/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_fate.h - what became of a long connection that was open at the fault.
 *
 * Pure, over the events of one session ordered by planned time.
 */
#ifndef TESTBED_MEASURE_SESSION_FATE_H
#define TESTBED_MEASURE_SESSION_FATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "testbed/measure/recovery.h"

enum session_step {
	SESSION_OPEN,	   /* established */
	SESSION_HEARTBEAT, /* answered, perhaps seconds late */
	SESSION_RESET,	   /* RST or FIN of the other side */
	SESSION_TIMED_OUT, /* 30 s without reply */
	SESSION_CLOSED,	   /* by the user, as planned */
	SESSION_STEPS	   /* none: a failed attempt to open */
};

struct session_event {
	int64_t planned_ns;
	int64_t completed_ns;
	uint32_t pop;
	enum session_step step;
};

enum session_fate {
	FATE_NOT_OPEN, /* when the fault began */
	FATE_SURVIVED,
	FATE_RESET,
	FATE_TIMED_OUT,
	FATE_UNDECIDED /* neither answered nor broken when the record ends */
};

struct session_verdict {
	enum session_fate fate;
	bool stalled; /* survived a gap over three periods between answers */
	uint32_t pop; /* that it was at when the fault began */
};

/* SESSION_STEPS when the text names none. */
enum session_step session_step_parse(const char *text);
struct session_verdict session_judge(const struct session_event *events, size_t n,
				     const struct fault_window *window, int64_t period_ns);

#endif
