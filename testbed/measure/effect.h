/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * effect.h - what one fault of one trial cost one variant, added up over its users.
 *
 * Pure, over an arranged run. docs/measuring.md defines every number.
 */
#ifndef TESTBED_MEASURE_EFFECT_H
#define TESTBED_MEASURE_EFFECT_H

#include "testbed/measure/cause.h"
#include "testbed/measure/run_record.h"

/* A user whose last success before the fault came from the failed pop. */
struct effect_user {
	int32_t user;
	int group; /* index in the run's groups */
	int64_t period_ns;
	struct recovery recovery;
};

/* Users by the pop that they were last answered from: before, during, after the fault. */
enum effect_phase { PHASE_BEFORE, PHASE_DURING, PHASE_AFTER, PHASES };

struct effect_sessions {
	/* At the failed pop: open = survived + reset + timed_out + undecided. */
	uint64_t open, survived, reset, timed_out, undecided, stalled;
	/* At other pops; collateral of them were broken. */
	uint64_t others, collateral;
};

struct effect {
	const struct run_fault *fault;
	size_t variant;		      /* index in the run's variants */
	struct effect_user *affected; /* by user number */
	size_t affected_count, users;
	int64_t period_min_ns, period_max_ns;
	/* Of all users' requests of the primary kind, planned inside the fault. */
	uint64_t requests, failed, flips;
	uint64_t outcomes[OUTCOMES];
	uint64_t moved, moved_unaffected; /* users at another pop than before */
	struct effect_sessions sessions;
	struct cause cause;
	int64_t first_user_ns, last_user_ns, stable_ns; /* RECOVERY_NEVER: not all did */
	uint64_t returned;				/* affected users back at the failed pop */
	uint64_t failback_requests, failback_failed;	/* of affected users */
	uint32_t *catchment[PHASES];			/* groups x pops */
	/* Users that were answered, and those of them at the nearest pop alive. */
	uint64_t placed[PHASES], at_nearest[PHASES];
};

/* Measure; effect_fini() releases it. */
void effect_measure(struct effect *out, const struct run_record *run, const struct run_fault *fault,
		    size_t variant);
void effect_fini(struct effect *effect);
/* What a user counts in the distributions: a time, or censored at the fault's undo. */
struct lifetime;
struct lifetime effect_lifetime(const struct effect *effect, int64_t t_ns, uint32_t cluster);

#endif
