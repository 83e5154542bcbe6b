/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/groups.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define SLOTS 16
#define HALF  (SLOTS / 2)
/* Deeper than this the levels do not go. */
#define BITS_MAX (XDP_GROUP_BITS(XDP_GROUP_LEVELS - 1) + XDP_GROUP_STRIDE)

struct group {
	uint64_t key; /* 0: none */
	uint32_t begins;
	uint32_t count;
	uint32_t leaves; /* codes that are no XDP_GROUP_DEEPER */
	uint32_t codes[SLOTS];
};

struct group_list {
	struct group *at;
	size_t count, room;
};

struct grouping {
	const struct geo_tree *tree;
	const uint32_t *leaf_of;
	struct group open[XDP_GROUP_LEVELS]; /* that leaves still come for */
	struct group_list lists[SLOTS + 1];  /* by how many leaves a group has */
};

static void group_close(struct grouping *g, struct group *group)
{
	struct group_list *list = &g->lists[group->leaves];

	if (group->leaves == 0)
		return;
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		list->at = xreallocarray(list->at, list->room, sizeof(*list->at));
	}
	list->at[list->count++] = *group;
}

/* leaf: XDP_TREE_INNER if it is deeper. */
static void group_add(struct group *group, unsigned level, uint64_t hi, uint32_t leaf)
{
	const unsigned bits = XDP_GROUP_BITS(level);
	const uint32_t length = leaf & XDP_LEAF_LENGTH;
	uint32_t code = XDP_GROUP_DEEPER;

	if (!(leaf & XDP_TREE_INNER) && length <= bits + XDP_GROUP_STRIDE)
		code = leaf >> XDP_LEAF_ORDER << 3 | (leaf & XDP_LEAF_PRIVATE ? 4 : 0) |
		       (length - bits - 1);
	if (group->count > 0 && group->codes[group->count - 1] == code)
		return;
	group->begins |= UINT32_C(1) << xdp_group_slot(level, hi) & ~1U;
	group->codes[group->count++] = code;
	group->leaves += code != XDP_GROUP_DEEPER;
}

/* The next leaf; or, if it is XDP_TREE_INNER, a prefix of that length with longer ones in it. */
static void leaf_add(struct grouping *g, uint64_t hi, unsigned length, uint32_t leaf)
{
	if (hi >> 61 != XDP_GROUP_FIRST)
		return;
	for (unsigned level = 0; level < XDP_GROUP_LEVELS; level++) {
		const uint64_t key = xdp_group_key(level, hi);
		struct group *group = &g->open[level];

		if (length <= XDP_GROUP_BITS(level))
			return;
		if (group->key != key) {
			group_close(g, group);
			*group = (struct group){ .key = key };
		}
		group_add(group, level, hi, leaf);
	}
}

static void tree_leaf_add(struct grouping *g, uint64_t hi, uint32_t leaf)
{
	const uint32_t length = geo_tree_leaf_length(leaf);

	leaf_add(g, hi, length, g->leaf_of[geo_tree_leaf_class(leaf)] | length);
}

static void node_add(struct grouping *g,
		     const struct geo_tree_node *node, /* NOLINT(misc-no-recursion) */
		     uint64_t hi, unsigned bits)
{
	const unsigned below = bits + GEO_TREE_STRIDE;
	uint32_t child = node->first_node;

	for (unsigned slot = 0; slot < 1U << GEO_TREE_STRIDE;) {
		const uint64_t bit = UINT64_C(1) << slot, at = hi | (uint64_t)slot << (64 - below);
		uint32_t leaf;

		if (!(node->inner & bit)) {
			leaf = g->tree->leaves[node->first_leaf +
					       geo_tree_popcount(node->change & (bit | (bit - 1))) -
					       1];
			tree_leaf_add(g, at, leaf);
			slot += 1U << (below - geo_tree_leaf_length(leaf));
			continue;
		}
		if (below < BITS_MAX)
			node_add(g, &g->tree->nodes[child], at, below);
		else
			leaf_add(g, at, BITS_MAX, XDP_TREE_INNER);
		child++;
		slot++;
	}
}

static bool line_put(struct xdp_group_line *line, const struct group *group)
{
	unsigned half = 0;

	if (line->words[0] != 0) {
		if (group->count > HALF || line->words[XDP_GROUP_HALF] != 0 ||
		    xdp_popcount((line->words[0] | 1) & 0xffff) > HALF)
			return false;
		half = 1;
	}
	line->words[half ? XDP_GROUP_HALF : 0] = group->key | group->begins;
	for (uint32_t i = 0; i < group->count; i++)
		memcpy((uint8_t *)line->words + xdp_group_code_at(half, i), &group->codes[i], 3);
	return true;
}

/* In the first of its lines that has room; the ones before say so. */
static bool lines_put(struct xdp_groups *out, const struct group *group)
{
	for (uint32_t turn = 0; turn < XDP_GROUP_TURNS; turn++) {
		const uint32_t at = xdp_group_line(group->key, turn, (uint32_t)out->line_count);

		if (line_put(&out->lines[at], group))
			return true;
		out->lines[at].words[0] |= XDP_GROUP_AWAY;
	}
	return false;
}

/* Those that most addresses ask for come first. */
static void lists_put(struct grouping *g, struct xdp_groups *out)
{
	for (unsigned i = 1; i <= SLOTS; i++)
		out->count += g->lists[i].count;
	out->line_count = out->count / 2 * 2 + 2;
	out->lines = xcalloc(out->line_count, sizeof(*out->lines));
	for (unsigned i = SLOTS; i > 0; i--) {
		for (size_t k = 0; k < g->lists[i].count; k++)
			out->left_out += !lines_put(out, &g->lists[i].at[k]);
		free(g->lists[i].at);
	}
}

void xdp_groups_make(struct xdp_groups *out, const struct geo_tree *tree, const uint32_t *leaf_of)
{
	struct grouping g = { .tree = tree, .leaf_of = leaf_of };

	*out = (struct xdp_groups){ .lines = NULL };
	for (uint64_t i = 0; i < UINT64_C(1) << tree->root_bits; i++) {
		const uint64_t hi = i << (64 - tree->root_bits);

		if (tree->root[i] & GEO_TREE_INNER)
			node_add(&g, &tree->nodes[tree->root[i] & ~GEO_TREE_INNER], hi,
				 tree->root_bits);
	}
	for (unsigned level = 0; level < XDP_GROUP_LEVELS; level++)
		group_close(&g, &g.open[level]);
	lists_put(&g, out);
}

/* False: it is not there. */
static bool line_find(const struct xdp_group_line *line, unsigned level, uint64_t hi,
		      uint32_t *leaf)
{
	for (unsigned half = 0; half < 2; half++) {
		const uint64_t word = line->words[half ? XDP_GROUP_HALF : 0];
		uint32_t code = 0, at;

		if (!xdp_group_is(word, xdp_group_key(level, hi)))
			continue;
		at = xdp_group_code_at(half, xdp_group_rank(level, word, hi));
		memcpy(&code, (const uint8_t *)line->words + at, 3);
		*leaf = xdp_group_leaf(level, code);
		return true;
	}
	return false;
}

/* The leaf, XDP_TREE_INNER if it is deeper than the group, XDP_GROUP_NONE without a group. */
static uint32_t level_find(const struct xdp_groups *groups, unsigned level, uint64_t hi)
{
	const uint64_t key = xdp_group_key(level, hi);
	uint32_t leaf;

	for (uint32_t turn = 0; turn < XDP_GROUP_TURNS; turn++) {
		const uint32_t at = xdp_group_line(key, turn, (uint32_t)groups->line_count);

		if (line_find(&groups->lines[at], level, hi, &leaf))
			return leaf;
		if (!(groups->lines[at].words[0] & XDP_GROUP_AWAY))
			break;
	}
	return XDP_GROUP_NONE;
}

uint32_t xdp_groups_lookup(const struct xdp_groups *groups, uint64_t hi)
{
	if (hi >> 61 != XDP_GROUP_FIRST)
		return XDP_TREE_INNER;
	for (unsigned level = XDP_GROUP_LEVELS; level-- > 0;) {
		const uint32_t leaf = level_find(groups, level, hi);

		if (leaf != XDP_GROUP_NONE)
			return leaf;
	}
	return XDP_TREE_INNER;
}
