/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * presence.h - how long a VIP's addresses stay on the machine.
 *
 *	absent --wanted--> present --unwanted--> lingering --quiet for linger_ms--> absent
 *	                      ^------wanted----------/
 *
 * Routers elsewhere go on sending for a while after a withdrawal, and what
 * still comes in is better answered than refused; so addresses leave only when
 * nothing has come for a while. Pure; the caller says whether anything has.
 */
#ifndef LB_DATAPLANE_PRESENCE_H
#define LB_DATAPLANE_PRESENCE_H

#include <stdbool.h>

#include "lib/clock.h"

enum presence_state { PRESENCE_ABSENT, PRESENCE_PRESENT, PRESENCE_LINGERING };

struct presence {
	enum presence_state state;
	unsigned linger_ms;
	struct instant quiet_since; /* while lingering */
};

/* found: the addresses are there already, left by a predecessor. */
void presence_init(struct presence *p, unsigned linger_ms, bool found, struct instant now);
/*
 * wanted: the VIP shall take packets. heard: something has come, or may still come since a peer
 * has not been told yet; only looked at while lingering. Returns whether state has changed.
 */
bool presence_step(struct presence *p, bool wanted, bool heard, struct instant now);
/* When to step next at the latest: often enough that linger_ms is kept to a twentieth. */
struct instant presence_deadline(const struct presence *p, struct instant now);
const char *presence_state_name(enum presence_state state);

#endif
