/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * prefixes.h - the prefixes of networks and regions, and the private blocks, to walk like a tree.
 *
 * Sorted, a prefix stands before those that lie in it, and all that lie in one are
 * neighbours. So a node of the tree that they would be is a range of the array, and its two halves
 * are parts of that.
 */
#ifndef GEODNS_GEO_PREFIXES_H
#define GEODNS_GEO_PREFIXES_H

#include "geodns/geo/places.h"

#define GEO_PREFIX_NONE UINT32_MAX

struct geo_prefix_entry;

struct geo_prefixes {
	struct geo_prefix_entry *entries;
	size_t count, ipv6; /* index of the first of IPv6 */
};

struct geo_prefix_range {
	uint32_t first, last; /* one behind */
};

void geo_prefixes_init(struct geo_prefixes *prefixes, const struct geo_places *places);
void geo_prefixes_fini(struct geo_prefixes *prefixes);
/* All of a family: the range of the prefix of length 0. */
struct geo_prefix_range geo_prefixes_family(const struct geo_prefixes *prefixes,
					    enum addr_family family);
/* Take those that are the range's own prefix, of that length, out of it: what follows from them. */
void geo_prefixes_apply(const struct geo_prefixes *prefixes, struct geo_prefix_range *range,
			unsigned length, uint32_t *network, uint64_t *regions,
			uint32_t *is_private);
/* The ranges of the two halves, after geo_prefixes_apply(). */
void geo_prefixes_split(const struct geo_prefixes *prefixes, const struct geo_prefix_range *range,
			unsigned length, struct geo_prefix_range *low,
			struct geo_prefix_range *high);
/* What the configuration's prefixes alone say of one address. Returns the network's index. */
uint32_t geo_prefixes_find(const struct geo_prefixes *prefixes, const struct addr *addr,
			   uint64_t *regions);

#endif
