/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cause.h - where the time went: what the daemons and routers did after a fault.
 *
 * Pure, over the rows that are neither requests nor sessions. Every row is on
 * the clock of the users' requests, so the instants compare.
 */
#ifndef TESTBED_MEASURE_CAUSE_H
#define TESTBED_MEASURE_CAUSE_H

#include "testbed/measure/run_record.h"

/* How a variant reacts, by its mode: what counts as having noticed the fault. */
struct cause_means {
	bool dns; /* a nameserver's verdict */
	bool bgp; /* the pop's own verdict, or the first router that acts */
	bool bfd; /* the first neighbour of the pop whose BFD session with it goes down */
};

/* Nanoseconds after the fault; RECOVERY_NEVER: not seen before its undo. */
struct cause {
	int64_t detected_ns;
	int64_t withdrawn_ns;	      /* the first route of the variant that vanished */
	int64_t record_changed_ns;    /* the last nameserver's first change of the record */
	int64_t routers_converged_ns; /* the last change of a route of the variant */
};

/* Of a variant of the scenario: its "mode" and "bfd". */
struct cause_means cause_means_of_variant(const json_t *variant);
struct cause cause_split(const struct run_record *run, const struct run_fault *fault,
			 uint32_t variant, struct cause_means means);

#endif
