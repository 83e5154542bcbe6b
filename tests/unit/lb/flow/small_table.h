/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * small_table.h - for tests: a connection table that is soon full, and instants in its units.
 */
#ifndef TESTS_SMALL_TABLE_H
#define TESTS_SMALL_TABLE_H

#include "lb/flow/half_open.h"
#include "lib/clock.h"

/* Time wraps soon after this in every unit: born and tick within it, seen never in our lives. */
#define START ((int64_t)((1ULL << 52) - 30 * NS_PER_S))

static inline struct flow_now at_ns(int64_t ns)
{
	return flow_now((uint64_t)(START + ns));
}

static inline struct flow_now at_ms(int64_t ms)
{
	return at_ns(ms * NS_PER_MS);
}

static inline struct flow_now at_s(int64_t s)
{
	return at_ns(s * NS_PER_S);
}

/* Like flow_key_hash()'s: every bit of it depends on n. */
static inline uint64_t hash_of(uint64_t n)
{
	n = (n + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 30) * 0x94d049bb133111eb;
	n = (n ^ n >> 27) * 0xbf58476d1ce4e5b9;
	return n ^ n >> 31;
}

/* A table of two buckets, so that every flow has its place in both: eight entries in all. */
struct small {
	struct flow_bucket buckets[2];
};

static inline enum flow_put put(struct small *t, uint64_t flow, enum flow_state state,
				uint32_t target, struct flow_now now)
{
	const struct flow_place place = flow_place(hash_of(flow), 1);

	return flow_table_put(t->buckets, 1, &place, state, target, now);
}

static inline struct flow_entry *find(struct small *t, uint64_t flow, struct flow_now now,
				      uint64_t *word)
{
	const struct flow_place place = flow_place(hash_of(flow), 1);

	return flow_table_lookup(t->buckets, &place, now, word);
}

static inline uint32_t state(struct small *t, uint64_t flow, struct flow_now now)
{
	uint64_t word;

	find(t, flow, now, &word);
	return FLOW_STATE(word);
}

static inline void touch(struct small *t, uint64_t flow, struct flow_now now)
{
	uint64_t word;
	struct flow_entry *entry = find(t, flow, now, &word);

	cr_assert(entry);
	flow_entry_touch(entry, now);
}

static inline void close_flow(struct small *t, uint64_t flow, struct flow_now now)
{
	uint64_t word;
	struct flow_entry *entry = find(t, flow, now, &word);

	cr_assert(entry);
	flow_entry_close(entry, word, now);
}

#endif
