/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree_lookup.h - from an address to its leaf in a prefix tree: layout and look-up.
 *
 * A multibit trie after Poptrie (Asai and Ohara, SIGCOMM 2015), in three arrays of integers
 * of fixed width that name each other by index, so that they can be mapped anywhere:
 *
 *	root     one entry for each value of the first root_bits of an address: a leaf, or
 *	         GEO_TREE_INNER and the index of a node
 *	nodes    one for each prefix, root_bits + 6 n long, under which leaves differ
 *	leaves   class in the low 24 bits, length of the leaf's prefix in the high 8
 *
 * A node stands for the next six bits, 64 slots. A slot with its bit in inner leads to
 * a node: the n-th set bit to node first_node + n. The others are leaves, and runs of equal
 * ones are stored once: a bit in change marks the slot where a new one begins.
 *
 * A BPF program includes this file too. It sets uint32_t and uint64_t up itself, and
 * GEO_TREE_ROOT, _NODE and _LEAF as its maps want them: each yields a pointer, NULL for
 * "not there", and then the look-up yields GEO_TREE_NONE.
 */
#ifndef GEODNS_GEO_TREE_LOOKUP_H
#define GEODNS_GEO_TREE_LOOKUP_H

#ifndef __bpf__
#include <stddef.h>
#include <stdint.h>
#endif

#define GEO_TREE_STRIDE	    6
#define GEO_TREE_INNER	    0x80000000U /* in root only, where no leaf is 128 long */
#define GEO_TREE_CLASS_MAX  0xffffffU
#define GEO_TREE_NONE	    0xffffffffU /* no leaf has this length */
#define GEO_TREE_LEVELS_MAX 20		/* for root_bits of 8 and more */

struct geo_tree_node {
	uint64_t inner;
	uint64_t change;
	uint32_t first_node;
	uint32_t first_leaf;
};

struct geo_tree {
	uint32_t *root;
	struct geo_tree_node *nodes;
	uint32_t *leaves;
	uint32_t root_bits;
	uint32_t node_count;
	uint32_t leaf_count;   /* entries of leaves */
	uint32_t prefix_count; /* prefixes that the leaves stand for */
};

#ifndef GEO_TREE_ROOT
#define GEO_TREE_ROOT(tree, index) (&(tree)->root[index])
#define GEO_TREE_NODE(tree, index) (&(tree)->nodes[index])
#define GEO_TREE_LEAF(tree, index) (&(tree)->leaves[index])
#endif

static inline uint32_t geo_tree_leaf_class(uint32_t leaf)
{
	return leaf & GEO_TREE_CLASS_MAX;
}

static inline uint32_t geo_tree_leaf_length(uint32_t leaf)
{
	return leaf >> 24;
}

/* Without the instruction the compiler's own is a call to a table; BPF has no calls for it. */
static inline uint32_t geo_tree_popcount(uint64_t x)
{
#ifdef __POPCNT__
	return (uint32_t)__builtin_popcountll(x);
#else
	x -= x >> 1 & 0x5555555555555555U;
	x = (x & 0x3333333333333333U) + (x >> 2 & 0x3333333333333333U);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fU;
	return (uint32_t)(x * 0x0101010101010101U >> 56);
#endif
}

/*
 * The leaf of an address: its first 64 bits, the most significant first, and the rest. IPv4
 * has its 32 in the high half of hi. The same in every program, given the same arrays.
 */
static inline uint32_t geo_tree_lookup(const struct geo_tree *tree, uint64_t hi, uint64_t lo)
{
	const uint32_t bits = tree->root_bits;
	const uint32_t *entry = GEO_TREE_ROOT(tree, hi >> (64 - bits));
	uint32_t index;

	if (!entry)
		return GEO_TREE_NONE;
	if (!(*entry & GEO_TREE_INNER))
		return *entry;
	index = *entry & ~GEO_TREE_INNER;
	hi = hi << bits | lo >> (64 - bits);
	lo <<= bits;
	for (uint32_t level = 0; level < GEO_TREE_LEVELS_MAX; level++) {
		const struct geo_tree_node *node = GEO_TREE_NODE(tree, index);
		const uint32_t slot = (uint32_t)(hi >> (64 - GEO_TREE_STRIDE));
		const uint64_t bit = (uint64_t)1 << slot;

		if (!node)
			return GEO_TREE_NONE;
		if (!(node->inner & bit)) {
			/* Not 2 << slot: for the last slot that is a shift by 64. */
			index = node->first_leaf +
				geo_tree_popcount(node->change & (bit | (bit - 1))) - 1;
			entry = GEO_TREE_LEAF(tree, index);
			return entry ? *entry : GEO_TREE_NONE;
		}
		index = node->first_node + geo_tree_popcount(node->inner & (bit - 1));
		hi = hi << GEO_TREE_STRIDE | lo >> (64 - GEO_TREE_STRIDE);
		lo <<= GEO_TREE_STRIDE;
	}
	return GEO_TREE_NONE;
}

#endif
