/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables as large as real ones, floods, and several processors at once. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "lb/flow/key.h"
#include "lib/alloc.h"
#include "tests/unit/lb/flow/small_table.h"

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
