/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hold_down.h - how soon what has become worse may become better again.
 *
 * Pure. A prefix has a level: 0 is announced, n is step n of its VIP's ladder, HOLD_DOWN_WITHDRAWN
 * is the worst. A worse one is taken at once, whatever else is configured: users who are sent where
 * nobody serves them are lost. A better one waits, until it has been wanted for min_up_ms without a
 * break and is not held down any more.
 *
 * Every change for the worse holds the prefix down: for min_down_ms, or for the hold-down time of
 * its flaps if that is longer. A flap is a change for the worse after one for the better, so that
 * origins which die one after the other are one flap. After the first one the hold-down time is
 * initial_ms, and twice as long after each further one, up to max_ms. For every decay_ms that pass
 * without a change since the last one for the better, one flap is forgotten.
 */
#ifndef LB_ANNOUNCE_HOLD_DOWN_H
#define LB_ANNOUNCE_HOLD_DOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"

#define HOLD_DOWN_WITHDRAWN 255U

/* All zero: whatever is wanted is taken at once. */
struct hold_down_conf {
	uint32_t min_up_ms, min_down_ms;
	uint32_t initial_ms, max_ms,
		decay_ms; /* initial_ms 0: flaps do not count; else <= max_ms */
};

struct hold_down {
	unsigned level, wanted;
	struct instant wanted_since; /* when what is wanted now came to be wanted */
	unsigned flaps;		     /* that count, no more than make the time max_ms */
	uint64_t flaps_total;	     /* counted or not, forgotten or not */
	bool risen;		     /* the last change was for the better */
	struct instant until;	     /* held down before it */
	struct instant
		better_since;  /* better than level is wanted since; INSTANT_NEVER: it is not */
	struct instant forget; /* the next flap; INSTANT_NEVER: not counting down */
};

void hold_down_init(struct hold_down *h, unsigned level, struct instant now);
/*
 * What is wanted is this; cause, no later than now, is when it came to be so if it is news. Changes
 * level as far as that is allowed.
 */
void hold_down_step(struct hold_down *h, const struct hold_down_conf *conf, unsigned wanted,
		    struct instant cause, struct instant now);
/* Step again no later than this, whether or not anything else happens. */
struct instant hold_down_deadline(const struct hold_down *h, const struct hold_down_conf *conf);
/* A better level is wanted and has to wait. */
bool hold_down_is_holding(const struct hold_down *h);
/* Until when, if it stays wanted. Only of one that is holding. */
struct instant hold_down_end(const struct hold_down *h, const struct hold_down_conf *conf);

#endif
