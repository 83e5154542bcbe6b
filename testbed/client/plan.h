/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - when every user sends what, fixed before the first packet leaves.
 *
 * Slot n of a kind of traffic of a user is planned at
 *
 *	start + offset(user) + phase(user, kind) + n * period
 *
 * with the offset uniform in [0, ramp) and the phase in [0, period), both from
 * the seed and the user's number alone. All variants of a user share these
 * times, so that they can be compared in pairs. Nothing that happens on the
 * network moves a slot: that is what open loop means.
 *
 * Pure: a heap of the next slot of each (user, kind); time is an argument.
 */
#ifndef TESTBED_CLIENT_PLAN_H
#define TESTBED_CLIENT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"
#include "testbed/client/conf.h"

struct client_slot {
	struct instant planned;
	unsigned user;	  /* 0 to users - 1 in the group */
	unsigned traffic; /* index into the configuration's traffic */
	uint64_t n;	  /* 0, 1, 2, ... */
};

struct client_plan;

/* conf is borrowed; start is used instead of its own. */
struct client_plan *client_plan_new(const struct client_conf *conf, struct instant start);
void client_plan_free(struct client_plan *plan);

/* When the next slot is due. */
struct instant client_plan_deadline(const struct client_plan *plan);
/* Take the earliest slot that is due. False when none is. Call until then. */
bool client_plan_next(struct client_plan *plan, struct instant now, struct client_slot *out);
/* The planned time of any slot, past or future. */
struct instant client_plan_time(const struct client_plan *plan, unsigned user, unsigned traffic,
				uint64_t n);

#endif
