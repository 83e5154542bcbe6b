/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice.bpf.h - for answer.bpf.c: from who asks to the records that are answered.
 */
#ifndef GEODNS_XDP_CHOICE_BPF_H
#define GEODNS_XDP_CHOICE_BPF_H

#include "geodns/xdp/maps.bpf.h"

struct place {
	uint32_t order;
	uint32_t length;
	uint32_t is_private;
};

/* xdp_packed_lookup(), in maps. */
static __always_inline uint32_t tree_find(const void *root, const void *words, uint32_t root_bits,
					  uint64_t hi, uint64_t lo)
{
	const uint32_t *entry = chunk32_at(root, hi >> (64 - root_bits));

	hi = hi << root_bits | lo >> (64 - root_bits);
	lo <<= root_bits;
	for (int level = 0; level < XDP_TREE_LEVELS_MAX && entry; level++) {
		uint32_t at = *entry & ~XDP_TREE_INNER;
		const uint64_t *node;

		if (!(*entry & XDP_TREE_INNER))
			return *entry;
		node = map_at(words, at / 16);
		if (!node)
			break;
		entry = chunk32_at(words, at + 1 + xdp_tree_rank(node[at / 2 % 8], hi));
		hi = hi << XDP_TREE_STRIDE | lo >> (64 - XDP_TREE_STRIDE);
		lo <<= XDP_TREE_STRIDE;
	}
	return XDP_TREE_INNER;
}

__noinline uint32_t tree4_find(uint64_t hi)
{
	return tree_find(&root4, &words4, settings.root_bits[0], hi, 0);
}

__noinline uint32_t tree6_find(uint64_t hi, uint64_t lo)
{
	return tree_find(&root6, &words6, settings.root_bits[1], hi, lo);
}

static __always_inline uint32_t chunk16_get(const void *map, uint32_t index)
{
	const struct xdp_chunk16 *chunk = map_at(map, index / 32);

	return chunk ? chunk->at[index % 32] : 0xffff;
}

/*
 * The first PoP of an order whose target is in the mask; negative: none. Nearly always it is the
 * order's first, and those stand together: the whole order, of which there are as many as places,
 * would be another cache miss.
 */
__noinline int nearest_find(uint32_t order, uint32_t row, uint64_t mask)
{
	uint32_t pop = chunk16_get(&firsts, order), target;

	for (uint32_t i = 0; i < XDP_STEPS_MAX && i < settings.pop_count; i++) {
		if (i > 0)
			pop = chunk16_get(&orders, order * settings.pop_count + i);
		target = chunk16_get(&rows, row + pop);
		if (target < XDP_TARGETS_MAX && mask >> target & 1)
			return (int)target;
	}
	return -1;
}

static __always_inline int place_find(uint32_t family, uint64_t hi, uint64_t lo,
				      struct place *place)
{
	uint32_t leaf = family == 4 ? tree4_find(hi) : tree6_find(hi, lo);

	if (leaf & XDP_TREE_INNER)
		return -1;
	place->length = leaf & XDP_LEAF_LENGTH;
	place->is_private = leaf & XDP_LEAF_PRIVATE;
	place->order = leaf >> XDP_LEAF_ORDER;
	return 0;
}

/* choose() of answer.c: whose place counts, and how far the answer's validity reaches. */
static __always_inline int client_place(const struct query *q, struct place *place, uint32_t *scope)
{
	*scope = 0;
	if (q->has_ecs && q->source > 0) {
		if (place_find(q->ecs_family == 1 ? 4 : 6, q->hi, q->lo, place))
			return -1;
		*scope = place->length;
		if (!place->is_private)
			return 0;
	}
	return place_find(q->family, q->from_hi, q->from_lo, place);
}

static __always_inline int target_pick(const struct xdp_set *set, const struct place *place,
				       uint64_t mask)
{
	if (set->flags & XDP_SET_NEAREST)
		return nearest_find(place->order, set->row, mask);
	return (int)xdp_popcount((mask & -mask) - 1);
}

/* Target by target, until there are as many as the name answers. Negative: user space. */
static __always_inline int records_choose(const struct xdp_name *name, const struct xdp_set *set,
					  const struct place *place, uint32_t is_a,
					  struct reply *reply)
{
	uint64_t mask = *(const volatile uint64_t *)&set->mask;
	uint32_t first = 0, left = 0, picked = 0, count;

	reply->ttl = 0xffffffff;
	for (count = 0; count < XDP_RECORDS_MAX; count++) {
		if (left == 0) {
			const struct xdp_target *target;
			const volatile uint32_t *ttl;
			int pick;

			if (picked == set->answers || mask == 0)
				break;
			pick = target_pick(set, place, mask);
			if (pick < 0 || pick >= XDP_TARGETS_MAX)
				return -1;
			target = map_at(&targets, name->first_target + pick);
			ttl = chunk32_at(&ttls, set->first_ttl + pick);
			if (!target || !ttl)
				return -1;
			left = is_a ? target->a_count : target->aaaa_count;
			first = is_a ? target->first_a : target->first_aaaa;
			if (left == 0)
				return -1;
			if (*ttl < reply->ttl)
				reply->ttl = *ttl;
			mask &= ~(1UL << pick);
			if (picked++ == 0)
				reply->best = name->first_target + pick;
		}
		reply->records[count] = first++;
		left--;
	}
	if (count == 0)
		return -1;
	reply->count = count;
	return 0;
}

/* Returns how many records there are in the reply, 0: user space knows. */
__noinline uint32_t choose(const struct query *q, struct reply *reply, uint32_t name_index)
{
	const struct xdp_name *name = map_at(&names, name_index);
	const struct xdp_set *set = name ? map_at(&sets, name->set) : 0;
	struct place place = { 0 };

	if (!set || !q || !reply)
		return 0;
	if (set->flags & XDP_SET_BY_PLACE && client_place(q, &place, &reply->scope))
		return 0;
	if (records_choose(name, set, &place, q->is_a, reply))
		return 0;
	return reply->count;
}

#endif
