/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two steps: a plain trie of the prefixes, one node a bit, then its compiled
 * form, an array of pairs, which is what lookups walk. A child is either the index of
 * another pair or, with LEAF set, an order.
 */
#include "geodns/geo/map.h"

#include <assert.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/arena.h"

#define LEAF	 UINT32_C(0x80000000)
#define PRIVATE	 UINT32_C(0x40000000) /* in a leaf while compiling: keeps it apart */
#define NO_ORDER UINT32_MAX

struct pair {
	uint32_t child[2];
};

struct geo_map {
	uint16_t *orders; /* rows of pop_count */
	size_t order_count, pop_count;
	struct pair *pairs;
	size_t pair_count, pair_room;
	uint32_t root[2]; /* IPv4, IPv6 */
};

/* Finds an order that is there already: its number, by hash, or NO_ORDER. While building. */
struct order_table {
	uint32_t *slots;
	size_t mask;
};

struct trie {
	struct trie *child[2];
	uint32_t order;
	bool is_private;
};

struct ranked {
	double km;
	uint16_t pop;
};

static int ranked_compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->km != y->km)
		return x->km < y->km ? -1 : 1;
	return x->pop < y->pop ? -1 : x->pop > y->pop;
}

static void order_write(uint16_t *row, const struct geo_places *places, const struct geo_point *at)
{
	size_t n = places->pop_count;
	struct ranked *ranked = xcalloc(n + 1, sizeof(*ranked));

	for (size_t i = 0; i < n; i++) {
		ranked[i].pop = (uint16_t)i;
		ranked[i].km = at ? geo_distance_km(*at, places->pops[i].at) : 0;
	}
	qsort(ranked, n, sizeof(*ranked), ranked_compare);
	for (size_t i = 0; i < n; i++)
		row[i] = ranked[i].pop;
	free(ranked);
}

static size_t order_hash(const uint16_t *row, size_t n)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ row[i]) * UINT64_C(1099511628211);
	return (size_t)(hash ^ hash >> 32);
}

/* The number of the order seen from that place (NULL: the order of pops), added if new. */
static uint32_t order_intern(struct geo_map *map, struct order_table *table,
			     const struct geo_places *places, const struct geo_point *at)
{
	size_t n = map->pop_count, row_size = n * sizeof(uint16_t), slot;
	uint16_t *row;

	map->orders = xreallocarray(map->orders, map->order_count + 1, row_size + 1);
	row = map->orders + map->order_count * n;
	order_write(row, places, at);
	slot = order_hash(row, n) & table->mask;
	while (table->slots[slot] != NO_ORDER) {
		if (memcmp(map->orders + table->slots[slot] * n, row, row_size) == 0)
			return table->slots[slot];
		slot = (slot + 1) & table->mask;
	}
	table->slots[slot] = (uint32_t)map->order_count;
	return (uint32_t)map->order_count++;
}

/* One order per network at most, and that of the rest: never more than half full. */
static struct order_table order_table_new(size_t networks)
{
	struct order_table table = { .mask = 1 };

	while (table.mask < 2 * (networks + 1))
		table.mask *= 2;
	table.slots = xreallocarray(NULL, table.mask, sizeof(*table.slots));
	memset(table.slots, 0xff, table.mask * sizeof(*table.slots));
	table.mask--;
	return table;
}

static struct trie *trie_add(struct arena *arena)
{
	struct trie *node = arena_new_object(arena, struct trie);

	node->order = NO_ORDER;
	return node;
}

static struct trie *trie_insert(struct arena *arena, struct trie *node, const struct prefix *prefix)
{
	for (unsigned i = 0; i < prefix->len; i++) {
		struct trie **child = &node->child[addr_bit(&prefix->addr, i)];

		if (!*child)
			*child = trie_add(arena);
		node = *child;
	}
	return node;
}

/* Recursion is as deep as an address is long. Returns the child to put into the parent's pair. */
static uint32_t trie_compile(struct geo_map *map, const struct trie *node, uint32_t order,
			     bool is_private)
{
	uint32_t child[2];

	if (node && node->order != NO_ORDER)
		order = node->order;
	if (node && node->is_private)
		is_private = true;
	if (!node || (!node->child[0] && !node->child[1]))
		return LEAF | (is_private ? PRIVATE : 0) | order;
	for (unsigned i = 0; i < 2; i++)
		child[i] = trie_compile(map, node->child[i], order, is_private);
	if (child[0] == child[1] && child[0] & LEAF)
		return child[0];
	if (map->pair_count == map->pair_room) {
		map->pair_room = map->pair_room ? 2 * map->pair_room : 64;
		map->pairs = xreallocarray(map->pairs, map->pair_room, sizeof(*map->pairs));
	}
	map->pairs[map->pair_count] = (struct pair){ { child[0], child[1] } };
	return (uint32_t)map->pair_count++;
}

static unsigned family_index(uint8_t family)
{
	return family == ADDR_IPV6;
}

static void private_insert(struct arena *arena, struct trie *roots[2])
{
	const struct prefix *block;

	for (size_t i = 0; (block = addr_private_block(i)); i++)
		trie_insert(arena, roots[family_index(block->addr.family)], block)->is_private =
			true;
}

struct geo_map *geo_map_new(const struct geo_places *places)
{
	struct geo_map *map = x_new(struct geo_map);
	struct arena *arena = arena_new();
	struct trie *roots[2] = { trie_add(arena), trie_add(arena) };
	struct order_table table = order_table_new(places->network_count);
	uint32_t rest;

	assert(places->pop_count <= UINT16_MAX);
	map->pop_count = places->pop_count;
	rest = order_intern(map, &table, places, places->has_default ? &places->default_at : NULL);
	for (size_t i = 0; i < places->network_count; i++) {
		const struct geo_network *net = &places->networks[i];

		trie_insert(arena, roots[family_index(net->prefix.addr.family)], &net->prefix)
			->order = order_intern(map, &table, places, &net->at);
	}
	free(table.slots);
	if (map->order_count > 1) {
		private_insert(arena, roots);
	} else {
		roots[0] = NULL;
		roots[1] = NULL;
	}
	for (unsigned i = 0; i < 2; i++)
		map->root[i] = trie_compile(map, roots[i], rest, false);
	arena_free(arena);
	return map;
}

void geo_map_free(struct geo_map *map)
{
	if (!map)
		return;
	free(map->orders);
	free(map->pairs);
	free(map);
}

struct geo_leaf geo_map_lookup(const struct geo_map *map, const struct addr *addr)
{
	uint32_t node = map->root[family_index(addr->family)];
	uint8_t length = 0;

	while (!(node & LEAF))
		node = map->pairs[node].child[addr_bit(addr, length++)];
	return (struct geo_leaf){ .order = map->orders +
					   (size_t)(node & ~(LEAF | PRIVATE)) * map->pop_count,
				  .length = length };
}

size_t geo_map_leaf_count(const struct geo_map *map)
{
	/* A binary tree has one leaf more than inner nodes, and here are two trees. */
	return map->pair_count + 2;
}

size_t geo_map_order_count(const struct geo_map *map)
{
	return map->order_count;
}

const struct geo_network *geo_places_find(const struct geo_places *places, const struct addr *addr)
{
	const struct geo_network *best = NULL;

	for (size_t i = 0; i < places->network_count; i++) {
		const struct geo_network *net = &places->networks[i];

		if (prefix_contains(&net->prefix, addr) &&
		    (!best || net->prefix.len > best->prefix.len))
			best = net;
	}
	return best;
}
