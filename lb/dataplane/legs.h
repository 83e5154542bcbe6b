/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * legs.h - the ways out: one leg of the default route per peer and family.
 *
 * Pure: a small set, ordered by peer, so that the same peers always give the
 * same route and flows keep their leg.
 */
#ifndef LB_DATAPLANE_LEGS_H
#define LB_DATAPLANE_LEGS_H

#include "lb/conf.h"

struct leg {
	size_t peer;
	struct addr next_hop; /* IPv6 in both families, or IPv4 */
	unsigned ifindex;     /* 0: the kernel finds the interface */
};

/* Of one family. Zeroed: empty. */
struct legs {
	size_t count;
	struct leg items[LB_PEERS_MAX];
};

/* Set a peer's leg, or remove it (next_hop NULL). Returns whether anything has changed. */
bool legs_set(struct legs *legs, size_t peer, const struct addr *next_hop, unsigned ifindex);

#endif
