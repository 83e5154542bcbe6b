/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compile.h - from places and databases to a tree of classes: the part of map.c that thinks.
 *
 * One walk per family goes down all databases and the configuration's own prefixes at once,
 * from the lowest address up, and where none of them goes any deeper it has a leaf:
 *
 *	databases ─ branches ─┐                    ┌─ order of PoPs (order.h)
 *	prefixes of networks ─┼─ leaf: who decides ┤
 *	prefixes of regions ──┘  (rules.h)         └─ regions   = class ─ tree.h merges
 *
 * Data that stand at one offset of a database are decoded once, equal facts are decided upon once,
 * equal places are ranked once. Memory beyond the tree is what different facts need.
 */
#ifndef GEODNS_GEO_COMPILE_H
#define GEODNS_GEO_COMPILE_H

#include "geodns/geo/database.h"
#include "geodns/geo/map.h"
#include "geodns/geo/prefixes.h"
#include "geodns/geo/rules.h"
#include "geodns/geo/tree.h"

/* All of it belongs to the caller. */
struct geo_compiled {
	struct geo_tree *trees[2];
	struct geo_class *classes;
	size_t class_count;
	uint16_t *orders; /* rows of as many as there are PoPs */
	size_t order_count;
	unsigned facts; /* GEO_FACTS_ that the databases know of anybody, of those that matter */
};

/*
 * rules and prefixes of the same places, and as many databases as those have. False, and
 * err set, when one is damaged. No state outside of the arguments: any thread may do it.
 */
bool geo_compile(const struct geo_rules *rules, const struct geo_prefixes *prefixes,
		 struct geo_database *const *databases, struct geo_compiled *out,
		 struct geo_map_error *err);

#endif
