/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recovery.h - what one fault did to one user, from that user's requests.
 *
 * Pure, over the requests of one kind of one user in one trial, ordered by
 * planned send time. Times are nanoseconds after the fault; docs/measuring.md
 * has the definitions in words.
 */
#ifndef TESTBED_MEASURE_RECOVERY_H
#define TESTBED_MEASURE_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECOVERY_RUN   10 /* successes from one pop in a row that count as failed over */
#define RECOVERY_NEVER (-1)

enum outcome {
	OUTCOME_OK,
	OUTCOME_REFUSED,
	OUTCOME_UNREACHABLE,
	OUTCOME_RESET,
	OUTCOME_SILENT,
	OUTCOME_WRONG,
	OUTCOME_DNS_FAILED,
	OUTCOMES
};

const char *outcome_name(enum outcome outcome);
/* OUTCOMES when the text names none. */
enum outcome outcome_parse(const char *text);

struct slot {
	int64_t planned_ns;
	int64_t completed_ns;
	uint32_t pop; /* a name's id; NAME_NONE unless answered */
	enum outcome outcome;
};

/* The fault lasts from begin_ns until before end_ns; what follows, until_ns excluded, is fail-back.
 */
struct fault_window {
	int64_t begin_ns, end_ns, until_ns;
};

struct recovery {
	/* Who answered the last success before, during and after the fault; NAME_NONE: nobody. */
	uint32_t pop_before, pop_during, pop_after;
	int64_t reconnect_ns; /* RECOVERY_NEVER until the window's end */
	int64_t failover_ns;
	uint64_t requests, failed, flips; /* of the requests planned inside the fault */
	uint64_t outcomes[OUTCOMES];
	/* After the undo: first success from the pop of before, and the requests meanwhile. */
	int64_t failback_ns; /* after end_ns */
	uint64_t failback_requests, failback_failed;
};

struct recovery recovery_measure(const struct slot *slots, size_t n,
				 const struct fault_window *window);

#endif
