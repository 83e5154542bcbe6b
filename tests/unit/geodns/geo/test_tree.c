/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "geodns/geo/tree.h"
#include "lib/addr.h"

struct leaf {
	uint64_t hi, lo;
	unsigned length;
	uint32_t class;
};

/* A tree of prefixes as one would draw it: half[0] NULL for a leaf. */
struct drawn {
	struct drawn *half[2];
	uint32_t class;
};

struct list {
	struct leaf *leaves;
	size_t count;
};

static struct drawn *drawn_new(unsigned depth, unsigned bits, unsigned classes)
{
	struct drawn *d = calloc(1, sizeof(*d));

	d->class = (uint32_t)rand() % classes;
	/* Bushy near the root, long single branches below. */
	if (depth < bits && rand() % 100 < (depth < 7 ? 95 : depth % 5 ? 52 : 45)) {
		d->half[0] = drawn_new(depth + 1, bits, classes);
		d->half[1] = drawn_new(depth + 1, bits, classes);
	}
	return d;
}

/* One branch to the last bit, so that all levels exist. */
static void drawn_branch(struct drawn *d, unsigned depth, unsigned bits)
{
	while (depth++ < bits) {
		for (unsigned i = 0; i < 2 && !(d->half[0] && d->half[1]); i++)
			d->half[i] = calloc(1, sizeof(*d));
		d->half[1]->class = depth % 3;
		d = d->half[rand() % 2];
	}
}

static void drawn_free(struct drawn *d)
{
	if (!d)
		return;
	drawn_free(d->half[0]);
	drawn_free(d->half[1]);
	free(d);
}

static void list_add(struct list *list, const struct leaf *leaf)
{
	if ((list->count & (list->count + 1)) == 0)
		list->leaves = realloc(list->leaves, 2 * (list->count + 1) * sizeof(*leaf));
	list->leaves[list->count++] = *leaf;
}

static struct leaf half_of(const struct leaf *at, unsigned half)
{
	struct leaf l = *at;

	if (half && l.length < 64)
		l.hi |= UINT64_C(1) << (63 - l.length);
	else if (half)
		l.lo |= UINT64_C(1) << (127 - l.length);
	l.length++;
	return l;
}

/* The leaves as drawn, or, merged, with uniform parts as one. */
static void drawn_list(const struct drawn *d, struct leaf at, struct list *list)
{
	at.class = d->class;
	if (!d->half[0]) {
		list_add(list, &at);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		drawn_list(d->half[i], half_of(&at, i), list);
}

static void drawn_merge(struct drawn *d)
{
	if (!d->half[0])
		return;
	for (unsigned i = 0; i < 2; i++)
		drawn_merge(d->half[i]);
	if (!d->half[0]->half[0] && !d->half[1]->half[0] &&
	    d->half[0]->class == d->half[1]->class) {
		d->class = d->half[0]->class;
		for (unsigned i = 0; i < 2; i++) {
			drawn_free(d->half[i]);
			d->half[i] = NULL;
		}
	}
}

static struct leaf last_of(const struct leaf *leaf, unsigned bits)
{
	struct leaf last = *leaf;

	for (unsigned i = leaf->length; i < bits; i++) {
		if (i < 64)
			last.hi |= UINT64_C(1) << (63 - i);
		else
			last.lo |= UINT64_C(1) << (127 - i);
	}
	return last;
}

static void leaf_expect(const struct geo_tree *tree, const struct leaf *leaf, unsigned bits)
{
	const struct leaf last = last_of(leaf, bits);
	uint32_t a = geo_tree_lookup(tree, leaf->hi, leaf->lo);
	uint32_t b = geo_tree_lookup(tree, last.hi, last.lo);

	cr_assert_eq(geo_tree_leaf_class(a), leaf->class, "%lx %lx/%u: class %u, not %u", leaf->hi,
		     leaf->lo, leaf->length, geo_tree_leaf_class(a), leaf->class);
	cr_assert_eq(geo_tree_leaf_length(a), leaf->length, "%lx %lx/%u: /%u", leaf->hi, leaf->lo,
		     leaf->length, geo_tree_leaf_length(a));
	cr_assert_eq(a, b, "%lx %lx/%u ends elsewhere", leaf->hi, leaf->lo, leaf->length);
}

static struct geo_tree *tree_of(const struct drawn *d, unsigned bits, unsigned root_bits)
{
	struct geo_tree_builder *b = geo_tree_builder_new(bits, root_bits);
	struct list list = { 0 };

	drawn_list(d, (struct leaf){ 0 }, &list);
	for (size_t i = 0; i < list.count; i++)
		geo_tree_builder_add(b, list.leaves[i].hi, list.leaves[i].lo, list.leaves[i].length,
				     list.leaves[i].class);
	free(list.leaves);
	return geo_tree_builder_finish(b);
}

Test(geo_tree, any_tree_is_found_again_merged)
{
	static const unsigned root_bits[] = { 8, 16, 18 };

	srand(5);
	for (unsigned round = 0; round < 60; round++) {
		unsigned bits = round % 2 ? 128 : 32;
		struct drawn *d = drawn_new(0, bits, 1 + round % 4);
		struct list merged = { 0 };
		struct geo_tree *tree;

		drawn_branch(d, 0, bits);
		tree = tree_of(d, bits, root_bits[round % 3]);
		drawn_merge(d);
		drawn_list(d, (struct leaf){ 0 }, &merged);
		cr_expect_eq(tree->prefix_count, merged.count, "%u and %zu leaves",
			     tree->prefix_count, merged.count);
		for (size_t i = 0; i < merged.count; i++)
			leaf_expect(tree, &merged.leaves[i], bits);
		free(merged.leaves);
		drawn_free(d);
		geo_tree_free(tree);
	}
}

Test(geo_tree, one_leaf)
{
	struct geo_tree_builder *b = geo_tree_builder_new(128, 16);
	struct geo_tree *tree;

	/* Everything of one class, in pieces of all lengths, the last ones single addresses. */
	geo_tree_builder_add(b, 0, 0, 1, 7);
	for (struct leaf at = { UINT64_C(1) << 63, 0, 1, 7 }; at.length < 128;) {
		struct leaf low = half_of(&at, 0);

		at = half_of(&at, 1);
		geo_tree_builder_add(b, low.hi, low.lo, low.length, 7);
		if (at.length == 128)
			geo_tree_builder_add(b, at.hi, at.lo, at.length, 7);
	}
	tree = geo_tree_builder_finish(b);
	cr_expect_eq(geo_tree_lookup(tree, 0, 0), 7, "class 7, length 0");
	cr_expect_eq(geo_tree_lookup(tree, UINT64_MAX, UINT64_MAX), 7);
	cr_expect_eq(tree->prefix_count, 1);
	cr_expect_eq(tree->node_count, 0);
	geo_tree_free(tree);
}

Test(geo_tree, runs_of_equal_leaves_are_stored_once)
{
	struct geo_tree_builder *b = geo_tree_builder_new(32, 18);
	struct geo_tree *tree;
	uint64_t at = 0;

	/* 0.0.0.0/24: class 1, but one address; its 24 - 18 bits make 64 slots. */
	geo_tree_builder_add(b, 0, 0, 24, 2);
	for (at = UINT64_C(1) << 40; at >> 46 == 0; at += UINT64_C(1) << 40)
		geo_tree_builder_add(b, at, 0, 24, 1);
	for (at = 1; at < 1 << 18; at++)
		geo_tree_builder_add(b, at << 46, 0, 18, 1);
	tree = geo_tree_builder_finish(b);
	cr_expect_eq(tree->node_count, 1);
	/* /24, /24, /23, /22, /21, /20, /19 and then the root's. */
	cr_expect_eq(tree->leaf_count, 7, "%u", tree->leaf_count);
	cr_expect_eq(tree->prefix_count, 2 + 23, "%u", tree->prefix_count);
	geo_tree_free(tree);
}
