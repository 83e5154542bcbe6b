/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/flow/key.h"
#include "lib/alloc.h"
#include "tests/unit/lb/flow/small_table.h"

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
