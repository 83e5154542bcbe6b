/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drain.h - taking a PoP out so that nobody notices.
 *
 *	none --begin--> depreferred --moved, or deadline--> withdrawn --quiet--> drained
 *	  ^                  |                                  |                   |
 *	  `-------undo-------+----------------------------------+-------------------'
 *
 * depreferred  every peer is asked to prefer others (RFC 8326), DNS to send nobody; both take
 *              effect when they do. Moved is who begins no flow here any more: a whole second
 *              in which fewer than one in a hundred of those of its busiest second came.
 * withdrawn    no route leads here, and what still comes is served
 * drained      nothing has come for a while; whoever has an idle connection has it still
 *
 * An upstream may ignore what it is asked for: hence the deadline, and the
 * withdrawal, which nobody ignores. Pure: the caller counts what comes in and
 * carries out what the phase says. Steps are due every DRAIN_STEP_MS.
 */
#ifndef LB_DRAIN_H
#define LB_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"

#define DRAIN_STEP_MS 100
#define DRAIN_STEPS   10 /* a window of a second */

enum drain_phase { DRAIN_NONE, DRAIN_DEPREFERRED, DRAIN_WITHDRAWN, DRAIN_DRAINED };

/* Whether another PoP would take a VIP's users: of the last one, none would. */
enum drain_others { DRAIN_OTHERS_UNKNOWN, DRAIN_OTHERS_NONE, DRAIN_OTHERS_SOME };

/* What comes in for one VIP. */
struct drain_flow {
	bool unknown; /* nobody can count it: only the deadline ends the waiting */
	uint64_t seen;
	uint64_t steps[DRAIN_STEPS];
	uint64_t now, busiest; /* in the last second, and in the busiest one */
};

struct drain {
	enum drain_phase phase;
	unsigned deadline_ms, linger_ms;
	struct instant begun, withdrawn, drained; /* ns 0: not yet */
	struct instant quiet_since;
	bool late; /* the deadline has come before the users had gone */
	size_t count;
	struct drain_flow *flows; /* by VIP */
	size_t step, steps;	  /* where in the window; how many since all peers know */
};

/* count VIPs; linger_ms: how long nothing may come before it is drained. */
void drain_begin(struct drain *d, size_t count, unsigned deadline_ms, unsigned linger_ms,
		 struct instant now);
/* Back to none, from any phase. What was measured is forgotten. */
void drain_undo(struct drain *d);
/*
 * counts: by VIP what has come in so far: while depreferred what begins flows, from then on
 * anything. It begins anew with the phase. told: every peer has been sent what the phase is about.
 * Returns whether the phase has changed.
 */
bool drain_step(struct drain *d, const uint64_t *counts, bool told, struct instant now);
const char *drain_phase_name(enum drain_phase phase); /* "none", "depreferred", ... */

#endif
