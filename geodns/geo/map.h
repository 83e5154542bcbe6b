/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * map.h - from a client's address to an order of PoPs.
 *
 * The networks, each with its place, become one binary prefix tree per
 * address family whose leaves are orders: all PoPs, the nearest first.
 *
 *	networks                      tree                        leaves
 *	100.64.0.0/24 Paris           0/0 ── 100.64.0.0/23 ─┐     100.64.0.0/23 fra nyc
 *	100.64.1.0/24 Berlin                                └     100.64.2.0/24 nyc fra
 *	100.64.2.0/24 Boston                                      the rest: order of the default
 *
 * A longer prefix wins over the one it lies in, which is pushed down to the
 * gaps; then two sibling leaves with the same order become their parent. So
 * the leaves cover every address exactly once, and the length of a leaf
 * is the ECS scope: no two scopes overlap (RFC 7871, 7.2.1).
 *
 * Private blocks (RFC 1918, loopback, ...) are leaves of their own, never
 * merged with public ones: an ECS address in them is answered by the
 * resolver's place, and such an answer must not be taken for one about public
 * addresses. Where there is only one order, there is one leaf, of length 0.
 *
 * Pure, immutable once built, read by all threads.
 */
#ifndef GEODNS_GEO_MAP_H
#define GEODNS_GEO_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/name.h"
#include "lib/addr.h"
#include "lib/geo.h"

struct geo_network {
	struct prefix prefix;
	struct geo_point at;
};

struct geo_places {
	const struct geo_pop *pops;
	size_t pop_count;		    /* up to 65535 */
	const struct geo_network *networks; /* unlike prefixes */
	size_t network_count;
	bool has_default;
	struct geo_point default_at; /* of addresses in no network; else: the order of pops */
};

struct geo_leaf {
	const uint16_t *order; /* pop_count indices of pops */
	uint8_t length;	       /* of the prefix that the leaf covers: the ECS scope */
};

struct geo_map;

struct geo_map *geo_map_new(const struct geo_places *places);
void geo_map_free(struct geo_map *map);
struct geo_leaf geo_map_lookup(const struct geo_map *map, const struct addr *addr);
/* For status and tests. */
size_t geo_map_leaf_count(const struct geo_map *map);
size_t geo_map_order_count(const struct geo_map *map);

/* The network that decides for an address, NULL for none. Linear: for explanations. */
const struct geo_network *geo_places_find(const struct geo_places *places, const struct addr *addr);

#endif
