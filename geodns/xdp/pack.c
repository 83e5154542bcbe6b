/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/pack.h"

#include <string.h>

#include "geodns/xdp/layout.h"
#include "lib/alloc.h"

#define LINE (XDP_CHUNK / 4) /* words of a cache line */

struct packing {
	struct xdp_packed *out;
	const struct geo_tree *tree;
	const uint32_t *leaf_of;
};

static uint32_t leaf_pack(const struct packing *p, uint32_t leaf)
{
	return p->leaf_of[geo_tree_leaf_class(leaf)] | geo_tree_leaf_length(leaf);
}

/* Room for so many words; returns where. */
static size_t place(struct xdp_packed *out, size_t words)
{
	size_t at = out->word_count + out->word_count % 2;

	if (words <= LINE && at % LINE + words > LINE)
		at += LINE - at % LINE;
	if (at + words > out->room) {
		const size_t before = out->room;

		out->room = 2 * (at + words);
		out->words = xreallocarray(out->words, out->room, sizeof(*out->words));
		memset(out->words + before, 0, (out->room - before) * sizeof(*out->words));
	}
	out->word_count = at + words;
	return at;
}

/*
 * A node, then those below it, so that they are near. Returns its entry. As deep as the tree: up
 * to GEO_TREE_LEVELS_MAX.
 */
static uint32_t node_pack(const struct packing *p, uint32_t index) /* NOLINT(misc-no-recursion) */
{
	const struct geo_tree_node *node = &p->tree->nodes[index];
	/* Behind an inner slot, the run of leaves before it goes on in an entry of its own. */
	const uint64_t begins = node->change | node->inner | node->inner << 1 | 1;
	const size_t at = place(p->out, 2 + geo_tree_popcount(begins));
	uint32_t child = node->first_node, entry;
	size_t to = at + 2;

	p->out->node_at[index] = (uint32_t)at;
	memcpy(p->out->words + at, &begins, sizeof(begins));
	for (uint64_t left = begins; left; left &= left - 1) {
		const uint64_t bit = left & -left;

		if (node->inner & bit)
			entry = node_pack(p, child++);
		else
			entry = leaf_pack(p, p->tree->leaves[node->first_leaf +
							     geo_tree_popcount(node->change &
									       (bit | (bit - 1))) -
							     1]);
		p->out->words[to++] = entry;
	}
	return XDP_TREE_INNER | (uint32_t)at;
}

/* The entry that stands for a slot of a node, packing what is below it. */
static uint32_t slot_pack(const struct packing *p, const struct geo_tree_node *node, unsigned slot)
{
	const uint64_t bit = UINT64_C(1) << slot, upto = bit | (bit - 1);

	if (node->inner & bit)
		return node_pack(p, node->first_node + geo_tree_popcount(node->inner & (bit - 1)));
	return leaf_pack(
		p, p->tree->leaves[node->first_leaf + geo_tree_popcount(node->change & upto) - 1]);
}

/* All that an entry of the tree's root says, as entries of one that has the next stride in it. */
static void root_widen(const struct packing *p, uint32_t entry, uint32_t *to)
{
	for (unsigned slot = 0; slot < 1U << GEO_TREE_STRIDE; slot++)
		to[slot] = entry & GEO_TREE_INNER
				   ? slot_pack(p, &p->tree->nodes[entry & ~GEO_TREE_INNER], slot)
				   : leaf_pack(p, entry);
}

void xdp_pack(struct xdp_packed *out, const struct geo_tree *tree, const uint32_t *leaf_of,
	      bool is_wide)
{
	const struct packing p = { .out = out, .tree = tree, .leaf_of = leaf_of };
	const unsigned more = is_wide ? GEO_TREE_STRIDE : 0;

	*out = (struct xdp_packed){ .root_bits = tree->root_bits + more };
	out->root_count = (size_t)1 << out->root_bits;
	out->root = xcalloc(out->root_count, sizeof(*out->root));
	out->node_at = xcalloc((size_t)tree->node_count + 1, sizeof(*out->node_at));
	for (size_t i = 0; i < (size_t)1 << tree->root_bits; i++) {
		const uint32_t entry = tree->root[i];

		if (is_wide)
			root_widen(&p, entry, out->root + (i << GEO_TREE_STRIDE));
		else if (entry & GEO_TREE_INNER)
			out->root[i] = node_pack(&p, entry & ~GEO_TREE_INNER);
		else
			out->root[i] = leaf_pack(&p, entry);
	}
}

uint32_t xdp_packed_lookup_below(const struct xdp_packed *packed, uint32_t entry, uint32_t bits,
				 uint64_t hi, uint64_t lo)
{
	hi = hi << bits | lo >> (64 - bits);
	lo <<= bits;
	while (entry & XDP_TREE_INNER) {
		const uint32_t *node = packed->words + (entry & ~XDP_TREE_INNER);
		uint64_t begins;

		memcpy(&begins, node, sizeof(begins));
		entry = node[1 + xdp_tree_rank(begins, hi)];
		hi = hi << XDP_TREE_STRIDE | lo >> (64 - XDP_TREE_STRIDE);
		lo <<= XDP_TREE_STRIDE;
	}
	return entry;
}

uint32_t xdp_packed_lookup(const struct xdp_packed *packed, uint64_t hi, uint64_t lo)
{
	const uint32_t root_bits = packed->root_bits;

	return xdp_packed_lookup_below(packed, packed->root[hi >> (64 - root_bits)], root_bits, hi,
				       lo);
}
