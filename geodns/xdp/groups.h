/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * groups.h - short cuts into the tree of IPv6: most addresses find their leaf with one access.
 *
 * A way through a tree as deep as IPv6's is four or five words from memory, one after the other. So
 * what it says below each /28, /32, ... and /48 with longer leaves, down to four bits more, is in
 * a table, too, by a hash of the prefix. No two levels have a leaf for the same address: they may
 * be asked in any order. Hints, few enough to stay in a cache, say by the first 28 bits which level
 * has most of the leaves there (four times in five it is that one), which comes next, and so on.
 * Below all levels, a group says which node of the tree goes on. Who finds nothing goes through
 * the tree from its root.
 *
 * A hint has a seed of the hash, too: the one of 16 with which most of its groups find room. A
 * group that has none in its line is in another one, and the line says that some are; after eight
 * full ones it is left out.
 *
 *	line     a group of up to 16 codes, or two of up to 8: 8 octets and the codes of 3 each
 *	octets   prefix, which level, and a bit for each of the 16 slots in which a code begins
 *	code     order, whether private, how much longer than the group's prefix the leaf's is;
 *	         or a node
 *
 * Pure. The look-up is in layout.h.
 */
#ifndef GEODNS_XDP_GROUPS_H
#define GEODNS_XDP_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/tree_lookup.h"
#include "geodns/xdp/layout.h"
#include "geodns/xdp/pack.h"

struct xdp_groups {
	struct xdp_group_line *lines;
	uint16_t *hints;   /* 2^XDP_HINT_BITS */
	size_t line_count; /* a power of 2 */
	size_t count;	   /* groups */
	size_t left_out;   /* groups that are in no line */
};

/* leaf_of: as for xdp_pack(), which has packed the tree. The caller frees lines and hints. */
void xdp_groups_make(struct xdp_groups *out, const struct geo_tree *tree,
		     const struct xdp_packed *packed, const uint32_t *leaf_of);
/*
 * As the program does it: a leaf; a node, for xdp_packed_lookup_below() with XDP_GROUP_BITS_END;
 * or XDP_TREE_INNER for who must go through the whole tree.
 */
uint32_t xdp_groups_lookup(const struct xdp_groups *groups, uint64_t hi);

#endif
