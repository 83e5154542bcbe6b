/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * map.h - from a client's address to its class: an order of PoPs, and regions.
 *
 * A class is all that a configuration can tell clients apart by. Networks, rules, databases and
 * regions (places.h) become one prefix tree per address family whose leaves are classes:
 *
 *	networks                      tree                        leaves
 *	100.64.0.0/24 Paris           0/0 ── 100.64.0.0/23 ─┐     100.64.0.0/23 fra nyc
 *	100.64.1.0/24 Berlin                                └     100.64.2.0/24 nyc fra
 *	100.64.2.0/24 Boston                                      the rest: order of the default
 *
 * A longer prefix wins over the one it lies in, which is pushed down to the
 * gaps; then two sibling leaves with the same class become their parent. So
 * the leaves cover every address exactly once, and the length of a leaf
 * is the ECS scope: no two scopes overlap (RFC 7871, 7.2.1).
 *
 * Private blocks (RFC 1918, loopback, ...) are classes of their own, never
 * merged with public ones: an ECS address in them is answered by the
 * resolver's place, and such an answer must not be taken for one about public
 * addresses. Where all have the same order and regions, there is one leaf, of length 0.
 *
 * Immutable once built, read by all threads. A look-up touches no database: a load or two per
 * level of the tree (tree_lookup.h), and then the class.
 */
#ifndef GEODNS_GEO_MAP_H
#define GEODNS_GEO_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/database.h"
#include "geodns/geo/places.h"
#include "geodns/geo/rules.h"
#include "geodns/geo/tree_lookup.h"

struct geo_class {
	uint64_t regions; /* a bit for each */
	uint32_t order;	  /* row of the orders */
	uint32_t is_private;
};

struct geo_leaf {
	const uint16_t *order; /* pop_count indices of pops */
	uint64_t regions;
	uint32_t class;
	uint8_t length; /* of the prefix that the leaf covers: the ECS scope */
};

struct geo_map_error {
	size_t database; /* index of the one that is to blame */
	char text[200];
};

struct geo_map;

/*
 * databases: open, as many as places has; they may be closed then. NULL, and err set, when one
 * is damaged: never without any. places must outlive the map. Any thread may do it; with millions
 * of networks it takes seconds, and memory for them.
 */
struct geo_map *geo_map_new(const struct geo_places *places, struct geo_database *const *databases,
			    struct geo_map_error *err);
/* Opens the databases, relative ones from folder, and closes them again. */
struct geo_map *geo_map_load(const struct geo_places *places, const char *folder,
			     struct geo_map_error *err);
void geo_map_free(struct geo_map *map);
struct geo_leaf geo_map_lookup(const struct geo_map *map, const struct addr *addr);
/*
 * The leaves of several addresses, up to GEO_LOOKUPS_MAX, sooner than one after the other. Memory
 * is slow, not busy: the loads of look-ups that go on side by side overlap, those of one follow
 * each other.
 */
#define GEO_LOOKUPS_MAX 64
void geo_map_lookup_all(const struct geo_map *map, const struct addr *addrs, size_t count,
			struct geo_leaf *leaves);

/* The arrays themselves, for programs that are to see what this one sees. */
const struct geo_tree *geo_map_tree(const struct geo_map *map, enum addr_family family);
const struct geo_class *geo_map_classes(const struct geo_map *map, size_t *count);
const uint16_t *geo_map_orders(const struct geo_map *map, size_t *count);

/* For status and tests. */
size_t geo_map_leaf_count(const struct geo_map *map);
size_t geo_map_order_count(const struct geo_map *map);
size_t geo_map_class_count(const struct geo_map *map);
size_t geo_map_size(const struct geo_map *map);
/* Do the databases know of anybody what such a rule asks for? */
bool geo_map_knows(const struct geo_map *map, enum geo_source by);
const struct geo_database_info *geo_map_database(const struct geo_map *map, size_t index);

/* What the leaf of an address follows from. */
struct geo_reason {
	struct geo_decision decision; /* with all of its regions */
	struct geo_facts facts;	      /* of the databases, as far as they can be read */
	bool facts_known;	      /* all of them could; if not, err says why */
	struct geo_map_error err;
};

/*
 * Looks into the databases' files, if they are still the ones that were loaded: for explanations,
 * not for answers.
 */
struct geo_reason geo_map_explain(const struct geo_map *map, const struct addr *addr);

#endif
