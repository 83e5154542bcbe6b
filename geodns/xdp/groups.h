/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * groups.h - short cuts into the tree of IPv6: most addresses find their leaf with one access.
 *
 * A way through a tree as deep as IPv6's is four or five words from memory, one after the other. So
 * what it says below each /36, /40, /44 and /48 with longer leaves, down to four bits more, is in
 * a table, too, by a hash of the prefix. All levels are asked at once: the longest prefix that is
 * there has the leaf, or says that it is deeper. Who finds nothing, or that it is deeper, goes
 * through the tree. A group that has no room in its line is in another one, and the line says that
 * some are; after four full ones it is left out. Those with the most leaves come first.
 *
 *	line     a group of up to 16 codes, or two of up to 8: 8 octets and the codes of 3 each
 *	octets   prefix, which level, and a bit for each of the 16 slots in which a code begins
 *	code     order, whether private, how much longer than the group's prefix the leaf's is
 *
 * Pure. The look-up is in layout.h.
 */
#ifndef GEODNS_XDP_GROUPS_H
#define GEODNS_XDP_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/tree_lookup.h"
#include "geodns/xdp/layout.h"

struct xdp_groups {
	struct xdp_group_line *lines;
	size_t line_count; /* 1 at least */
	size_t count;	   /* groups */
	size_t left_out;   /* groups that are in no line */
};

/* leaf_of: as for xdp_pack(). The caller frees lines. */
void xdp_groups_make(struct xdp_groups *out, const struct geo_tree *tree, const uint32_t *leaf_of);
/* As the program does it: a leaf, or XDP_TREE_INNER for who must go through the tree. */
uint32_t xdp_groups_lookup(const struct xdp_groups *groups, uint64_t hi);

#endif
