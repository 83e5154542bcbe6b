/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two steps for each leaf. Merging: leaves of one class wait, until one of another class comes, in
 * a list that holds the fewest prefixes for the stretch of addresses they cover, a binary counter.
 * Placing: what leaves the list is final and goes into the root, or into the deepest of a
 * row of open nodes, one per level; a node is complete, and stored behind its brothers, when
 * a leaf outside of it comes.
 */
#include "geodns/geo/tree.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "geodns/geo/pages.h"
#include "lib/alloc.h"

#define SLOTS (1U << GEO_TREE_STRIDE)
/* A stretch of addresses is at most two prefixes of each length. */
#define WAITING_MAX (2 * 128 + 2)

struct waiting {
	uint64_t hi, lo;
	unsigned length;
};

/* A node that leaves still come for. */
struct open_node {
	uint64_t inner, change;
	uint32_t leaves[SLOTS];
	struct geo_tree_node children[SLOTS];
	unsigned leaf_count, child_count;
};

struct geo_tree_builder {
	struct geo_tree *tree; /* its nodes and leaves are on the heap as long as they grow */
	size_t node_room, leaf_room;
	unsigned bits;

	struct waiting waiting[WAITING_MAX];
	unsigned waiting_count;
	uint32_t class; /* of all that wait */

	struct open_node open[GEO_TREE_LEVELS_MAX];
	unsigned depth;	 /* how many are open */
	uint64_t hi, lo; /* where the last leaf that was placed began */
	uint64_t filled; /* entries of root that are done */
};

/* Octets of the arrays. */
static size_t root_size(const struct geo_tree *tree)
{
	return sizeof(*tree->root) << tree->root_bits;
}

static size_t nodes_size(const struct geo_tree *tree)
{
	return sizeof(*tree->nodes) * tree->node_count;
}

static size_t leaves_size(const struct geo_tree *tree)
{
	return sizeof(*tree->leaves) * tree->leaf_count;
}

struct geo_tree_builder *geo_tree_builder_new(unsigned bits, unsigned root_bits)
{
	struct geo_tree_builder *b = x_new(struct geo_tree_builder);

	assert((bits == 32 || bits == 128) && root_bits >= 8 && root_bits <= 24);
	b->bits = bits;
	b->tree = x_new(struct geo_tree);
	b->tree->root_bits = root_bits;
	b->tree->root = geo_pages_new(root_size(b->tree));
	return b;
}

/* The count bits of an address that begin at bit first, count 1 to 32; 0s behind its end. */
static uint32_t bits_at(uint64_t hi, uint64_t lo, unsigned first, unsigned count)
{
	uint64_t window;

	if (first == 0)
		window = hi;
	else if (first < 64)
		window = hi << first | lo >> (64 - first);
	else
		window = lo << (first - 64);
	return (uint32_t)(window >> (64 - count));
}

/* Do both agree in their first bits? */
static bool same_bits(const struct geo_tree_builder *b, const struct waiting *leaf, unsigned bits)
{
	uint64_t hi = b->hi ^ leaf->hi, lo = b->lo ^ leaf->lo;

	if (bits <= 64)
		return bits == 0 || hi >> (64 - bits) == 0;
	return hi == 0 && lo >> (128 - bits) == 0;
}

static void *room_make(void *array, size_t *room, size_t needed, size_t size)
{
	if (needed <= *room)
		return array;
	while (*room < needed)
		*room = *room ? 2 * *room : 1024;
	return xreallocarray(array, *room, size);
}

/* Store the children and the leaves of the deepest open node, and the node with the one above. */
static void node_close(struct geo_tree_builder *b)
{
	struct geo_tree *t = b->tree;
	struct open_node *node = &b->open[--b->depth];
	struct geo_tree_node done = { node->inner, node->change, t->node_count, t->leaf_count };

	t->leaves = room_make(t->leaves, &b->leaf_room, (size_t)t->leaf_count + node->leaf_count,
			      sizeof(*t->leaves));
	memcpy(t->leaves + t->leaf_count, node->leaves, node->leaf_count * sizeof(*t->leaves));
	t->leaf_count += node->leaf_count;
	/* One more: the node itself may have to go to the root. */
	t->nodes = room_make(t->nodes, &b->node_room, (size_t)t->node_count + node->child_count + 1,
			     sizeof(*t->nodes));
	memcpy(t->nodes + t->node_count, node->children, node->child_count * sizeof(*t->nodes));
	t->node_count += node->child_count;
	if (b->depth == 0) {
		t->root[b->filled++] = GEO_TREE_INNER | t->node_count;
		t->nodes[t->node_count++] = done;
	} else {
		struct open_node *above = &b->open[b->depth - 1];
		unsigned base = t->root_bits + (b->depth - 1) * GEO_TREE_STRIDE;

		above->inner |= UINT64_C(1) << bits_at(b->hi, b->lo, base, GEO_TREE_STRIDE);
		above->children[above->child_count++] = done;
	}
}

static void node_open(struct geo_tree_builder *b)
{
	struct open_node *node = &b->open[b->depth++];

	assert(b->depth <= GEO_TREE_LEVELS_MAX);
	node->inner = node->change = 0;
	node->leaf_count = node->child_count = 0;
}

static void leaf_place(struct geo_tree_builder *b, const struct waiting *leaf)
{
	const unsigned root_bits = b->tree->root_bits;
	const uint32_t value = b->class | (uint32_t)leaf->length << 24;
	struct open_node *node;
	unsigned base;

	while (b->depth > 0 && !same_bits(b, leaf, root_bits + (b->depth - 1) * GEO_TREE_STRIDE))
		node_close(b);
	b->hi = leaf->hi;
	b->lo = leaf->lo;
	b->tree->prefix_count++;
	if (leaf->length <= root_bits) {
		for (uint64_t n = UINT64_C(1) << (root_bits - leaf->length); n > 0; n--)
			b->tree->root[b->filled++] = value;
		return;
	}
	while (leaf->length > root_bits + b->depth * GEO_TREE_STRIDE)
		node_open(b);
	base = root_bits + (b->depth - 1) * GEO_TREE_STRIDE;
	node = &b->open[b->depth - 1];
	if (node->leaf_count > 0 && node->leaves[node->leaf_count - 1] == value)
		return;
	node->change |= UINT64_C(1) << bits_at(leaf->hi, leaf->lo, base, GEO_TREE_STRIDE);
	node->leaves[node->leaf_count++] = value;
}

static void waiting_place(struct geo_tree_builder *b)
{
	for (unsigned i = 0; i < b->waiting_count; i++)
		leaf_place(b, &b->waiting[i]);
	b->waiting_count = 0;
}

/* The two halves of a prefix: as long as each other, unlike in their last bit only. */
static bool are_halves(const struct waiting *a, const struct waiting *b)
{
	uint64_t hi = a->hi ^ b->hi, lo = a->lo ^ b->lo;

	if (a->length != b->length || a->length == 0)
		return false;
	if (a->length <= 64)
		return hi == UINT64_C(1) << (64 - a->length) && lo == 0;
	return hi == 0 && lo == UINT64_C(1) << (128 - a->length);
}

void geo_tree_builder_add(struct geo_tree_builder *b, uint64_t hi, uint64_t lo, unsigned length,
			  uint32_t class)
{
	assert(class <= GEO_TREE_CLASS_MAX && length <= b->bits);
	if (class != b->class)
		waiting_place(b);
	b->class = class;
	assert(b->waiting_count < WAITING_MAX);
	b->waiting[b->waiting_count++] = (struct waiting){ hi, lo, length };
	while (b->waiting_count >= 2 &&
	       are_halves(&b->waiting[b->waiting_count - 2], &b->waiting[b->waiting_count - 1])) {
		b->waiting_count--;
		b->waiting[b->waiting_count - 1].length--;
	}
}

/* An array that grows no more goes where it is read from. */
static void *settle(void *array, size_t size)
{
	void *pages = geo_pages_new(size);

	if (size > 0)
		memcpy(pages, array, size);
	free(array);
	return pages;
}

struct geo_tree *geo_tree_builder_finish(struct geo_tree_builder *b)
{
	struct geo_tree *tree = b->tree;

	waiting_place(b);
	while (b->depth > 0)
		node_close(b);
	assert(b->filled == UINT64_C(1) << tree->root_bits);
	tree->nodes = settle(tree->nodes, nodes_size(tree));
	tree->leaves = settle(tree->leaves, leaves_size(tree));
	free(b);
	return tree;
}

void geo_tree_builder_free(struct geo_tree_builder *b)
{
	if (!b)
		return;
	free(b->tree->nodes);
	free(b->tree->leaves);
	geo_pages_free(b->tree->root, root_size(b->tree));
	free(b->tree);
	free(b);
}

void geo_tree_free(struct geo_tree *tree)
{
	if (!tree)
		return;
	geo_pages_free(tree->root, root_size(tree));
	geo_pages_free(tree->nodes, nodes_size(tree));
	geo_pages_free(tree->leaves, leaves_size(tree));
	free(tree);
}

size_t geo_tree_size(const struct geo_tree *tree)
{
	return root_size(tree) + nodes_size(tree) + leaves_size(tree);
}
