/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "tests/unit/lb/flow/small_table.h"

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
