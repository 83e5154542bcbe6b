/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * timeline.h - what has lately become of a prefix: detected, decided, told to each peer.
 *
 * Pure. The last TIMELINE_KEPT changes, each with the instants that an operator asks for: when that
 * was seen which led to it (the check whose result tipped the verdict, say), when it was decided,
 * and when each peer's UPDATE was handed to the kernel. Peers are known by the speaker's indices.
 */
#ifndef LB_ANNOUNCE_TIMELINE_H
#define LB_ANNOUNCE_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"

#define TIMELINE_KEPT 8

struct timeline_entry {
	unsigned state; /* enum announce_state */
	bool announced; /* the UPDATE announces; else it withdraws */
	struct instant detected, decided;
	char *reason;	      /* as it was then */
	struct instant *sent; /* by peer; ns 0: not told of this */
};

/* Zeroed: empty, and right for no peers. */
struct timeline {
	size_t peer_count;
	size_t count; /* that are kept, the oldest first */
	struct timeline_entry entries[TIMELINE_KEPT];
};

void timeline_init(struct timeline *t, size_t peer_count);
void timeline_fini(struct timeline *t);
/*
 * Go on with what before, which is empty then, has; peers have other indices now: was[i] is the one
 * that peer i had, TIMELINE_NEW of one that was not there. t is overwritten.
 */
#define TIMELINE_NEW SIZE_MAX
void timeline_follow(struct timeline *t, struct timeline *before, const size_t *was,
		     size_t peer_count);
/* reason is copied; entry's own and its sent are not looked at. */
void timeline_add(struct timeline *t, const struct timeline_entry *entry, const char *reason);
/*
 * A peer was told. That belongs to the last change of this kind that was decided by then; it is
 * kept only the first time, for refreshes and sessions that come up again tell the same once more.
 * (A peer that reads nothing while an announcement changes is told once for both: of the later.)
 * Returns the change, or NULL where it is not kept any more.
 */
const struct timeline_entry *timeline_sent(struct timeline *t, size_t peer, bool announced,
					   struct instant at);

#endif
