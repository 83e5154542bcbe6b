/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/groups.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define SLOTS 16
#define HALF  (SLOTS / 2)

struct group {
	uint64_t key; /* 0: none */
	uint32_t level;
	uint32_t begins;
	uint32_t count;
	uint32_t leaves; /* codes that are no XDP_GROUP_DEEPER: leaves and nodes */
	uint32_t codes[SLOTS];
};

struct grouping {
	const struct geo_tree *tree;
	const uint32_t *leaf_of, *node_at;
	struct group open[XDP_GROUP_LEVELS]; /* that leaves still come for */
	struct group *groups;
	size_t count, room;
};

static void group_close(struct grouping *g, const struct group *group)
{
	if (group->leaves == 0)
		return;
	if (g->count == g->room) {
		g->room = g->room ? 2 * g->room : 1024;
		g->groups = xreallocarray(g->groups, g->room, sizeof(*g->groups));
	}
	g->groups[g->count++] = *group;
}

static uint32_t code_of(unsigned level, uint32_t leaf)
{
	const unsigned bits = XDP_GROUP_BITS(level);
	const uint32_t length = leaf & XDP_LEAF_LENGTH;
	const uint32_t node = (leaf & ~XDP_TREE_INNER) / XDP_GROUP_NODE_WORDS;

	if (!(leaf & XDP_TREE_INNER) && length <= bits + XDP_GROUP_STRIDE)
		return leaf >> XDP_LEAF_ORDER << 3 | (leaf & XDP_LEAF_PRIVATE ? 4 : 0) |
		       (length - bits - 1);
	/* Where there are too many words, those behind have to be found through the tree. */
	if (leaf & XDP_TREE_INNER && level == XDP_GROUP_LEVELS - 1 && node > 0 &&
	    node < XDP_GROUP_DEEPER - XDP_GROUP_NODE)
		return XDP_GROUP_NODE + node;
	return XDP_GROUP_DEEPER;
}

/* leaf: or XDP_TREE_INNER and the node below all levels, 0 if there is none just there. */
static void group_add(struct group *group, unsigned level, uint64_t hi, uint32_t leaf)
{
	const uint32_t code = code_of(level, leaf);

	if (group->count > 0 && group->codes[group->count - 1] == code)
		return;
	group->begins |= UINT32_C(1) << xdp_group_slot(level, hi) & ~1U;
	group->codes[group->count++] = code;
	group->leaves += code != XDP_GROUP_DEEPER;
}

/* The next leaf; or, with XDP_TREE_INNER, a prefix of that length with longer ones in it. */
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
			*group = (struct group){ .key = key, .level = level };
		}
		group_add(group, level, hi, leaf);
	}
}

static void tree_leaf_add(struct grouping *g, uint64_t hi, uint32_t leaf)
{
	const uint32_t length = geo_tree_leaf_length(leaf);

	leaf_add(g, hi, length, g->leaf_of[geo_tree_leaf_class(leaf)] | length);
}

/* As deep as nodes above XDP_GROUP_BITS_END. */
static void node_add(struct grouping *g, uint32_t index, /* NOLINT(misc-no-recursion) */
		     uint64_t hi, unsigned bits)
{
	const struct geo_tree_node *node = &g->tree->nodes[index];
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
		if (below < XDP_GROUP_BITS_END)
			node_add(g, child, at, below);
		else
			leaf_add(g, at, XDP_GROUP_BITS_END,
				 XDP_TREE_INNER |
					 (below == XDP_GROUP_BITS_END ? g->node_at[child] : 0));
		child++;
		slot++;
	}
}

/* Which half of a line has room for a group; 2: none has. */
static unsigned line_room(const struct xdp_group_line *line, const struct group *group)
{
	if (line->words[0] >> 16 == 0)
		return 0;
	if (group->count > HALF || line->words[XDP_GROUP_HALF] != 0 ||
	    xdp_popcount((line->words[0] | 1) & 0xffff) > HALF)
		return 2;
	return 1;
}

static bool line_put(struct xdp_group_line *line, const struct group *group)
{
	const unsigned half = line_room(line, group);

	if (half > 1)
		return false;
	line->words[half ? XDP_GROUP_HALF : 0] |= group->key | group->begins;
	for (uint32_t i = 0; i < group->count; i++)
		memcpy((uint8_t *)line->words + xdp_group_code_at(half, i), &group->codes[i], 3);
	return true;
}

static uint64_t group_hi(const struct group *group)
{
	return group->key - ((uint64_t)group->level << 61);
}

static struct xdp_group_line *line_of(const struct xdp_groups *out, const struct group *group,
				      uint32_t hint, uint32_t turn)
{
	return &out->lines[xdp_group_line(group->level, group_hi(group), hint, turn,
					  (uint32_t)out->line_count - 1)];
}

/* Groups with one hint, one after the other in some order. */
struct run {
	uint32_t first, count; /* in that order */
	uint32_t whole;	       /* of these, that need whole lines */
};

/* The level with the most leaves first. */
static uint32_t levels_order(const struct grouping *g, const uint32_t *order, struct run run)
{
	uint32_t leaves[XDP_GROUP_LEVELS] = { 0 }, hint = 0;

	for (uint32_t i = run.first; i < run.first + run.count; i++)
		leaves[g->groups[order[i]].level] += g->groups[order[i]].leaves;
	for (unsigned i = 0; i < XDP_HINT_LEVELS; i++) {
		unsigned most = 0;

		for (unsigned level = 1; level < XDP_GROUP_LEVELS; level++) {
			if (leaves[level] > leaves[most])
				most = level;
		}
		if (leaves[most] == 0)
			break;
		hint |= (most + 1) << i * XDP_HINT_LEVEL_BITS;
		leaves[most] = 0;
	}
	return hint;
}

/* The seed with which the fewest leaves do not find room. */
static uint32_t seed_find(const struct grouping *g, const struct xdp_groups *out,
			  const uint32_t *order, struct run run)
{
	uint32_t best = 0, least = UINT32_MAX;

	for (uint32_t seed = 0; seed < XDP_HINT_SEEDS && least > 0; seed++) {
		const uint32_t hint = seed << XDP_HINT_SEED;
		uint32_t without = 0;

		for (uint32_t i = run.first; i < run.first + run.count && without < least; i++) {
			const struct group *group = &g->groups[order[i]];

			if (line_room(line_of(out, group, hint, 0), group) > 1)
				without += group->leaves;
		}
		if (without < least) {
			least = without;
			best = hint;
		}
	}
	return best;
}

/* In the first of its other lines that has room; the ones before say so. */
static bool group_put_away(struct xdp_groups *out, const struct group *group)
{
	const uint32_t hint = out->hints[xdp_hint_at(group_hi(group))];

	for (uint32_t turn = 0; turn < XDP_GROUP_TURNS; turn++) {
		struct xdp_group_line *line = line_of(out, group, hint, turn);

		if (turn > 0 && line_put(line, group))
			return true;
		line->words[0] |= XDP_GROUP_AWAY;
	}
	return false;
}

static int longest_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->whole != y->whole)
		return x->whole < y->whole ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Groups ordered by their hints; returns where those of each are, by hint. */
static struct run *runs_make(const struct grouping *g, uint32_t *order)
{
	const size_t hints = (size_t)1 << XDP_HINT_BITS;
	struct run *runs = xcalloc(hints, sizeof(*runs));
	uint32_t first = 0;

	for (size_t i = 0; i < g->count; i++)
		runs[xdp_hint_at(group_hi(&g->groups[i]))].count++;
	for (size_t i = 0; i < hints; i++) {
		runs[i].first = first;
		first += runs[i].count;
		runs[i].count = 0;
	}
	for (size_t i = 0; i < g->count; i++) {
		struct run *run = &runs[xdp_hint_at(group_hi(&g->groups[i]))];

		order[run->first + run->count++] = (uint32_t)i;
		run->whole += g->groups[i].count > HALF;
	}
	return runs;
}

/* Where many belong together, it is harder to find room for them: these come first. */
static void groups_put(const struct grouping *g, struct xdp_groups *out)
{
	const size_t hints = (size_t)1 << XDP_HINT_BITS;
	uint32_t *order = xcalloc(g->count + 1, sizeof(*order));
	uint32_t *away = xcalloc(g->count + 1, sizeof(*away)), away_count = 0;
	struct run *runs = runs_make(g, order);

	qsort(runs, hints, sizeof(*runs), longest_first);
	for (const struct run *run = runs; run < runs + hints && run->count > 0; run++) {
		const uint32_t hint = levels_order(g, order, *run) | seed_find(g, out, order, *run);

		out->hints[xdp_hint_at(group_hi(&g->groups[order[run->first]]))] = (uint16_t)hint;
		for (uint32_t i = run->first; i < run->first + run->count; i++) {
			const struct group *group = &g->groups[order[i]];

			if (!line_put(line_of(out, group, hint, 0), group))
				away[away_count++] = order[i];
		}
	}
	for (unsigned leaves = SLOTS; leaves > 0; leaves--) {
		for (uint32_t i = 0; i < away_count; i++) {
			const struct group *group = &g->groups[away[i]];

			if (group->leaves == leaves)
				out->left_out += !group_put_away(out, group);
		}
	}
	free(away);
	free(order);
	free(runs);
}

void xdp_groups_make(struct xdp_groups *out, const struct geo_tree *tree,
		     const struct xdp_packed *packed, const uint32_t *leaf_of)
{
	struct grouping g = { .tree = tree, .leaf_of = leaf_of, .node_at = packed->node_at };

	for (uint64_t i = 0; i < UINT64_C(1) << tree->root_bits; i++) {
		const uint64_t hi = i << (64 - tree->root_bits);

		if (tree->root[i] & GEO_TREE_INNER)
			node_add(&g, tree->root[i] & ~GEO_TREE_INNER, hi, tree->root_bits);
	}
	for (unsigned level = 0; level < XDP_GROUP_LEVELS; level++)
		group_close(&g, &g.open[level]);
	*out = (struct xdp_groups){ .line_count = 1, .count = g.count };
	while (out->line_count < g.count)
		out->line_count *= 2;
	out->lines = xcalloc(out->line_count, sizeof(*out->lines));
	out->hints = xcalloc((size_t)1 << XDP_HINT_BITS, sizeof(*out->hints));
	groups_put(&g, out);
	free(g.groups);
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
		*leaf = xdp_group_entry(level, code);
		return true;
	}
	return false;
}

/* The entry, XDP_TREE_INNER if it is deeper than the group, XDP_GROUP_NONE without a group. */
static uint32_t level_find(const struct xdp_groups *groups, uint32_t hint, unsigned level,
			   uint64_t hi)
{
	uint32_t leaf;

	for (uint32_t turn = 0; turn < XDP_GROUP_TURNS; turn++) {
		const struct xdp_group_line *line = &groups->lines[xdp_group_line(
			level, hi, hint, turn, (uint32_t)groups->line_count - 1)];

		if (line_find(line, level, hi, &leaf))
			return leaf;
		if (!(line->words[0] & XDP_GROUP_AWAY))
			break;
	}
	return XDP_GROUP_NONE;
}

uint32_t xdp_groups_lookup(const struct xdp_groups *groups, uint64_t hi)
{
	const uint32_t hint = groups->hints[xdp_hint_at(hi)];

	if (hi >> 61 != XDP_GROUP_FIRST)
		return XDP_TREE_INNER;
	for (unsigned i = 0; i < XDP_HINT_LEVELS; i++) {
		const uint32_t level = xdp_hint_level(hint, i);
		uint32_t entry;

		if (level >= XDP_GROUP_LEVELS)
			break;
		entry = level_find(groups, hint, level, hi);
		if (entry != XDP_GROUP_NONE && entry != XDP_TREE_INNER)
			return entry;
	}
	return XDP_TREE_INNER;
}
