/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/legs.h"

#include <string.h>

bool legs_set(struct legs *legs, size_t peer, const struct addr *next_hop, unsigned ifindex)
{
	size_t at = 0, tail;
	bool found;

	while (at < legs->count && legs->items[at].peer < peer)
		at++;
	found = at < legs->count && legs->items[at].peer == peer;
	tail = legs->count - at - found;
	if (!next_hop) {
		memmove(&legs->items[at], &legs->items[at + found], tail * sizeof(legs->items[0]));
		legs->count -= found;
		return found;
	}
	if (found && legs->items[at].ifindex == ifindex &&
	    addr_equal(&legs->items[at].next_hop, next_hop))
		return false;
	if (!found) {
		if (legs->count == LB_PEERS_MAX)
			return false;
		memmove(&legs->items[at + 1], &legs->items[at], tail * sizeof(legs->items[0]));
		legs->count++;
	}
	legs->items[at] = (struct leg){ .peer = peer, .next_hop = *next_hop, .ifindex = ifindex };
	return true;
}
