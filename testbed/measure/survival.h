/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * survival.h - distributions of times, some of which never ended (Kaplan and Meier, 1958).
 *
 * A user that had not recovered when the observation ended is censored, not
 * dropped: leaving the worst out would flatter every quantile. Pure.
 */
#ifndef TESTBED_MEASURE_SURVIVAL_H
#define TESTBED_MEASURE_SURVIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SURVIVAL_NEVER INT64_MAX

struct lifetime {
	int64_t t;	 /* until it ended, or until the observation did */
	bool ended;	 /* false: censored at t */
	uint32_t weight; /* how often it counts (1, but in a resample) */
	uint32_t cluster;
};

/* Sort by time, endings before censorings of the same instant, as the estimator wants them. */
void survival_sort(struct lifetime *lives, size_t n);
/*
 * The least t at which the estimated share of ended lifetimes is at least p (0 < p <= 1);
 * SURVIVAL_NEVER when it never is. lives must be sorted. Without censoring this is the
 * ceil(p n)-th smallest.
 */
int64_t survival_quantile(const struct lifetime *lives, size_t n, double p);
/* One step of the curve: the share that had ended at t. */
struct survival_step {
	int64_t t;
	double ended;
};
/* The estimated curve, one step per distinct ending; room for n steps. Returns their number. */
size_t survival_curve(const struct lifetime *lives, size_t n, struct survival_step *out);

#endif
