/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - the connection table; the half-open table in front of it is half_open.h.
 *
 * Both are arrays of buckets of a cache line each. A flow has its place in two of them, which
 * follow from its hash (flow_key_hash()); an entry knows its flow by 39 more bits of that hash:
 *
 *	hash:  63 ------------- tag ------------- 25 24 ------- 0
 *	                         |                        first bucket = hash & mask
 *	                         +--- second bucket = first ^ (some bits of the tag, odd)
 *	entry: word = tag 63..24 | target 23..8 | state 7..0,  seen, born
 *
 * The second follows from the first by the tag alone, and the first from the second likewise: so
 * who needs room can move an entry to its other bucket without knowing its flow.
 *
 * Nothing is locked. An entry belongs to who has put its word there by compare-and-swap; a word
 * that is somebody's is taken back to 0 first, so that no flow is ever seen with the times of
 * another. seen and born are plain stores. Two processors that add one flow at once may make
 * two entries of it: the first is found, the other one becomes old.
 *
 * What gives way to what when both buckets are full and no entry can move:
 *
 *	NOWHERE, then CLOSING, then ELSEWHERE, then OPEN younger than a minute: within one state
 *	what has been idle longest, and never for a newcomer that is worth less. An OPEN entry
 *	that is older stays until it has been idle for two hours; the newcomer has no entry then.
 *
 * A SYN makes an entry in the half-open table only, and a later packet of the client takes it
 * over, not sooner than a round trip can be: no flood of SYNs, and none of other packets alone,
 * reaches the connection table. Who sends both for made-up clients can fill its free places, but
 * not take one from an older flow.
 *
 * Times come from CLOCK_MONOTONIC, cut to 32 bits (flow_now()); they may wrap. Functions that take
 * buckets take an array of mask + 1 of them in user space, and a map of them in a program for the
 * kernel. mask + 1 is a power of two, from 2 to FLOW_BUCKETS_MAX.
 */
#ifndef LB_FLOW_TABLE_H
#define LB_FLOW_TABLE_H

#include "lib/fixed.h"

enum flow_state {
	FLOW_FREE = 0,	    /* only in the word 0 */
	FLOW_OPEN = 1,	    /* ours; target: what the plane says, as its origin */
	FLOW_CLOSING = 2,   /* ours, FIN or RST seen */
	FLOW_ELSEWHERE = 3, /* target: the PoP that owns it */
	FLOW_NOWHERE = 4,   /* nobody's: refused a moment ago */
	FLOW_HALF = 5,	    /* SYN seen; only in the half-open table */
};

struct flow_entry {
	uint64_t word;
	uint32_t seen; /* when a packet of it came last, in units of 2^30 ns */
	uint32_t born; /* since when it is in this state, in units of 2^20 ns; HALF: 2^10 ns */
};

#define FLOW_SLOTS 4

struct flow_bucket {
	struct flow_entry entries[FLOW_SLOTS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct flow_bucket) == 64, "a bucket is a cache line");

#define FLOW_BUCKETS_MAX (1U << 24)

#define FLOW_TAG	  0xffffffffff000000ULL
#define FLOW_TAG_ONE	  0x0000000001000000ULL /* set in every tag: none is 0 */
#define FLOW_TAG_AT	  24
#define FLOW_TAG_SHIFT	  25 /* of its bits that differ */
#define FLOW_TARGET_SHIFT 8
#define FLOW_TARGET_MAX	  0xffffU

#define FLOW_SEEN_SHIFT 30
#define FLOW_BORN_SHIFT 20
#define FLOW_HALF_SHIFT 10

/* So many seconds, milliseconds, microseconds in the units of seen, born and HALF's, rounded up. */
#define FLOW_SEEN(s)  ((uint32_t)(((s)*1000000000ULL + (1ULL << 30) - 1) >> 30))
#define FLOW_BORN(ms) ((uint32_t)(((ms)*1000000ULL + (1ULL << 20) - 1) >> 20))
#define FLOW_TICK(us) ((uint32_t)(((us)*1000ULL + (1ULL << 10) - 1) >> 10))

#define FLOW_OPEN_IDLE	    FLOW_SEEN(7440) /* RFC 5382, REQ-5: not less than 2 hours 4 minutes */
#define FLOW_CLOSING_IDLE   FLOW_SEEN(60)
#define FLOW_ELSEWHERE_IDLE FLOW_SEEN(600)
#define FLOW_HALF_IDLE	    FLOW_SEEN(60)
#define FLOW_NOWHERE_LIFE   FLOW_BORN(1000) /* since born, so that it ends while packets come */
#define FLOW_YOUNG	    FLOW_BORN(60000)
#define FLOW_ROUND_TRIP	    FLOW_TICK(200) /* shorter than any between a client and us */
#define FLOW_AGE_MAX	    (1U << 30)	   /* of born: 13 days; older is not told apart */

/* One instant, in all the units. */
struct flow_now {
	uint32_t seen, born, tick;
};

static __always_inline struct flow_now flow_now(uint64_t monotonic_ns)
{
	return (struct flow_now){ (uint32_t)(monotonic_ns >> FLOW_SEEN_SHIFT),
				  (uint32_t)(monotonic_ns >> FLOW_BORN_SHIFT),
				  (uint32_t)(monotonic_ns >> FLOW_HALF_SHIFT) };
}

#define FLOW_STATE(word)  ((uint32_t)((word)&0xff))
#define FLOW_TARGET(word) ((uint32_t)((word) >> FLOW_TARGET_SHIFT & FLOW_TARGET_MAX))

/* Where a flow is looked for, in a table of mask + 1 buckets. */
struct flow_place {
	uint64_t tag;
	uint32_t first, second;
};

static __always_inline uint32_t flow_place_other(uint64_t word, uint32_t bucket, uint32_t mask)
{
	return bucket ^ ((uint32_t)(word >> FLOW_TAG_SHIFT & mask) | 1);
}

static __always_inline struct flow_place flow_place(uint64_t hash, uint32_t mask)
{
	struct flow_place place;

	place.tag = (hash & FLOW_TAG) | FLOW_TAG_ONE;
	place.first = (uint32_t)hash & mask;
	place.second = flow_place_other(place.tag, place.first, mask);
	return place;
}

static __always_inline uint64_t flow_word(uint64_t tag, uint32_t state, uint32_t target)
{
	return tag | (uint64_t)(target & FLOW_TARGET_MAX) << FLOW_TARGET_SHIFT | state;
}

#ifdef __bpf__
static __always_inline struct flow_bucket *flow_bucket_at(void *buckets, uint32_t index)
{
	return bpf_map_lookup_elem(buckets, &index);
}
#else
static __always_inline struct flow_bucket *flow_bucket_at(void *buckets, uint32_t index)
{
	return (struct flow_bucket *)buckets + index;
}
#endif

static __always_inline struct flow_entry *flow_entry_at(struct flow_bucket *bucket, uint32_t slot)
{
	uint64_t index = slot;

	FIXED_OPAQUE(index);
	return &bucket->entries[index & (FLOW_SLOTS - 1)];
}

static __always_inline uint64_t flow_entry_word(const struct flow_entry *entry)
{
	return *(const volatile uint64_t *)&entry->word;
}

static __always_inline bool flow_entry_swap(struct flow_entry *entry, uint64_t from, uint64_t to)
{
	return __sync_val_compare_and_swap(&entry->word, from, to) == from;
}

/* Since a packet of it came, in units of seen. A clock that is a little behind is not ahead. */
static __always_inline uint32_t flow_entry_idle(const struct flow_entry *entry, struct flow_now now)
{
	int64_t idle = (int32_t)(now.seen - *(const volatile uint32_t *)&entry->seen);

	return idle < 0 ? 0 : (uint32_t)idle;
}

/* Since it is what it is, in units of born. */
static __always_inline uint32_t flow_entry_age(const struct flow_entry *entry, struct flow_now now)
{
	uint32_t age = now.born - *(const volatile uint32_t *)&entry->born;

	/* Another processor's, made after we have looked at the clock. */
	return age > UINT32_MAX - FLOW_BORN(10000) ? 0 : age;
}

static __always_inline bool flow_entry_is_over(uint64_t word, const struct flow_entry *entry,
					       struct flow_now now)
{
	const uint32_t state = FLOW_STATE(word), idle = flow_entry_idle(entry, now);

	if (state == FLOW_OPEN)
		return idle >= FLOW_OPEN_IDLE;
	if (state == FLOW_ELSEWHERE)
		return idle >= FLOW_ELSEWHERE_IDLE;
	if (state == FLOW_NOWHERE)
		return flow_entry_age(entry, now) >= FLOW_NOWHERE_LIFE;
	return state == FLOW_FREE || idle >= FLOW_CLOSING_IDLE; /* HALF is as long */
}

/*
 * The slot of the entry with that tag, FLOW_SLOTS: there is none. Without a branch, so that the
 * verifier goes on from here by one way, and the processor has nothing to guess.
 */
static __always_inline uint32_t flow_bucket_find(const struct flow_bucket *bucket, uint64_t tag)
{
	uint64_t slot = 0, none = 1;

	for (int i = 0; i < FLOW_SLOTS; i++) {
		/* Of 40 bits: what is left of it is 0, or has the highest of 64 bits when negated.
		 */
		uint64_t differs = (flow_entry_word(&bucket->entries[i]) ^ tag) >> FLOW_TAG_AT;

		differs = -differs;
		FIXED_OPAQUE(differs);
		none &= differs >> 63;
		slot += none;
	}
	return (uint32_t)slot;
}

/* Whatever has that tag, over or not; NULL: nothing. */
static __always_inline struct flow_entry *flow_table_find(void *buckets,
							  const struct flow_place *place)
{
	struct flow_bucket *bucket = flow_bucket_at(buckets, place->first);
	uint32_t slot;

	if (!bucket)
		return 0;
	slot = flow_bucket_find(bucket, place->tag);
	if (slot < FLOW_SLOTS)
		return flow_entry_at(bucket, slot);
	bucket = flow_bucket_at(buckets, place->second);
	if (!bucket)
		return 0;
	slot = flow_bucket_find(bucket, place->tag);
	return slot < FLOW_SLOTS ? flow_entry_at(bucket, slot) : 0;
}

/*
 * The flow's entry, and in *word what it said when it was looked at (FLOW_STATE, FLOW_TARGET);
 * NULL, and 0, if it has none or its time is over.
 */
static __always_inline struct flow_entry *flow_table_lookup(void *buckets,
							    const struct flow_place *place,
							    struct flow_now now, uint64_t *word)
{
	struct flow_entry *entry = flow_table_find(buckets, place);

	*word = 0;
	if (!entry)
		return 0;
	*word = flow_entry_word(entry);
	/* Or somebody has just taken the place. */
	if (((*word ^ place->tag) & FLOW_TAG) != 0 || flow_entry_is_over(*word, entry, now)) {
		*word = 0;
		return 0;
	}
	return entry;
}

/* A packet of it has come. */
static __always_inline void flow_entry_touch(struct flow_entry *entry, struct flow_now now)
{
	/* The line stays shared between processors while nothing is to be written. */
	if (*(volatile uint32_t *)&entry->seen != now.seen)
		*(volatile uint32_t *)&entry->seen = now.seen;
}

/* FIN or RST has come. word: as it was looked up, OPEN. */
static __always_inline void flow_entry_close(struct flow_entry *entry, uint64_t word,
					     struct flow_now now)
{
	if (FLOW_STATE(word) == FLOW_OPEN)
		flow_entry_swap(entry, word, word - FLOW_OPEN + FLOW_CLOSING);
	flow_entry_touch(entry, now);
}

/* To be known no longer. word: as it was looked up; if it is another now, it stays. */
static __always_inline bool flow_entry_forget(struct flow_entry *entry, uint64_t word)
{
	return flow_entry_swap(entry, word, 0);
}

/*
 * What an entry is worth: 0, nothing; the higher half says which kind it is (FLOW_WORTH), the
 * lower how lately a packet of it came.
 */
enum flow_worth {
	FLOW_WORTH_NOTHING = 0,
	FLOW_WORTH_NOWHERE = 1,
	FLOW_WORTH_CLOSING = 2,
	FLOW_WORTH_ELSEWHERE = 3,
	FLOW_WORTH_YOUNG = 4,
	FLOW_WORTH_OLD = 5, /* nobody takes its place */
};

#define FLOW_WORTH(worth) ((uint32_t)((worth) >> 32))

static __always_inline uint64_t flow_entry_weight(uint64_t word, const struct flow_entry *entry,
						  struct flow_now now)
{
	const uint32_t state = FLOW_STATE(word);
	uint64_t kind = FLOW_WORTH_CLOSING;

	if (flow_entry_is_over(word, entry, now))
		return FLOW_WORTH_NOTHING;
	if (state == FLOW_NOWHERE)
		kind = FLOW_WORTH_NOWHERE;
	if (state == FLOW_ELSEWHERE)
		kind = FLOW_WORTH_ELSEWHERE;
	if (state == FLOW_OPEN)
		kind = flow_entry_age(entry, now) < FLOW_YOUNG ? FLOW_WORTH_YOUNG : FLOW_WORTH_OLD;
	return kind << 32 | (UINT32_MAX - flow_entry_idle(entry, now));
}

/*
 * To a program for the kernel a function of its own, with scalars only: the verifier looks at it
 * once, and not at all ways through eight entries.
 */
#ifdef __bpf__
#define FLOW_APART __noinline
#else
#define FLOW_APART static __always_inline
#endif

FLOW_APART uint64_t flow_entry_worth(uint64_t word, const struct flow_entry *entry, uint32_t seen,
				     uint32_t born)
{
	return entry ? flow_entry_weight(word, entry, (struct flow_now){ seen, born, 0 }) : 0;
}

/* The highest worth that gives way to an entry of that state. */
static __always_inline uint32_t flow_worth_limit(uint32_t state)
{
	if (state == FLOW_OPEN)
		return FLOW_WORTH_YOUNG;
	if (state == FLOW_ELSEWHERE)
		return FLOW_WORTH_ELSEWHERE;
	return state == FLOW_CLOSING ? FLOW_WORTH_CLOSING : FLOW_WORTH_NOWHERE;
}

/* In the place of what was there. False: somebody was quicker. */
static __always_inline bool flow_entry_claim(struct flow_entry *entry, uint64_t old,
					     const struct flow_entry *new)
{
	if (old != 0 && !flow_entry_swap(entry, old, 0))
		return false;
	/* Who else wants this place now writes the same instant. */
	*(volatile uint32_t *)&entry->seen = new->seen;
	*(volatile uint32_t *)&entry->born = new->born;
	return flow_entry_swap(entry, 0, new->word);
}

/* Of both buckets' entries the one that is worth least. */
struct flow_victim {
	struct flow_entry *entry;
	uint64_t word, worth;
};

static __always_inline void flow_bucket_weigh(struct flow_victim *least, struct flow_bucket *bucket,
					      struct flow_now now)
{
	uint64_t worth, word;

	for (uint32_t i = 0; i < FLOW_SLOTS; i++) {
		word = flow_entry_word(&bucket->entries[i]);
		worth = flow_entry_worth(word, &bucket->entries[i], now.seen, now.born);
		if (worth >= least->worth)
			continue;
		*least = (struct flow_victim){ &bucket->entries[i], word, worth };
	}
}

/* To its other bucket if there is room; true: this one's place is free now. */
static __always_inline bool flow_entry_move(void *buckets, uint32_t mask, struct flow_entry *entry,
					    uint32_t index, struct flow_now now)
{
	const uint64_t word = flow_entry_word(entry);
	struct flow_bucket *bucket = flow_bucket_at(buckets, flow_place_other(word, index, mask));
	struct flow_victim room = { 0, 0, 1 };
	struct flow_entry copy = { word, entry->seen, entry->born };

	if (!bucket || word == 0)
		return false;
	flow_bucket_weigh(&room, bucket, now);
	if (!room.entry || !flow_entry_claim(room.entry, room.word, &copy))
		return false;
	if (flow_entry_swap(entry, word, 0))
		return true;
	/* It has become something else meanwhile: then what was copied is not so. */
	flow_entry_swap(room.entry, word, 0);
	return false;
}

static __always_inline struct flow_entry *flow_table_make_room(void *buckets, uint32_t mask,
							       const struct flow_place *place,
							       struct flow_now now)
{
	for (uint32_t i = 0; i < 2 * FLOW_SLOTS; i++) {
		const uint32_t index = i < FLOW_SLOTS ? place->first : place->second;
		struct flow_bucket *bucket = flow_bucket_at(buckets, index);

		if (!bucket)
			return 0;
		if (flow_entry_move(buckets, mask, flow_entry_at(bucket, i), index, now))
			return flow_entry_at(bucket, i);
	}
	return 0;
}

/* What has become of an entry that was to be put. */
enum flow_put {
	FLOW_PUT_NONE,	  /* no place: the flow has no entry, or the one it had */
	FLOW_PUT_SET,	  /* it had an entry already, which says this now */
	FLOW_PUT_ADDED,	  /* in a place that was free */
	FLOW_PUT_MOVED,	  /* in a place that was made free */
	FLOW_PUT_INSTEAD, /* another flow has lost its entry */
};

static __always_inline enum flow_put flow_entry_set(struct flow_entry *entry, uint64_t tag,
						    const struct flow_entry *new,
						    struct flow_now now)
{
	const uint64_t old = flow_entry_word(entry);
	const bool is_ours = FLOW_STATE(old) == FLOW_OPEN || FLOW_STATE(old) == FLOW_CLOSING;

	/* An answer that comes when a SYN has made the flow ours. */
	if (is_ours && FLOW_STATE(new->word) != FLOW_OPEN && !flow_entry_is_over(old, entry, now))
		return FLOW_PUT_NONE;
	if (((old ^ tag) & FLOW_TAG) != 0)
		return FLOW_PUT_NONE;
	*(volatile uint32_t *)&entry->seen = new->seen;
	*(volatile uint32_t *)&entry->born = new->born;
	return flow_entry_swap(entry, old, new->word) ? FLOW_PUT_SET : FLOW_PUT_NONE;
}

/*
 * The flow is what state and target say from now on. born is the instant now, also where the flow
 * has had an entry: a SYN of it, or an answer of another PoP, makes it new. What is OPEN or
 * CLOSING becomes nobody else's by this (flow_entry_forget()): that is FLOW_PUT_NONE.
 */
static __always_inline enum flow_put flow_table_put(void *buckets, uint32_t mask,
						    const struct flow_place *place, uint32_t state,
						    uint32_t target, struct flow_now now)
{
	const struct flow_entry new = { flow_word(place->tag, state, target), now.seen, now.born };
	struct flow_victim least = { 0, 0, ~0ULL };
	struct flow_entry *entry = flow_table_find(buckets, place);
	struct flow_bucket *first, *second;

	if (entry)
		return flow_entry_set(entry, place->tag, &new, now);
	first = flow_bucket_at(buckets, place->first);
	second = flow_bucket_at(buckets, place->second);
	if (!first || !second)
		return FLOW_PUT_NONE;
	flow_bucket_weigh(&least, first, now);
	if (least.worth != FLOW_WORTH_NOTHING)
		flow_bucket_weigh(&least, second, now);
	if (!least.entry)
		return FLOW_PUT_NONE;
	if (least.worth == FLOW_WORTH_NOTHING)
		return flow_entry_claim(least.entry, least.word, &new) ? FLOW_PUT_ADDED
								       : FLOW_PUT_NONE;
	if (FLOW_WORTH(least.worth) > FLOW_WORTH_NOWHERE && state != FLOW_NOWHERE) {
		entry = flow_table_make_room(buckets, mask, place, now);
		if (entry && flow_entry_claim(entry, 0, &new))
			return FLOW_PUT_MOVED;
	}
	if (FLOW_WORTH(least.worth) > flow_worth_limit(state))
		return FLOW_PUT_NONE;
	return flow_entry_claim(least.entry, least.word, &new) ? FLOW_PUT_INSTEAD : FLOW_PUT_NONE;
}

#ifndef __bpf__
#include <stddef.h>

/* What a table holds. */
struct flow_census {
	uint64_t states[FLOW_HALF + 1]; /* by enum flow_state; FREE: with what was over */
	uint64_t freed;			/* of them: whose time was over just now */
};

/*
 * Look at count buckets from the one with that index on: frees what is over, and keeps ages that
 * grow beyond FLOW_AGE_MAX there (so each bucket is to be looked at once in 30 days). Adds to
 * census.
 */
void flow_table_sweep(struct flow_bucket *buckets, size_t from, size_t count, struct flow_now now,
		      struct flow_census *census);
/* Buckets for so many flows: two places a flow, a power of two, FLOW_BUCKETS_MAX at the most. */
uint32_t flow_buckets_for(uint64_t flows);
/* born's age in milliseconds, FLOW_AGE_MAX at the most. */
uint64_t flow_age_ms(const struct flow_entry *entry, struct flow_now now);
#endif

#endif
