/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pack.h - a prefix tree laid out for who comes to it with cold caches.
 *
 * The same tree as tree_lookup.h, repacked: what is looked at together stands together. A node
 * is a word of 64 bits and, behind it, an entry of 32 bits for each run of slots that
 * are alike: for slot s the n-th, n being the bits of the word up to s. An entry is a leaf
 * (layout.h), or XDP_TREE_INNER and where in words the next node is; so is one of root. A
 * node begins at an even word, and does not lie in two cache lines if it fits into one.
 *
 * Pure.
 */
#ifndef GEODNS_XDP_PACK_H
#define GEODNS_XDP_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/tree_lookup.h"

struct xdp_packed {
	uint32_t *root; /* 2^root_bits entries */
	uint32_t root_bits;
	uint32_t *words;
	uint32_t *node_at; /* by the tree's index of a node: where in words it is */
	size_t root_count, word_count, room;
};

/*
 * leaf_of: by class, the leaf without its length. is_wide: the root gets the bits of the first
 * nodes, too. The caller frees the three arrays.
 */
void xdp_pack(struct xdp_packed *out, const struct geo_tree *tree, const uint32_t *leaf_of,
	      bool is_wide);
/* As the program does it: hi and lo as for geo_tree_lookup(). */
uint32_t xdp_packed_lookup(const struct xdp_packed *packed, uint64_t hi, uint64_t lo);
/* From an entry that so many bits (1 to 63) have led to. */
uint32_t xdp_packed_lookup_below(const struct xdp_packed *packed, uint32_t entry, uint32_t bits,
				 uint64_t hi, uint64_t lo);

#endif
