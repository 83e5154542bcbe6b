/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * edge.c - the router of a rack.
 */
#include "testbed/config/parts.h"
#include "testbed/router/bird.h"
#include "testbed/router/frr.h"

static void block_add(json_t *setup, struct prefix prefix)
{
	json_array_append_new(json_object_get(setup, "routes"),
			      json_pack("{s:o}", "dst", json_prefix(prefix)));
}

/*
 * Under everything that the lb may announce: when it withdraws, the edge must not send by its
 * default route what an upstream still sends here. Not a route of the router's, so that in its
 * kernel's table a withdrawn prefix vanishes.
 */
static void blocks_add(json_t *setup, const struct topology *t, size_t pop)
{
	for (unsigned family = 0; family < 2; family++) {
		block_add(setup, topology_identity_prefix(pop, family));
		for (size_t v = 0; v < t->scenario->variant_count; v++)
			block_add(setup,
				  topology_service_prefix(v, topology_slot(t, v, pop), family));
	}
}

void part_edge(json_t *setup, const struct topology *t, size_t at)
{
	size_t pop = t->nodes[at].index;

	blocks_add(setup, t, pop);
	switch (t->scenario->pops[pop].router) {
	case ROUTER_BIRD:
		part_bird(setup, t, at, bird_edge_config(t, at));
		break;
	case ROUTER_FRR:
		part_frr(setup, t, at, frr_edge_config(t, at), frr_edge_daemons(t, at));
		break;
	}
}
