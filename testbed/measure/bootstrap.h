/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bootstrap.h - how far a quantile might be off: 95 % intervals by resampling.
 *
 * Users behind one resolver share its cache, and all users of a trial share
 * one fault, so single users must not be drawn: trials are drawn with
 * replacement, then, in each drawn trial, its resolvers (client groups). Pure;
 * equal input and seed give equal intervals.
 */
#ifndef TESTBED_MEASURE_BOOTSTRAP_H
#define TESTBED_MEASURE_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "testbed/measure/survival.h"

#define BOOTSTRAP_RESAMPLES  1000
#define BOOTSTRAP_MIN_TRIALS 5

struct bootstrap_rng {
	uint64_t state;
};

struct bootstrap_interval {
	bool known;	   /* false: fewer trials than BOOTSTRAP_MIN_TRIALS */
	int64_t low, high; /* SURVIVAL_NEVER where a resample's quantile was */
};

/* SplitMix64 (Steele, Lea and Flood, 2014). */
uint64_t bootstrap_next(struct bootstrap_rng *rng);
/* Uniform in 0 to n - 1, by multiplication; n below 2^32. */
uint32_t bootstrap_below(struct bootstrap_rng *rng, uint32_t n);
/*
 * The interval of the p-quantile. lives is sorted and its clusters are indexes into
 * trial_of, which names the trial (0 to trials - 1) of each of the clusters. Weights are
 * overwritten, and 1 again afterwards.
 */
struct bootstrap_interval bootstrap_quantile(struct lifetime *lives, size_t n,
					     const uint32_t *trial_of, uint32_t clusters, double p,
					     uint64_t seed);

#endif
