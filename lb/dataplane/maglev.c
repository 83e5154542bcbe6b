/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/maglev.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "lib/siphash.h"

struct turn {
	uint64_t hash; /* of the name: who goes first when times are equal */
	const char *name;
	uint32_t slot, skip; /* next in its order, and how it goes on */
	uint32_t weight;
	uint32_t due; /* twice the slots that it has, plus one: its time, times weight */
	uint16_t index;
};

static uint64_t name_hash(const char *name, uint8_t which)
{
	/* Not a secret: all PoPs, and the next life of this one, are to agree. */
	const uint8_t key[SIPHASH_KEY_SIZE] = { 'm', 'a', 'g', 'l', 'e', 'v', which };

	return siphash24(key, (const uint8_t *)name, strlen(name));
}

/* Which of two goes first. Both products fit: due is below 2^18. */
static bool is_before(const struct turn *a, const struct turn *b)
{
	const uint64_t left = (uint64_t)a->due * b->weight, right = (uint64_t)b->due * a->weight;

	if (left != right)
		return left < right;
	if (a->hash != b->hash)
		return a->hash < b->hash;
	return strcmp(a->name, b->name) < 0;
}

/* The one at that place of the heap goes down until nobody below it goes first. */
static void sift_down(struct turn *turns, size_t count, size_t at)
{
	for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
		struct turn swap = turns[at];

		if (child + 1 < count && is_before(&turns[child + 1], &turns[child]))
			child++;
		if (!is_before(&turns[child], &turns[at]))
			return;
		turns[at] = turns[child];
		turns[child] = swap;
		at = child;
	}
}

static size_t turns_make(struct turn *turns, const struct maglev_node *nodes, size_t count)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++) {
		const char *name = nodes[i].name;

		assert(nodes[i].weight <= MAGLEV_WEIGHT_MAX);
		if (nodes[i].weight == 0)
			continue;
		turns[made++] = (struct turn){
			.hash = name_hash(name, 0),
			.name = name,
			.slot = (uint32_t)(name_hash(name, 1) % MAGLEV_SIZE),
			.skip = (uint32_t)(name_hash(name, 2) % (MAGLEV_SIZE - 1)) + 1,
			.weight = nodes[i].weight,
			.due = 1,
			.index = (uint16_t)i,
		};
	}
	for (size_t i = made / 2; i-- > 0;)
		sift_down(turns, made, i);
	return made;
}

void maglev_fill(uint16_t table[MAGLEV_SIZE], const struct maglev_node *nodes, size_t count)
{
	struct turn *turns = xreallocarray(NULL, count + 1, sizeof(*turns));
	size_t takers;

	assert(count <= MAGLEV_NODES_MAX);
	takers = turns_make(turns, nodes, count);
	for (size_t i = 0; i < MAGLEV_SIZE; i++)
		table[i] = MAGLEV_NONE;
	for (size_t taken = 0; takers > 0 && taken < MAGLEV_SIZE; taken++) {
		struct turn *turn = &turns[0];

		while (table[turn->slot] != MAGLEV_NONE)
			turn->slot = (turn->slot + turn->skip) % MAGLEV_SIZE;
		table[turn->slot] = turn->index;
		turn->due += 2;
		sift_down(turns, takers, 0);
	}
	free(turns);
}
