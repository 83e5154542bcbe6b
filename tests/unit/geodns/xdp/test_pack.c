/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "geodns/geo/tree.h"
#include "geodns/xdp/layout.h"
#include "geodns/xdp/pack.h"

#define CLASSES 7

static uint64_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state ^ *state >> 29;
}

/* A random tree: prefixes are halved at random, down to the last bit here and there. */
static void split(struct geo_tree_builder *b, uint64_t *random, unsigned bits, uint64_t hi,
		  uint64_t lo, unsigned length)
{
	const bool deeper = length < bits && draw(random) % 100 < (length < 12 ? 95 : 47);

	if (!deeper) {
		geo_tree_builder_add(b, hi, lo, length, (uint32_t)(draw(random) % CLASSES));
		return;
	}
	split(b, random, bits, hi, lo, length + 1);
	if (length < 64)
		hi |= UINT64_C(1) << (63 - length);
	else
		lo |= UINT64_C(1) << (127 - length);
	split(b, random, bits, hi, lo, length + 1);
}

static void tree_compare(unsigned bits, unsigned root_bits, bool is_wide, uint64_t seed)
{
	struct geo_tree_builder *b = geo_tree_builder_new(bits, root_bits);
	uint32_t leaf_of[CLASSES];
	struct xdp_packed packed;
	struct geo_tree *tree;

	for (uint32_t i = 0; i < CLASSES; i++)
		leaf_of[i] = (i * 1000 + 1) << XDP_LEAF_ORDER | (i == 3 ? XDP_LEAF_PRIVATE : 0);
	split(b, &seed, bits, 0, 0, 0);
	tree = geo_tree_builder_finish(b);
	xdp_pack(&packed, tree, leaf_of, is_wide);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t hi = draw(&seed), lo = bits > 64 ? draw(&seed) : 0;
		uint32_t leaf, got;

		if (bits == 32)
			hi &= UINT64_C(0xffffffff00000000);
		leaf = geo_tree_lookup(tree, hi, lo);
		got = xdp_packed_lookup(&packed, hi, lo);
		cr_assert_eq(got, leaf_of[geo_tree_leaf_class(leaf)] | geo_tree_leaf_length(leaf),
			     "seed %lu, %016lx %016lx", (unsigned long)seed, (unsigned long)hi,
			     (unsigned long)lo);
	}
	free(packed.root);
	free(packed.words);
	free(packed.node_at);
	geo_tree_free(tree);
}

Test(xdp_pack, says_what_the_tree_says)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		tree_compare(32, 8, false, seed);
		tree_compare(32, 8, true, seed);
		tree_compare(32, 18, false, seed);
		tree_compare(32, 18, true, seed);
		tree_compare(128, 18, false, seed);
	}
}

/* All of a node is in one line of the cache, if it fits. */
Test(xdp_pack, nodes_keep_to_their_lines)
{
	struct geo_tree_builder *b = geo_tree_builder_new(32, 8);
	const uint32_t leaf_of[CLASSES] = { 0 };
	struct xdp_packed packed;
	struct geo_tree *tree;
	uint64_t seed = 42;

	split(b, &seed, 32, 0, 0, 0);
	tree = geo_tree_builder_finish(b);
	xdp_pack(&packed, tree, leaf_of, false);
	for (size_t i = 0; i < packed.root_count; i++) {
		const size_t at = packed.root[i] & ~XDP_TREE_INNER;
		size_t size;

		if (!(packed.root[i] & XDP_TREE_INNER))
			continue;
		size = 2 + (size_t)__builtin_popcount(packed.words[at]) +
		       (size_t)__builtin_popcount(packed.words[at + 1]);
		cr_expect_eq(at % 2, 0);
		cr_expect(size > 16 || at / 16 == (at + size - 1) / 16);
	}
	free(packed.root);
	free(packed.words);
	free(packed.node_at);
	geo_tree_free(tree);
}
