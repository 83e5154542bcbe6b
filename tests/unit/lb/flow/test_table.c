/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "lb/flow/half_open.h"
#include "lb/flow/key.h"
#include "lib/alloc.h"
#include "lib/clock.h"

/* Time wraps soon after this in every unit: born and tick within it, seen never in our lives. */
#define START ((int64_t)((1ULL << 52) - 30 * NS_PER_S))

static struct flow_now at_ns(int64_t ns)
{
	return flow_now((uint64_t)(START + ns));
}

static struct flow_now at_ms(int64_t ms)
{
	return at_ns(ms * NS_PER_MS);
}

static struct flow_now at_s(int64_t s)
{
	return at_ns(s * NS_PER_S);
}

/* Like flow_key_hash()'s: every bit of it depends on n. */
static uint64_t hash_of(uint64_t n)
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

static enum flow_put put(struct small *t, uint64_t flow, enum flow_state state, uint32_t target,
			 struct flow_now now)
{
	const struct flow_place place = flow_place(hash_of(flow), 1);

	return flow_table_put(t->buckets, 1, &place, state, target, now);
}

static struct flow_entry *find(struct small *t, uint64_t flow, struct flow_now now, uint64_t *word)
{
	const struct flow_place place = flow_place(hash_of(flow), 1);

	return flow_table_lookup(t->buckets, &place, now, word);
}

static uint32_t state(struct small *t, uint64_t flow, struct flow_now now)
{
	uint64_t word;

	find(t, flow, now, &word);
	return FLOW_STATE(word);
}

static void touch(struct small *t, uint64_t flow, struct flow_now now)
{
	uint64_t word;
	struct flow_entry *entry = find(t, flow, now, &word);

	cr_assert(entry);
	flow_entry_touch(entry, now);
}

static void close_flow(struct small *t, uint64_t flow, struct flow_now now)
{
	uint64_t word;
	struct flow_entry *entry = find(t, flow, now, &word);

	cr_assert(entry);
	flow_entry_close(entry, word, now);
}

Test(flow_table, an_entry_says_what_was_put)
{
	struct small t = { 0 };
	uint64_t word;

	cr_expect_eq(put(&t, 1, FLOW_OPEN, 0xfffe, at_s(0)), FLOW_PUT_ADDED);
	cr_assert(find(&t, 1, at_s(1), &word));
	cr_expect_eq(FLOW_STATE(word), FLOW_OPEN);
	cr_expect_eq(FLOW_TARGET(word), 0xfffe);
	cr_expect_null(find(&t, 2, at_s(1), &word));
	cr_expect_eq(word, 0);
}

Test(flow_table, places_of_a_flow)
{
	for (uint32_t mask = 1; mask < FLOW_BUCKETS_MAX; mask = 2 * mask + 1) {
		for (uint64_t n = 0; n < 1000; n++) {
			const struct flow_place p = flow_place(hash_of(n), mask);

			cr_assert_leq(p.first, mask);
			cr_assert_leq(p.second, mask);
			cr_assert_neq(p.first, p.second);
			cr_assert_neq(p.tag, 0);
			cr_assert_eq(flow_place_other(flow_word(p.tag, 5, 0xffff), p.second, mask),
				     p.first);
		}
	}
}

struct life {
	const char *name;
	enum flow_state state;
	int64_t until_ms; /* it is found, idle all the time */
	int64_t from_ms;  /* it is found no longer */
};

Test(flow_table, how_long_an_idle_entry_lives)
{
	static const struct life rows[] = {
		{ "two hours and four minutes at least", FLOW_OPEN, 7440000, 7443000 },
		{ "a minute", FLOW_CLOSING, 60000, 63000 },
		{ "ten minutes", FLOW_ELSEWHERE, 600000, 603000 },
		{ "a second", FLOW_NOWHERE, 998, 1003 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct small t = { 0 };
		struct flow_census census = { 0 };

		put(&t, 1, rows[i].state == FLOW_CLOSING ? FLOW_OPEN : rows[i].state, 3, at_s(0));
		if (rows[i].state == FLOW_CLOSING)
			close_flow(&t, 1, at_s(0));
		cr_expect_eq(state(&t, 1, at_ms(rows[i].until_ms)), rows[i].state, "%s",
			     rows[i].name);
		flow_table_sweep(t.buckets, 0, 2, at_ms(rows[i].until_ms), &census);
		cr_expect_eq(census.freed, 0, "%s", rows[i].name);
		cr_expect_eq(census.states[rows[i].state], 1, "%s", rows[i].name);
		cr_expect_eq(state(&t, 1, at_ms(rows[i].from_ms)), FLOW_FREE, "%s", rows[i].name);
		flow_table_sweep(t.buckets, 0, 2, at_ms(rows[i].from_ms), &census);
		cr_expect_eq(census.freed, 1, "%s", rows[i].name);
		cr_expect_eq(t.buckets[0].entries[0].word | t.buckets[1].entries[0].word, 0);
	}
}

Test(flow_table, packets_keep_an_entry_but_not_a_refusal)
{
	struct small t = { 0 };

	put(&t, 1, FLOW_OPEN, 0, at_s(0));
	put(&t, 2, FLOW_ELSEWHERE, 0, at_s(0));
	for (int64_t s = 0; s < 100000; s += 500) {
		touch(&t, 1, at_s(s));
		touch(&t, 2, at_s(s));
	}
	put(&t, 3, FLOW_NOWHERE, 0, at_s(0));
	for (int64_t ms = 0; ms < 990; ms += 10)
		touch(&t, 3, at_ms(ms));
	cr_expect_eq(state(&t, 3, at_ms(1010)), FLOW_FREE);
}

/* Half-closed: the client has said FIN and still reads. */
Test(flow_table, a_closing_entry_lives_while_packets_come)
{
	struct small t = { 0 };

	put(&t, 1, FLOW_OPEN, 9, at_s(0));
	close_flow(&t, 1, at_s(5));
	for (int64_t s = 5; s < 1000; s += 50) {
		cr_assert_eq(state(&t, 1, at_s(s)), FLOW_CLOSING);
		close_flow(&t, 1, at_s(s));
	}
	cr_expect_eq(put(&t, 1, FLOW_OPEN, 8, at_s(960)), FLOW_PUT_SET, "a new connection");
	cr_expect_eq(state(&t, 1, at_s(961)), FLOW_OPEN);
}

/* What fills the table, one entry a second, and whose place a newcomer takes. */
struct eviction {
	const char *name;
	enum flow_state filled[8]; /* flows 0 to 7, put in this order, a second each */
	int64_t after_s;	   /* the last one was put */
	enum flow_state newcomer;
	int loses; /* -1: the newcomer finds no place */
};

#define O FLOW_OPEN
#define C FLOW_CLOSING
#define E FLOW_ELSEWHERE
#define N FLOW_NOWHERE

static const struct eviction evictions[] = {
	{ "young: what has been idle longest", { O, O, O, O, O, O, O, O }, 10, O, 0 },
	{ "old ones stay", { O, O, O, O, O, O, O, O }, 70, O, -1 },
	{ "two hours idle", { O, O, O, O, O, O, O, O }, 7435, O, 0 },
	{ "refused goes before closing", { O, C, E, O, C, E, O, N }, 0, O, 7 },
	{ "closing goes before elsewhere", { E, E, C, E, C, O, O, O }, 10, O, 2 },
	{ "elsewhere goes before open", { O, O, O, E, E, O, O, O }, 10, O, 3 },
	{ "over goes first", { E, C, O, O, O, O, O, O }, 58, O, 1 },
	{ "elsewhere takes no open one's", { O, O, O, O, O, O, O, O }, 10, E, -1 },
	{ "elsewhere takes elsewhere's", { O, O, O, O, E, O, E, O }, 10, E, 4 },
	{ "a refusal takes none's", { E, C, E, C, E, C, O, O }, 1, N, -1 },
	{ "a refusal takes a refusal's", { E, C, E, C, E, C, O, N }, 0, N, 7 },
};

#undef O
#undef C
#undef E
#undef N

static int lost(struct small *t, const struct eviction *row, struct flow_now now)
{
	int loses = -1;

	for (uint64_t flow = 0; flow < 8; flow++) {
		if (state(t, flow, now) == row->filled[flow])
			continue;
		cr_expect_eq(loses, -1, "%s: one only", row->name);
		loses = (int)flow;
	}
	return loses;
}

Test(flow_table, who_gives_way)
{
	for (size_t i = 0; i < sizeof(evictions) / sizeof(evictions[0]); i++) {
		const struct eviction *row = &evictions[i];
		struct small t = { 0 };
		struct flow_now now = at_s(7 + row->after_s);
		enum flow_put got;

		for (uint64_t flow = 0; flow < 8; flow++) {
			enum flow_state as = row->filled[flow];

			cr_assert_eq(put(&t, flow, as == FLOW_CLOSING ? FLOW_OPEN : as, 0,
					 at_s((int64_t)flow)),
				     FLOW_PUT_ADDED, "%s", row->name);
			if (as == FLOW_CLOSING)
				close_flow(&t, flow, at_s((int64_t)flow));
		}
		got = put(&t, 100, row->newcomer, 0, now);
		cr_expect_eq(got == FLOW_PUT_NONE, row->loses < 0, "%s: %d", row->name, got);
		cr_expect_eq(state(&t, 100, now), row->loses < 0 ? FLOW_FREE : row->newcomer, "%s",
			     row->name);
		/* What time was over of is not looked up: it is seen by who else is lost. */
		if (row->after_s < 7000)
			cr_expect_eq(lost(&t, row, now), row->loses, "%s: %d", row->name,
				     lost(&t, row, now));
	}
}

Test(flow_table, whoever_is_heard_of_stays)
{
	struct small t = { 0 };

	for (uint64_t flow = 0; flow < 8; flow++)
		put(&t, flow, FLOW_OPEN, 0, at_s(0));
	for (uint64_t flow = 0; flow < 8; flow++) {
		if (flow != 5)
			touch(&t, flow, at_s(20));
	}
	cr_expect_eq(put(&t, 100, FLOW_OPEN, 0, at_s(21)), FLOW_PUT_INSTEAD);
	cr_expect_eq(state(&t, 5, at_s(21)), FLOW_FREE);
}

Test(flow_table, who_owns_a_flow_changes)
{
	struct small t = { 0 };
	uint64_t word;
	struct flow_entry *entry;

	put(&t, 1, FLOW_NOWHERE, 0, at_s(0));
	cr_expect_eq(put(&t, 1, FLOW_ELSEWHERE, 4, at_s(1)), FLOW_PUT_SET);
	cr_expect_eq(put(&t, 1, FLOW_OPEN, 2, at_s(5)), FLOW_PUT_SET, "a SYN takes it");
	cr_assert(entry = find(&t, 1, at_s(6), &word));
	cr_expect_leq(flow_age_ms(entry, at_s(6)), 1000, "from the SYN on");
	cr_expect_geq(flow_age_ms(entry, at_s(6)), 998);
	cr_expect_eq(put(&t, 1, FLOW_ELSEWHERE, 4, at_s(7)), FLOW_PUT_NONE, "an answer is late");
	cr_expect_eq(put(&t, 1, FLOW_NOWHERE, 0, at_s(7)), FLOW_PUT_NONE);
	close_flow(&t, 1, at_s(8));
	cr_expect_eq(put(&t, 1, FLOW_ELSEWHERE, 4, at_s(9)), FLOW_PUT_NONE);
	cr_assert(entry = find(&t, 1, at_s(9), &word));
	cr_expect_not(flow_entry_forget(entry, word ^ 1), "it is not what it was taken for");
	cr_expect(flow_entry_forget(entry, word));
	cr_expect_eq(state(&t, 1, at_s(9)), FLOW_FREE);
	cr_expect_eq(put(&t, 1, FLOW_ELSEWHERE, 4, at_s(9)), FLOW_PUT_ADDED);
}

/* An entry that was over when its flow came again is this entry, and no second one. */
Test(flow_table, what_was_over_comes_again)
{
	struct small t = { 0 };
	struct flow_census census = { 0 };

	put(&t, 1, FLOW_ELSEWHERE, 4, at_s(0));
	put(&t, 1, FLOW_OPEN, 4, at_s(5000));
	flow_table_sweep(t.buckets, 0, 2, at_s(5000), &census);
	cr_expect_eq(census.states[FLOW_OPEN], 1);
	cr_expect_eq(census.states[FLOW_FREE], 7);
	put(&t, 1, FLOW_ELSEWHERE, 4, at_s(50000));
	cr_expect_eq(state(&t, 1, at_s(50000)), FLOW_ELSEWHERE, "the connection was idle too long");
}

Test(flow_table, ages_end_at_their_most)
{
	const int64_t day = 86400;
	struct small t = { 0 };
	struct flow_census census = { 0 };
	uint64_t word;
	struct flow_entry *entry;

	put(&t, 1, FLOW_OPEN, 0, at_s(0));
	for (int64_t s = 3600; s < 200 * day; s += 3600) {
		cr_assert(entry = find(&t, 1, at_s(s), &word));
		flow_entry_touch(entry, at_s(s));
		flow_table_sweep(t.buckets, 0, 2, at_s(s), &census);
		cr_assert_geq(flow_age_ms(entry, at_s(s)),
			      (uint64_t)(s < 13 * day ? s : 13 * day) * 1000 - 3, "after %ld s",
			      (long)s);
		cr_assert_leq(flow_age_ms(entry, at_s(s)), (uint64_t)(s * 1000));
	}
}

/* A processor whose clock is a little behind sees no entry of the future. */
Test(flow_table, clocks_of_two_processors)
{
	struct small t = { 0 };
	uint64_t word;
	struct flow_entry *entry;

	put(&t, 1, FLOW_OPEN, 0, at_ms(5000));
	put(&t, 2, FLOW_NOWHERE, 0, at_ms(5000));
	cr_assert(entry = find(&t, 1, at_ms(3000), &word));
	cr_expect_eq(flow_age_ms(entry, at_ms(3000)), 0);
	cr_expect_eq(state(&t, 2, at_ms(3000)), FLOW_NOWHERE);
}

/* ---- half-open ---- */

static bool syn(struct small *t, uint64_t flow, uint32_t target, bool capped, struct flow_now now)
{
	const struct flow_place place = flow_place(hash_of(flow), 1);

	return half_open_note(t->buckets, &place, target, capped, now);
}

static enum half_open check(struct small *t, uint64_t flow, struct flow_now now, uint32_t *target)
{
	const struct flow_place place = flow_place(hash_of(flow), 1);

	return half_open_check(t->buckets, &place, now, target);
}

Test(half_open, not_sooner_than_a_round_trip)
{
	struct small t = { 0 };
	const struct flow_place place = flow_place(hash_of(1), 1);
	uint32_t target = 0;

	for (int64_t s = 0; s < 9000; s += 61) { /* tick wraps twice */
		int64_t start = s * NS_PER_S;

		cr_expect_eq(check(&t, 1, at_ns(start), &target), HALF_OPEN_NONE);
		cr_expect(syn(&t, 1, 77, false, at_ns(start)));
		cr_expect_eq(check(&t, 1, at_ns(start + 199 * NS_PER_US), &target),
			     HALF_OPEN_EARLY);
		cr_expect_eq(target, 77);
		cr_expect_eq(check(&t, 1, at_ns(start + 202 * NS_PER_US), &target),
			     HALF_OPEN_READY);
		cr_expect_eq(target, 77);
		half_open_done(t.buckets, &place);
	}
}

Test(half_open, a_syn_that_comes_again)
{
	struct small t = { 0 };
	const struct flow_place place = flow_place(hash_of(1), 1);
	struct flow_census census = { 0 };
	uint32_t target;

	syn(&t, 1, 5, false, at_ms(0));
	syn(&t, 1, 5, false, at_ms(1000));
	cr_expect_eq(check(&t, 1, at_ns(NS_PER_S + 1), &target), HALF_OPEN_READY,
		     "the first may have been answered");
	syn(&t, 1, 6, false, at_ms(3000));
	cr_expect_eq(FLOW_TARGET(half_open_lookup(t.buckets, &place, at_ms(3000))), 6);
	flow_table_sweep(t.buckets, 0, 2, at_ms(3000), &census);
	cr_expect_eq(census.states[FLOW_HALF], 1);
	cr_expect_eq(check(&t, 1, at_s(66), &target), HALF_OPEN_NONE, "a minute after the last");
	syn(&t, 1, 7, false, at_s(70));
	cr_expect_eq(check(&t, 1, at_ns(70 * NS_PER_S + 1), &target), HALF_OPEN_EARLY);
	cr_expect_eq(target, 7);
}

Test(half_open, the_oldest_gives_way)
{
	struct small t = { 0 };
	uint32_t target;

	for (uint64_t flow = 0; flow < 8; flow++)
		cr_expect(syn(&t, flow, 0, false, at_ms((int64_t)flow)));
	for (uint64_t flow = 8; flow < 100; flow++) {
		struct flow_now now = at_ms((int64_t)flow);

		cr_expect(syn(&t, flow, 0, false, now));
		cr_expect_eq(check(&t, flow - 8, now, &target), HALF_OPEN_NONE);
		cr_expect_neq(check(&t, flow - 7, now, &target), HALF_OPEN_NONE);
	}
}

Test(half_open, who_sends_too_many_takes_what_is_free)
{
	struct small t = { 0 };

	for (uint64_t flow = 0; flow < 7; flow++)
		syn(&t, flow, 0, false, at_ms(0));
	cr_expect(syn(&t, 7, 0, true, at_ms(1)), "there is room");
	cr_expect_not(syn(&t, 8, 0, true, at_ms(1)), "there is none");
	cr_expect(syn(&t, 7, 0, true, at_ms(1000)), "its own");
	cr_expect(syn(&t, 9, 0, false, at_ms(1001)));
	cr_expect(syn(&t, 10, 0, true, at_s(90)), "all are over");
}

Test(half_open, how_many_a_network_may_have)
{
	struct flow_cap *cap = x_new(struct flow_cap);
	const struct siphash_key secret = { 3, 4 };
	const uint64_t one = flow_network_hash(&secret, 1), other = flow_network_hash(&secret, 2);
	unsigned taken = 0;

	for (unsigned i = 0; i < 5000; i++)
		taken += flow_cap_take(cap, one, 1000);
	cr_expect_eq(taken, 1000);
	cr_expect(flow_cap_take(cap, other, 1000));
	for (unsigned second = 0; second < 3; second++) {
		flow_cap_halve(cap);
		taken = 0;
		for (unsigned i = 0; i < 5000; i++)
			taken += flow_cap_take(cap, one, 1000);
		cr_expect_eq(taken, 500);
	}
	for (unsigned second = 0; second < 10; second++)
		flow_cap_halve(cap);
	for (unsigned row = 0; row < FLOW_CAP_ROWS; row++) {
		for (unsigned i = 0; i < FLOW_CAP_COLUMNS; i++)
			cr_assert_eq(cap->counts[row][i], 0);
	}
	free(cap);
}

/* ---- a table of its usual size, and a smaller one, which goes faster ---- */

#define FLOWS	   (UINT64_C(1) << 20)
#define FEWER	   (UINT64_C(1) << 15)
#define HALVES	   (UINT32_C(1) << 14)
#define HALF_LIMIT 2048

#ifdef __SANITIZE_ADDRESS__
#define FLOOD UINT64_C(500000)
#else
#define FLOOD UINT64_C(10000000)
#endif

struct big {
	struct flow_bucket *flows, *halves;
	struct flow_cap *cap;
	uint32_t mask;
	struct siphash_key secret;
	struct flow_secret flow_secret;
};

static struct big *big_new(uint64_t flows)
{
	struct big *big = x_new(struct big);

	big->mask = flow_buckets_for(flows) - 1;
	big->flows = xcalloc((size_t)big->mask + 1, sizeof(*big->flows));
	big->halves = xcalloc(HALVES, sizeof(*big->halves));
	big->cap = x_new(struct flow_cap);
	big->secret = (struct siphash_key){ 0x1234, 0x5678 };
	flow_secret_make(&big->flow_secret, &big->secret);
	return big;
}

static void big_free(struct big *big)
{
	free(big->flows);
	free(big->halves);
	free(big->cap);
	free(big);
}

static enum flow_put big_put(struct big *big, uint64_t hash, struct flow_now now)
{
	const struct flow_place place = flow_place(hash, big->mask);

	return flow_table_put(big->flows, big->mask, &place, FLOW_OPEN, 1, now);
}

static bool big_has(struct big *big, uint64_t hash, struct flow_now now)
{
	const struct flow_place place = flow_place(hash, big->mask);
	uint64_t word;

	return flow_table_lookup(big->flows, &place, now, &word);
}

/* What the program on the interface does with a packet of the plane xdp. */
static void big_packet(struct big *big, const struct flow_key *key, bool is_syn,
		       struct flow_now now)
{
	const uint64_t hash = flow_key_hash(&big->flow_secret, key);
	const struct flow_place half = flow_place(hash, HALVES - 1);
	uint32_t target;

	if (is_syn) {
		uint64_t network = flow_network_hash(&big->secret, flow_key_network(key));
		bool capped = !flow_cap_take(big->cap, network, HALF_LIMIT);

		half_open_note(big->halves, &half, 1, capped, now);
		return;
	}
	if (half_open_check(big->halves, &half, now, &target) != HALF_OPEN_READY)
		return;
	if (big_put(big, hash, now) != FLOW_PUT_NONE)
		half_open_done(big->halves, &half);
}

/* All flows that were there from the first minute on, in any order of coming: none lacks a place.
 */
Test(flow_table, a_million_flows_find_their_place)
{
	struct big *big = big_new(FLOWS);
	uint64_t lacking = 0, missing = 0, moved = 0;

	cr_assert_eq(big->mask + 1, UINT32_C(1) << 19);
	for (uint64_t n = 0; n < FLOWS; n++) {
		enum flow_put got = big_put(big, hash_of(n), at_s((int64_t)(n >> 10)));

		lacking += got == FLOW_PUT_NONE || got == FLOW_PUT_INSTEAD;
		moved += got == FLOW_PUT_MOVED;
	}
	for (uint64_t n = 0; n < FLOWS; n++)
		missing += !big_has(big, hash_of(n), at_s(FLOWS >> 10));
	cr_expect_eq(lacking, 0, "%lu found no place", lacking);
	cr_expect_eq(missing, 0, "%lu are not found", missing);
	cr_expect_gt(moved, 0, "and that was not by chance");
	big_free(big);
}

/* A table that is too small by far: those that were first stay, and are found. */
Test(flow_table, the_first_stay_when_there_are_too_many)
{
	struct big *big = big_new(FEWER);
	uint64_t first = 3 * FEWER / 2, missing = 0, placed = 0;
	struct flow_now later = at_s(100);

	for (uint64_t n = 0; n < first; n++)
		missing += big_put(big, hash_of(n), at_s(0)) == FLOW_PUT_NONE;
	cr_expect_eq(missing, 0);
	for (uint64_t n = 0; n < first; n++)
		missing += !big_has(big, hash_of(n), later);
	for (uint64_t n = first; n < 3 * FEWER; n++)
		placed += big_put(big, hash_of(n), later) != FLOW_PUT_NONE;
	for (uint64_t n = 0; n < first; n++)
		missing -= !big_has(big, hash_of(n), later);
	cr_expect_eq(missing, 0, "none of them lost its place to a newcomer");
	cr_expect_geq(placed, 2 * FEWER - first - FEWER / 100, "nearly all places are taken: %lu",
		      placed);
	big_free(big);
}

static void random_key(struct flow_key *key, uint64_t n)
{
	uint64_t a = hash_of(n), b = hash_of(~n);

	memset(key, 0, sizeof(*key));
	key->proto = FLOW_TCP;
	key->client_port = (uint16_t)b;
	key->vip_port = 443;
	flow_addr_map(key->client, (uint32_t)a);
	flow_addr_map(key->vip, 7);
}

#define SESSIONS 2000

/*
 * Ten million packets in ten seconds from clients that there are not, SYNs and others mixed; the
 * sessions send one packet a second, and handshakes go on meanwhile.
 */
Test(flow_table, a_flood_leaves_open_sessions_alone, .timeout = 120)
{
	struct big *big = big_new(FEWER);
	struct flow_census census = { 0 };
	struct flow_key key;
	uint64_t lost = 0;

	for (uint64_t n = 0; n < SESSIONS; n++) {
		random_key(&key, n);
		big_packet(big, &key, true, at_ms(0));
		big_packet(big, &key, false, at_ms(1));
	}
	for (uint64_t n = 0; n < FLOOD; n++) {
		struct flow_now now =
			at_ns(NS_PER_S + (int64_t)n * (10 * NS_PER_S / (int64_t)FLOOD));

		random_key(&key, SESSIONS + n);
		big_packet(big, &key, n & 1, now);
		if (n % (FLOOD / 10) == 0)
			flow_cap_halve(big->cap);
	}
	for (uint64_t n = 0; n < SESSIONS; n++) {
		random_key(&key, n);
		lost += !big_has(big, flow_key_hash(&big->flow_secret, &key), at_s(11));
	}
	cr_expect_eq(lost, 0, "%lu sessions lost", lost);
	flow_table_sweep(big->flows, 0, (size_t)big->mask + 1, at_s(11), &census);
	cr_expect_eq(census.states[FLOW_OPEN], SESSIONS, "the flood has %lu entries",
		     census.states[FLOW_OPEN] - SESSIONS);
	big_free(big);
}

/*
 * Who sends both the SYN and what follows a millisecond later fills what is free, and takes no
 * place of a session that is older than a minute.
 */
Test(flow_table, a_flood_of_handshakes_takes_no_old_session, .timeout = 120)
{
	struct big *big = big_new(FEWER);
	struct flow_census census = { 0 };
	struct flow_key key;
	uint64_t lost = 0;

	for (uint64_t n = 0; n < SESSIONS; n++) {
		random_key(&key, n);
		big_packet(big, &key, true, at_ms(0));
		big_packet(big, &key, false, at_ms(1));
	}
	for (uint64_t n = 0; n < 10 * FEWER; n++) {
		random_key(&key, SESSIONS + n);
		big_packet(big, &key, true, at_ns(70 * NS_PER_S + (int64_t)n * 10000));
		if (n < 100)
			continue;
		random_key(&key, SESSIONS + n - 100);
		big_packet(big, &key, false, at_ns(70 * NS_PER_S + (int64_t)n * 10000));
	}
	for (uint64_t n = 0; n < SESSIONS; n++) {
		random_key(&key, n);
		lost += !big_has(big, flow_key_hash(&big->flow_secret, &key), at_s(200));
	}
	cr_expect_eq(lost, 0, "%lu sessions lost", lost);
	flow_table_sweep(big->flows, 0, (size_t)big->mask + 1, at_s(74), &census);
	cr_expect_geq(census.states[FLOW_OPEN], 2 * FEWER * 99 / 100, "it was full: %lu",
		      census.states[FLOW_OPEN]);
	big_free(big);
}

/* One network sends a million SYNs; another's client still shakes hands meanwhile. */
Test(half_open, a_flood_from_one_network)
{
	struct big *big = big_new(FEWER);
	struct flow_key key;
	uint64_t open = 0, tried = 0;

	for (uint64_t n = 0; n < 1000000; n++) {
		struct flow_now now = at_ns((int64_t)n * 1000);

		random_key(&key, n);
		fixed_store32(key.client + 12, htonl(0xc6336400 | (uint32_t)(n & 0xff)));
		big_packet(big, &key, true, now);
		if (n % 10000 == 0) {
			random_key(&key, UINT64_MAX - n);
			big_packet(big, &key, true, now);
			tried++;
		}
		/* 100 ms later, as from far away. */
		if (n % 10000 == 1 && n > 100000) {
			random_key(&key, UINT64_MAX - (n - 1 - 100000));
			big_packet(big, &key, false, now);
			open += big_has(big, flow_key_hash(&big->flow_secret, &key), now);
		}
	}
	cr_expect_eq(open, tried - 10, "%lu of %lu", open, tried - 10);
	big_free(big);
}

/* ---- several processors ---- */

#define THREADS 4
#define ROUNDS	400000

struct worker {
	struct small *shared;
	uint64_t seed, errors;
};

/* Puts, looks up, closes and forgets in eight places; whatever is found is of that flow. */
static void *work(void *arg)
{
	struct worker *w = arg;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t what = hash_of(w->seed + i), flow = what % 24, word;
		const struct flow_place place = flow_place(hash_of(flow), 1);
		struct flow_now now = at_ms((int64_t)i / 100);
		struct flow_entry *entry =
			flow_table_lookup(w->shared->buckets, &place, now, &word);

		/* The target says whose it is. */
		w->errors += entry && FLOW_TARGET(word) != flow;
		w->errors += entry && FLOW_STATE(word) > FLOW_NOWHERE;
		if (!entry)
			flow_table_put(w->shared->buckets, 1, &place, 1 + what / 24 % 4,
				       (uint32_t)flow, now);
		else if (what >> 60 == 0)
			flow_entry_forget(entry, word);
		else if (what >> 60 == 1)
			flow_entry_close(entry, word, now);
		else
			flow_entry_touch(entry, now);
	}
	return NULL;
}

Test(flow_table, several_processors_at_once)
{
	struct small shared = { 0 };
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	struct flow_census census = { 0 };

	for (uint64_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ &shared, i * ROUNDS, 0 };
		cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(workers[i].errors, 0);
	}
	flow_table_sweep(shared.buckets, 0, 2, at_s(100000), &census);
	flow_table_sweep(shared.buckets, 0, 2, at_s(100000), &census);
	for (size_t i = 0; i < 8; i++)
		cr_expect_eq(shared.buckets[i / 4].entries[i % 4].word, 0);
}

Test(flow_table, how_many_buckets)
{
	cr_expect_eq(flow_buckets_for(0), 2);
	cr_expect_eq(flow_buckets_for(5), 4);
	cr_expect_eq(flow_buckets_for(FLOWS), UINT32_C(1) << 19);
	cr_expect_eq(flow_buckets_for(FLOWS + 1), UINT32_C(1) << 20);
	cr_expect_eq(flow_buckets_for(UINT64_C(1) << 40), FLOW_BUCKETS_MAX);
}
