/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_networks.bpf.h - for front.bpf.c: which networks of clients are served here, for user
 * space to tell the other PoPs.
 *
 * A flow's network is noted when the flow gets its entry in the table, and about once a minute
 * while it goes on. What two networks share is the last one's: the other comes back in a minute.
 */
#ifndef LB_DATAPLANE_FRONT_NETWORKS_BPF_H
#define LB_DATAPLANE_FRONT_NETWORKS_BPF_H

#include "lb/dataplane/front_maps.bpf.h"
#include "lb/flow/table.h"

#define AGAIN_SHIFT 6 /* in units of an entry's seen: 69 s */

FRONT_ARRAY(networks, uint64_t, FRONT_NETWORKS);

static __always_inline void network_note(const struct packet *p)
{
	const uint64_t network = flow_key_network(&p->f.key);
	volatile uint64_t *slot = map_at(&networks, front_network_slot(network));

	if (slot && *slot != network)
		*slot = network;
}

/* Is a minute over since the last packet? Not all flows' minutes end at once: each has its own. */
static __always_inline bool network_is_due(const struct flow_entry *entry, uint64_t hash,
					   struct flow_now now)
{
	const uint32_t offset = hash & ((1U << AGAIN_SHIFT) - 1);
	const uint32_t seen = *(const volatile uint32_t *)&entry->seen;

	return ((now.seen + offset) ^ (seen + offset)) >> AGAIN_SHIFT;
}

/* A packet of a flow that has an entry. */
static __always_inline void network_note_again(const struct flow_entry *entry,
					       const struct packet *p, struct flow_now now)
{
	if (network_is_due(entry, p->hash, now))
		network_note(p);
}

#endif
