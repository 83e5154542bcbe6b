/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maglev.h - which origin a new flow goes to: Maglev hashing (Eisenbud et al., NSDI 2016,
 * section 3.4) with weights.
 *
 * A table with one origin in each slot, of which a flow takes the one that its hash says. Each
 * origin has an order of all slots of its own, which follows from its name; they take turns, and
 * whose turn it is takes the next slot in its order that is free. With weights an origin's k-th
 * turn is at the time (2k - 1) / weight, so that the times of all others stay when a weight
 * changes, and with them nearly all their slots. What it is not: the same for two tables of
 * different size, or minimal to the last slot; the connection table keeps the flows that are open.
 *
 * The order in which origins are configured is of no consequence. Pure; the programs for the
 * kernel include this file, too.
 */
#ifndef LB_DATAPLANE_MAGLEV_H
#define LB_DATAPLANE_MAGLEV_H

#include "lib/fixed.h"

#define MAGLEV_SIZE	  65537 /* a prime, as the orders need */
#define MAGLEV_NONE	  0xffffU
#define MAGLEV_NODES_MAX  4096
#define MAGLEV_WEIGHT_MAX 65535

/* A flow's slot. The hash is flow_key_hash()'s, or another of 64 bits that are all random. */
static __always_inline uint32_t maglev_slot(uint64_t hash)
{
	return (uint32_t)(hash % MAGLEV_SIZE);
}

#ifndef __bpf__
#include <stddef.h>

struct maglev_node {
	const char *name; /* no two are equal */
	uint32_t weight;  /* 0 to MAGLEV_WEIGHT_MAX; 0: drained, gets no slot */
};

/*
 * Fills table with indices of nodes, count of them, at most MAGLEV_NODES_MAX; all MAGLEV_NONE if
 * none has a weight. A node has its part of the slots, rounded up or down. Some milliseconds.
 */
void maglev_fill(uint16_t table[MAGLEV_SIZE], const struct maglev_node *nodes, size_t count);
#endif

#endif
