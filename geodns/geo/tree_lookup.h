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
 * A look-up is a walk: each step reads what the one before has found, so steps of one walk wait
 * for memory one after the other, and those of several walks need not (geo_map_warm()).
 */
#ifndef GEODNS_GEO_TREE_LOOKUP_H
#define GEODNS_GEO_TREE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_TREE_STRIDE	    6
#define GEO_TREE_INNER	    0x80000000U /* in root only, where no leaf is 128 long */
#define GEO_TREE_CLASS_MAX  0xffffffU
#define GEO_TREE_LEVELS_MAX 20 /* for root_bits of 8 and more */

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

static inline uint32_t geo_tree_leaf_class(uint32_t leaf)
{
	return leaf & GEO_TREE_CLASS_MAX;
}

static inline uint32_t geo_tree_leaf_length(uint32_t leaf)
{
	return leaf >> 24;
}

/* Without the instruction the compiler's own is a call to a table. */
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

struct geo_tree_walk {
	const struct geo_tree *tree;
	uint64_t hi,
		lo; /* bits of the address that nothing has been decided by, the first ones first */
	const uint32_t *entry;		  /* of root or, at the end, a leaf */
	const struct geo_tree_node *node; /* or NULL: entry is what is to be read next */
};

static inline void geo_tree_walk_shift(struct geo_tree_walk *walk, uint32_t bits)
{
	walk->hi = walk->hi << bits | walk->lo >> (64 - bits);
	walk->lo <<= bits;
}

/*
 * To the leaf of an address: its first 64 bits, the most significant first, and the rest. IPv4
 * has its 32 in the high half of hi.
 */
static inline struct geo_tree_walk geo_tree_walk_begin(const struct geo_tree *tree, uint64_t hi,
						       uint64_t lo)
{
	struct geo_tree_walk walk = {
		.tree = tree, .hi = hi, .lo = lo, .entry = &tree->root[hi >> (64 - tree->root_bits)]
	};

	geo_tree_walk_shift(&walk, tree->root_bits);
	return walk;
}

/* What the next step, or who wants the leaf, will read. */
static inline const void *geo_tree_walk_at(const struct geo_tree_walk *walk)
{
	return walk->node ? (const void *)walk->node : walk->entry;
}

/* False: entry is the leaf, and there are no more steps. */
static inline bool geo_tree_walk_step(struct geo_tree_walk *walk)
{
	const struct geo_tree_node *node = walk->node;
	uint64_t bit;

	if (!node) {
		if (!(*walk->entry & GEO_TREE_INNER))
			return false;
		walk->node = &walk->tree->nodes[*walk->entry & ~GEO_TREE_INNER];
		return true;
	}
	bit = (uint64_t)1 << (walk->hi >> (64 - GEO_TREE_STRIDE));
	if (!(node->inner & bit)) {
		/* Not 2 << slot: for the last slot that is a shift by 64. */
		walk->entry =
			&walk->tree
				 ->leaves[node->first_leaf +
					  geo_tree_popcount(node->change & (bit | (bit - 1))) - 1];
		walk->node = NULL;
		return false;
	}
	walk->node =
		&walk->tree->nodes[node->first_node + geo_tree_popcount(node->inner & (bit - 1))];
	geo_tree_walk_shift(walk, GEO_TREE_STRIDE);
	return true;
}

static inline uint32_t geo_tree_lookup(const struct geo_tree *tree, uint64_t hi, uint64_t lo)
{
	struct geo_tree_walk walk = geo_tree_walk_begin(tree, hi, lo);

	while (geo_tree_walk_step(&walk))
		;
	return *walk.entry;
}

#endif
