/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * placement.h - how well users are placed while nothing is broken.
 *
 * Near is great-circle distance from the client group to a pop; the round trip
 * that a user could have had ("best") is the lowest median that its group saw
 * from any pop in any variant before the first fault, or the estimate for a
 * pop that the group never saw, if that is lower still. Pure.
 */
#ifndef TESTBED_MEASURE_PLACEMENT_H
#define TESTBED_MEASURE_PLACEMENT_H

#include "testbed/measure/run_record.h"

#define PLACEMENT_WORSE_NS (25 * INT64_C(1000000)) /* Calder et al., IMC 2015 */
#define PLACEMENT_KM_MS	   200.0
#define PLACEMENT_STRETCH  1.4

/* Of one variant, user-trials added over the valid trials. */
struct placement {
	uint64_t users;			  /* answered before the first fault, place known */
	uint64_t nearest;		  /* of these at their nearest pop */
	uint64_t timed;			  /* answered before the first fault, best known */
	uint64_t worse;			  /* of these PLACEMENT_WORSE_NS or more over the best */
	int64_t over_p50_ns, over_p90_ns; /* round trip over the best */
};

/* Index of the pop nearest to the group, one left out (or NAME_NONE); RUN_NO_INDEX: no places. */
int placement_nearest(const struct run_record *run, size_t group, uint32_t left_out);
/* The round trip of a distance: there and back at 200 km per ms on a path 1.4 times as long. */
int64_t placement_estimate_ns(double km);
/* One placement per variant of the run, which the caller frees. */
struct placement *placement_measure(const struct run_record *run);

#endif
