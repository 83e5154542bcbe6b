/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "geodns/geo/tree.h"
#include "geodns/xdp/groups.h"
#include "lib/alloc.h"

#define CLASSES	  7
#define ADDRESSES 20000

static uint64_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state ^ *state >> 29;
}

struct fixture {
	struct geo_tree *tree;
	struct xdp_packed packed;
	struct xdp_groups groups;
	uint32_t leaf_of[CLASSES];
	uint64_t random;
	uint64_t *networks; /* the first address of each leaf */
	size_t network_count, room;
};

/*
 * Halved again and again along a few paths, as where addresses are given out, and at random below
 * them: per cent of prefixes, so that the tree has leaves above, within and below the groups.
 */
static void split(struct geo_tree_builder *b, struct fixture *f, uint64_t hi, unsigned length,
		  unsigned percent)
{
	bool deeper = length < 64 && draw(&f->random) % 100 < percent;

	if (length < 30)
		deeper = (hi & UINT64_C(0x1ffffc0000000000)) == 0 || draw(&f->random) % 100 < 5;
	if (!deeper) {
		geo_tree_builder_add(b, hi, 0, length, (uint32_t)(draw(&f->random) % CLASSES));
		if (f->network_count == f->room) {
			f->room = f->room ? 2 * f->room : 1024;
			f->networks = xreallocarray(f->networks, f->room, sizeof(*f->networks));
		}
		f->networks[f->network_count++] = hi;
		return;
	}
	split(b, f, hi, length + 1, percent);
	split(b, f, hi | UINT64_C(1) << (63 - length), length + 1, percent);
}

static void fixture_make(struct fixture *f, uint64_t seed, unsigned percent, unsigned root_bits)
{
	struct geo_tree_builder *b = geo_tree_builder_new(128, root_bits);

	*f = (struct fixture){ .random = seed };
	for (uint32_t i = 0; i < CLASSES; i++)
		f->leaf_of[i] = (i * 1000 + 1) << XDP_LEAF_ORDER | (i == 3 ? XDP_LEAF_PRIVATE : 0);
	split(b, f, 0, 0, percent);
	f->tree = geo_tree_builder_finish(b);
	xdp_pack(&f->packed, f->tree, f->leaf_of, false);
	xdp_groups_make(&f->groups, f->tree, &f->packed, f->leaf_of);
}

static void packed_free(struct xdp_packed *packed)
{
	free(packed->root);
	free(packed->words);
	free(packed->node_at);
}

static void fixture_free(struct fixture *f)
{
	free(f->groups.lines);
	free(f->groups.hints);
	free(f->networks);
	packed_free(&f->packed);
	geo_tree_free(f->tree);
}

/* In a network drawn from all, as hints are made for. */
static uint64_t address(struct fixture *f)
{
	return f->networks[draw(&f->random) % f->network_count] | (draw(&f->random) & 0xfff);
}

/* Every short cut leads to where the tree leads. */
static void groups_compare(uint64_t seed, unsigned percent, unsigned root_bits)
{
	struct fixture f;
	size_t found = 0, within = 0, nodes = 0;

	fixture_make(&f, seed, percent, root_bits);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		const uint64_t hi = address(&f);
		const uint32_t leaf = geo_tree_lookup(f.tree, hi, 0);
		const uint32_t length = geo_tree_leaf_length(leaf);
		uint32_t got = xdp_groups_lookup(&f.groups, hi);

		within += length > XDP_GROUP_BITS(0) && hi >> 61 == XDP_GROUP_FIRST;
		if (got == XDP_TREE_INNER)
			continue;
		found++;
		if (got & XDP_TREE_INNER) {
			nodes++;
			cr_assert_gt(length, XDP_GROUP_BITS_END);
			got = xdp_packed_lookup_below(&f.packed, got, XDP_GROUP_BITS_END, hi, 0);
		}
		cr_assert_eq(got, f.leaf_of[geo_tree_leaf_class(leaf)] | length,
			     "seed %lu, %016lx: %08x, length %u", (unsigned long)seed,
			     (unsigned long)hi, got, length);
	}
	cr_expect(found <= within, "only such leaves are in groups");
	/* Here the levels have about as many leaves each, and a hint has room for four of six. */
	cr_expect(2 * found >= within && within > 0, "%zu of %zu have a short cut", found, within);
	/* Nodes of 16 + 6 n bits: one begins where groups end. */
	cr_expect_eq(nodes > 0, root_bits == 16, "some are below all groups");
	cr_expect(f.groups.left_out <= f.groups.count / 10, "%zu of %zu", f.groups.left_out,
		  f.groups.count);
	fixture_free(&f);
}

Test(xdp_groups, lead_where_the_tree_leads)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		groups_compare(seed, 50, 16);
		groups_compare(seed, 52, 16);
		groups_compare(seed, 50, 19);
	}
}

/* What is not in 2000::/3 has no key. */
Test(xdp_groups, are_of_global_addresses_only)
{
	struct fixture f;

	fixture_make(&f, 1, 50, 16);
	for (unsigned i = 0; i < 8; i++) {
		for (unsigned k = 0; k < 1000 && i != XDP_GROUP_FIRST; k++) {
			const uint64_t hi = address(&f) << 3 >> 3 | (uint64_t)i << 61;

			cr_assert_eq(xdp_groups_lookup(&f.groups, hi), XDP_TREE_INNER);
		}
	}
	fixture_free(&f);
}

/* One leaf for all: there is nothing to group, and a look-up needs a line all the same. */
Test(xdp_groups, of_nothing)
{
	struct geo_tree_builder *b = geo_tree_builder_new(128, 16);
	const uint32_t leaf_of[] = { 1 << XDP_LEAF_ORDER };
	struct xdp_packed packed;
	struct xdp_groups groups;
	struct geo_tree *tree;

	geo_tree_builder_add(b, 0, 0, 0, 0);
	tree = geo_tree_builder_finish(b);
	xdp_pack(&packed, tree, leaf_of, false);
	xdp_groups_make(&groups, tree, &packed, leaf_of);
	cr_expect_eq(groups.count, 0);
	cr_expect_gt(groups.line_count, 0);
	cr_expect_eq(xdp_groups_lookup(&groups, UINT64_C(0x20010db800000000)), XDP_TREE_INNER);
	free(groups.lines);
	free(groups.hints);
	packed_free(&packed);
	geo_tree_free(tree);
}

/* 2000::/10 in leaves of 29 bits, so that there is a group for each of its /28; else nothing. */
static void halves_add(struct geo_tree_builder *b, uint64_t hi, unsigned length)
{
	const uint64_t outside = (hi ^ UINT64_C(0x2000000000000000)) >> (64 - 10);

	if (length == 29 || (length > 0 && outside >> (length < 10 ? 10 - length : 0))) {
		geo_tree_builder_add(b, hi, 0, length, (uint32_t)(hi >> (64 - 29) & 1));
		return;
	}
	halves_add(b, hi, length + 1);
	halves_add(b, hi | UINT64_C(1) << (63 - length), length + 1);
}

/* Every hint has groups. */
Test(xdp_groups, of_all_hints)
{
	const uint32_t leaf_of[] = { 1 << XDP_LEAF_ORDER, 2 << XDP_LEAF_ORDER };
	const uint64_t first = UINT64_C(0x2000000000000000), step = UINT64_C(1) << (64 - 29);
	struct geo_tree_builder *b = geo_tree_builder_new(128, 16);
	struct xdp_packed packed;
	struct xdp_groups groups;
	struct geo_tree *tree;
	uint64_t state = 1;

	halves_add(b, 0, 0);
	tree = geo_tree_builder_finish(b);
	xdp_pack(&packed, tree, leaf_of, false);
	xdp_groups_make(&groups, tree, &packed, leaf_of);
	for (size_t i = 0; i < 1U << XDP_HINT_BITS; i++)
		cr_assert_neq(groups.hints[i], 0, "hint %zu", i);
	cr_expect_eq(groups.count, 1U << 18);
	cr_expect_eq(groups.left_out, 0);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		const uint64_t slot = draw(&state) >> (64 - 19), hi = first + slot * step;

		cr_assert_eq(xdp_groups_lookup(&groups, hi), leaf_of[slot & 1] | 29);
	}
	free(groups.lines);
	free(groups.hints);
	packed_free(&packed);
	geo_tree_free(tree);
}
