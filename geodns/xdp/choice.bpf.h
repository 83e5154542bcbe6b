/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice.bpf.h - for answer.bpf.c: from who asks to the records that are answered.
 */
#ifndef GEODNS_XDP_CHOICE_BPF_H
#define GEODNS_XDP_CHOICE_BPF_H

#include "geodns/xdp/maps.bpf.h"

/* xdp_packed_lookup_below(), in maps. */
static __always_inline uint32_t tree_find_below(const void *words, uint32_t entry, uint32_t bits,
						uint64_t hi, uint64_t lo)
{
	hi = hi << bits | lo >> (64 - bits);
	lo <<= bits;
	for (int level = 0; level < XDP_TREE_LEVELS_MAX; level++) {
		uint32_t at = entry & ~XDP_TREE_INNER;
		const uint64_t *node;
		const uint32_t *next;

		if (!(entry & XDP_TREE_INNER))
			return entry;
		node = map_at(words, at / 16);
		if (!node)
			break;
		next = chunk32_at(words, at + 1 + xdp_tree_rank(node[at / 2 % 8], hi));
		if (!next)
			break;
		entry = *next;
		hi = hi << XDP_TREE_STRIDE | lo >> (64 - XDP_TREE_STRIDE);
		lo <<= XDP_TREE_STRIDE;
	}
	return XDP_TREE_INNER;
}

static __always_inline uint32_t root_entry(const void *root, uint32_t bits, uint64_t hi)
{
	const uint32_t *entry = chunk32_at(root, hi >> (64 - bits));

	return entry ? *entry : 0;
}

__noinline uint32_t tree4_find(uint64_t hi)
{
	const uint32_t bits = settings.root_bits[0];

	return tree_find_below(&words4, root_entry(&root4, bits, hi), bits, hi, 0);
}

static __always_inline uint32_t chunk16_get(const void *map, uint32_t index)
{
	const struct xdp_chunk16 *chunk = map_at(map, index / 32);

	return chunk ? chunk->at[index % 32] : 0xffff;
}

/* The address's code in the group with that word, in this half of the line. */
static __always_inline uint32_t group_read(const struct xdp_group_line *line, uint32_t half,
					   uint32_t level, uint64_t word, uint64_t hi)
{
	/* As the last three of four octets. */
	uint32_t at = xdp_group_code_at(half, xdp_group_rank(level, word, hi)) - 1;

	barrier_var(at);
	if (at > sizeof(*line) - 4)
		return XDP_TREE_INNER;
	return xdp_group_entry(level, *(const uint32_t *)((const uint8_t *)line + at) >> 8);
}

/* In the turn-th of its lines; first becomes the line's first word. */
static __always_inline uint32_t group_probe(uint32_t hint, uint32_t turn, uint32_t level,
					    uint64_t hi, uint64_t *first)
{
	const uint64_t key = xdp_group_key(level, hi);
	const struct xdp_group_line *line =
		map_at(&groups6, xdp_group_line(level, hi, hint, turn, settings.group_mask));

	*first = 0;
	if (!line)
		return XDP_GROUP_NONE;
	*first = line->words[0];
	if (xdp_group_is(*first, key))
		return group_read(line, 0, level, *first, hi);
	if (xdp_group_is(line->words[XDP_GROUP_HALF], key))
		return group_read(line, 1, level, line->words[XDP_GROUP_HALF], hi);
	return XDP_GROUP_NONE;
}

/* In its lines. */
__noinline uint32_t group_find(uint32_t hint, uint32_t level, uint64_t hi)
{
	for (uint32_t turn = 0; turn < XDP_GROUP_TURNS && level < XDP_GROUP_LEVELS; turn++) {
		uint64_t first;
		uint32_t leaf = group_probe(hint, turn, level, hi, &first);

		if (leaf != XDP_GROUP_NONE || !(first & XDP_GROUP_AWAY))
			return leaf;
	}
	return XDP_GROUP_NONE;
}

/* Asks memory for a guess's line: nothing waits for it here. */
static __always_inline void group_warm(uint32_t hint, uint32_t i, uint64_t hi)
{
	const uint32_t level = xdp_hint_level(hint, i) & 7;
	const struct xdp_group_line *line =
		map_at(&groups6, xdp_group_line(level, hi, hint, 0, settings.group_mask));
	uint64_t word = line ? line->words[0] : 0;

	barrier_var(word);
}

/* xdp_groups_lookup(), in maps. */
static __always_inline uint32_t groups_find(uint64_t hi)
{
	uint32_t hint, level, entry;

	if (hi >> 61 != XDP_GROUP_FIRST)
		return XDP_TREE_INNER;
	hint = chunk16_get(&hints6, xdp_hint_at(hi));
#pragma unroll
	for (int i = 0; i < 2; i++)
		group_warm(hint, i, hi);
	for (int i = 0; i < XDP_HINT_LEVELS; i++) {
		level = xdp_hint_level(hint, i);
		if (level >= XDP_GROUP_LEVELS)
			break;
		entry = group_find(hint, level, hi);
		if (entry != XDP_GROUP_NONE && entry != XDP_TREE_INNER)
			return entry;
	}
	return XDP_TREE_INNER;
}

__noinline uint32_t tree6_find(uint64_t hi, uint64_t lo)
{
	uint32_t entry = groups_find(hi), bits = XDP_GROUP_BITS_END;

	if (entry == XDP_TREE_INNER) {
		bits = settings.root_bits[1];
		entry = root_entry(&root6, bits, hi);
	}
	return tree_find_below(&words6, entry, bits, hi, lo);
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

static __always_inline uint32_t leaf_find(uint32_t family, uint64_t hi, uint64_t lo)
{
	return family == 4 ? tree4_find(hi) : tree6_find(hi, lo);
}

/* Of whom the query names, or else of who has sent it. */
static __always_inline uint32_t client_leaf(const struct query *q)
{
	if (q->has_ecs && q->source > 0)
		return leaf_find(q->ecs_family == 1 ? 4 : 6, q->hi, q->lo);
	return leaf_find(q->family, q->from_hi, q->from_lo);
}

/* choose() of answer.c: whose place counts, and how far the answer's validity reaches. */
static __always_inline uint32_t client_order(const struct query *q, uint32_t leaf, uint32_t *scope)
{
	if (q->has_ecs && q->source > 0) {
		*scope = leaf & XDP_LEAF_LENGTH;
		if (leaf & XDP_LEAF_PRIVATE)
			leaf = leaf_find(q->family, q->from_hi, q->from_lo);
	}
	return leaf >> XDP_LEAF_ORDER;
}

static __always_inline int target_pick(const struct xdp_set *set, uint32_t order, uint64_t mask)
{
	if (set->flags & XDP_SET_NEAREST)
		return nearest_find(order, set->row, mask);
	return (int)xdp_popcount((mask & -mask) - 1);
}

/* Target by target, until there are as many as the name answers. Negative: user space. */
static __always_inline int records_choose(const struct xdp_name *name, const struct xdp_set *set,
					  uint32_t order, uint32_t is_a, struct reply *reply)
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
			pick = target_pick(set, order, mask);
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

/* leaf: client_leaf(). Returns how many records there are in the reply, 0: user space knows. */
__noinline uint32_t choose(const struct query *q, struct reply *reply, uint32_t name_index,
			   uint32_t leaf)
{
	const struct xdp_name *name = map_at(&names, name_index);
	const struct xdp_set *set = name ? map_at(&sets, name->set) : 0;
	uint32_t order = 0;

	if (!set || !q || !reply || leaf & XDP_TREE_INNER)
		return 0;
	if (set->flags & XDP_SET_BY_PLACE)
		order = client_order(q, leaf, &reply->scope);
	if (records_choose(name, set, order, q->is_a, reply))
		return 0;
	return reply->count;
}

#endif
