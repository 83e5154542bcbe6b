/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * half_open.h - the half-open table, in front of the connection table (table.h, as which it is
 * made).
 *
 * A flow whose SYN was seen, and where that went. born is in units of 2^10 ns here; of two full
 * buckets the oldest entry gives way. How many a network may have is counted beside it.
 */
#ifndef LB_FLOW_HALF_OPEN_H
#define LB_FLOW_HALF_OPEN_H

#include "lb/flow/table.h"

/* In units of HALF's born; 71 minutes are the most, and long before that it is over. */
static __always_inline uint32_t half_open_age(const struct flow_entry *entry, struct flow_now now)
{
	uint32_t age = now.tick - *(const volatile uint32_t *)&entry->born;

	return age > UINT32_MAX - FLOW_TICK(10000000) ? 0 : age;
}

/* Of the flow's entry, 0: there is none. The target is in it (FLOW_TARGET). */
static __always_inline uint64_t half_open_lookup(void *buckets, const struct flow_place *place,
						 struct flow_now now)
{
	uint64_t word;

	flow_table_lookup(buckets, place, now, &word);
	return word;
}

/* All ones where a is below b, else 0; both below 2^63. */
static __always_inline uint64_t flow_mask_below(uint64_t a, uint64_t b)
{
	uint64_t mask = a - b;

	FIXED_OPAQUE(mask);
	mask = -(mask >> 63);
	FIXED_OPAQUE(mask);
	return mask;
}

/*
 * 0: its place is free; else the more, the younger. Ages are as random as who sends SYNs: without
 * a branch, because the processor would guess wrong every other time.
 */
static __always_inline uint64_t half_open_worth(const struct flow_entry *entry, struct flow_now now)
{
	const uint64_t word = flow_entry_word(entry);
	const uint64_t age = (uint32_t)(now.tick - *(const volatile uint32_t *)&entry->born);
	/* A clock that is a little behind makes ages of nearly 2^32. */
	const uint64_t future = flow_mask_below(UINT32_MAX - FLOW_TICK(10000000), age);
	const uint32_t passed = now.seen - *(const volatile uint32_t *)&entry->seen;
	const uint64_t ahead = flow_mask_below(UINT32_MAX / 2, passed);

	return (1 + (uint64_t)UINT32_MAX - (age & ~future)) &
	       flow_mask_below(passed & ~ahead, FLOW_HALF_IDLE) & flow_mask_below(0, word >> 1);
}

static __always_inline void half_open_weigh(struct flow_victim *oldest, struct flow_bucket *bucket,
					    struct flow_now now)
{
	uint64_t slot = 0, least = 1ULL << 62;

	for (uint32_t i = 0; i < FLOW_SLOTS; i++) {
		const uint64_t worth = half_open_worth(&bucket->entries[i], now);
		const uint64_t less = flow_mask_below(worth, least);

		least = (worth & less) | (least & ~less);
		slot = (i & less) | (slot & ~less);
	}
	if (least >= oldest->worth)
		return;
	oldest->entry = flow_entry_at(bucket, (uint32_t)slot);
	oldest->word = flow_entry_word(oldest->entry);
	oldest->worth = least;
}

/*
 * A SYN has come, and went to target. One that comes again leaves born as it was. capped: its
 * source's network has too many; then it takes only a place that is free. False: it has none.
 */
static __always_inline bool half_open_note(void *buckets, const struct flow_place *place,
					   uint32_t target, bool capped, struct flow_now now)
{
	const struct flow_entry new = { flow_word(place->tag, FLOW_HALF, target), now.seen,
					now.tick };
	struct flow_victim oldest = { 0, 0, ~0ULL };
	struct flow_bucket *first, *second;
	uint64_t word;
	struct flow_entry *entry = flow_table_lookup(buckets, place, now, &word);

	if (entry) {
		flow_entry_touch(entry, now);
		return word == new.word || flow_entry_swap(entry, word, new.word);
	}
	first = flow_bucket_at(buckets, place->first);
	second = flow_bucket_at(buckets, place->second);
	if (!first || !second)
		return false;
	half_open_weigh(&oldest, first, now);
	if (oldest.worth != 0)
		half_open_weigh(&oldest, second, now);
	if (!oldest.entry || (capped && oldest.worth != 0))
		return false;
	return flow_entry_claim(oldest.entry, oldest.word, &new);
}

enum half_open {
	HALF_OPEN_NONE,	 /* no SYN of it is known */
	HALF_OPEN_EARLY, /* *target is where its SYN went; too soon to have been answered */
	HALF_OPEN_READY, /* the same, and its time has come: flow_table_put(), half_open_done() */
};

/* A packet without SYN of a flow that the connection table does not know. */
static __always_inline enum half_open half_open_check(void *buckets, const struct flow_place *place,
						      struct flow_now now, uint32_t *target)
{
	uint64_t word;
	const struct flow_entry *entry = flow_table_lookup(buckets, place, now, &word);

	*target = FLOW_TARGET(word);
	if (!entry)
		return HALF_OPEN_NONE;
	return half_open_age(entry, now) < FLOW_ROUND_TRIP ? HALF_OPEN_EARLY : HALF_OPEN_READY;
}

/* Once the connection table has it. If that had no place, it stays here while there is room. */
static __always_inline void half_open_done(void *buckets, const struct flow_place *place)
{
	struct flow_entry *entry = flow_table_find(buckets, place);
	uint64_t word;

	if (!entry)
		return;
	word = flow_entry_word(entry);
	if (((word ^ place->tag) & FLOW_TAG) == 0)
		flow_entry_swap(entry, word, 0);
}

/* ---- SYNs of one network ---- */

#define FLOW_CAP_ROWS	 2
#define FLOW_CAP_COLUMNS 16384

/* How many SYNs each network has sent lately, at most: a count-min sketch. */
struct flow_cap {
	uint32_t counts[FLOW_CAP_ROWS][FLOW_CAP_COLUMNS];
};

/* hash: flow_network_hash(). False: limit are counted already, and this one is not. */
static __always_inline bool flow_cap_take(struct flow_cap *cap, uint64_t hash, uint32_t limit)
{
	uint32_t *a = &cap->counts[0][hash & (FLOW_CAP_COLUMNS - 1)];
	uint32_t *b = &cap->counts[1][hash >> 32 & (FLOW_CAP_COLUMNS - 1)];

	if (*(volatile uint32_t *)a >= limit && *(volatile uint32_t *)b >= limit)
		return false;
	__sync_fetch_and_add(a, 1);
	__sync_fetch_and_add(b, 1);
	return true;
}

#ifndef __bpf__
/* Once a second: a network's count becomes the half. */
void flow_cap_halve(struct flow_cap *cap);
#endif

#endif
