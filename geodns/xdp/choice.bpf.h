/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice.bpf.h - for answer.bpf.c: from who asks to the records that are answered.
 */
#ifndef GEODNS_XDP_CHOICE_BPF_H
#define GEODNS_XDP_CHOICE_BPF_H

#include "geodns/xdp/maps.bpf.h"

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

/* The address's code in the group with that word, in this half of the line. */
static __always_inline uint32_t group_read(const struct xdp_group_line *line, uint32_t half,
					   uint32_t level, uint64_t word, uint64_t hi)
{
	/* As the last three of four octets. */
	uint32_t at = xdp_group_code_at(half, xdp_group_rank(level, word, hi)) - 1;

	barrier_var(at);
	if (at > sizeof(*line) - 4)
		return XDP_TREE_INNER;
	return xdp_group_leaf(level, *(const uint32_t *)((const uint8_t *)line + at) >> 8);
}

/* In the turn-th of its lines; first becomes the line's first word. */
static __always_inline uint32_t group_probe(uint32_t turn, uint32_t level, uint64_t hi,
					    uint64_t *first)
{
	const uint64_t key = xdp_group_key(level, hi);
	const struct xdp_group_line *line =
		map_at(&groups6, xdp_group_line(key, turn, settings.group_lines));

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

/* In its other lines. */
__noinline uint32_t group_find_away(uint32_t level, uint64_t hi)
{
	for (uint32_t turn = 1; turn < XDP_GROUP_TURNS && level < XDP_GROUP_LEVELS; turn++) {
		uint64_t first;
		uint32_t leaf = group_probe(turn, level, hi, &first);

		if (leaf != XDP_GROUP_NONE || !(first & XDP_GROUP_AWAY))
			return leaf;
	}
	return XDP_GROUP_NONE;
}

/*
 * What xdp_groups_lookup() finds, or XDP_TREE_INNER. All levels' lines are asked for before
 * anything depends on one. A group that is elsewhere is looked for only where one above says that
 * it is deeper.
 */
static __always_inline uint32_t group_find(uint64_t hi)
{
	uint32_t leaf = XDP_TREE_INNER, found, level = 0;
	uint64_t firsts_of[XDP_GROUP_LEVELS];

	if (hi >> 61 != XDP_GROUP_FIRST)
		return XDP_TREE_INNER;
#pragma unroll
	for (uint32_t i = 0; i < XDP_GROUP_LEVELS; i++) {
		const struct xdp_group_line *line = map_at(
			&groups6, xdp_group_line(xdp_group_key(i, hi), 0, settings.group_lines));

		firsts_of[i] = line ? line->words[0] : 0;
		barrier_var(firsts_of[i]);
	}
#pragma unroll
	for (int i = XDP_GROUP_LEVELS - 1; i >= 0; i--) {
		if (level == 0) {
			uint64_t first;

			found = group_probe(0, i, hi, &first);
			if (found != XDP_GROUP_NONE) {
				leaf = found;
				level = i + 1;
			}
		}
	}
#pragma unroll
	for (uint32_t i = 0; i < XDP_GROUP_LEVELS; i++) {
		if (i != level || !(leaf & XDP_TREE_INNER) || !(firsts_of[i] & XDP_GROUP_AWAY))
			continue;
		found = group_find_away(i, hi);
		if (found != XDP_GROUP_NONE) {
			leaf = found;
			level++;
		}
	}
	return leaf;
}

__noinline uint32_t tree6_find(uint64_t hi, uint64_t lo)
{
	uint32_t leaf = group_find(hi);

	if (!(leaf & XDP_TREE_INNER))
		return leaf;
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
