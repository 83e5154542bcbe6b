/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/flow/answerer.h"

static struct answerer_flow known;

static struct answerer_flow find(void *ctx, const struct flow_key *key)
{
	const struct flow_key *expected = ctx;

	cr_expect_arr_eq(key, expected, sizeof(*key));
	return known;
}

Test(answerer, says_what_the_plane_knows)
{
	static const struct {
		const char *name;
		struct answerer_flow flow;
		bool yes;
		uint32_t age_ms, idle_ms;
	} rows[] = {
		{ "absent", { ANSWERER_ABSENT, 0, 0 }, false, 0, 0 },
		{ "open", { ANSWERER_OPEN, 70000, 20 }, true, 70000, 20 },
		{ "half-open: loses to any",
		  { ANSWERER_HALF_OPEN, 5, 5 },
		  true,
		  (1U << 31) + 5,
		  UINT32_MAX },
		{ "half-open for ever",
		  { ANSWERER_HALF_OPEN, UINT32_MAX, 5 },
		  true,
		  UINT32_MAX,
		  UINT32_MAX },
		{ "open for months", { ANSWERER_OPEN, 3000000000, 1 }, true, (1U << 31) - 1, 1 },
		{ "closing: may be a relic", { ANSWERER_CLOSING, 900, 20 }, true, 900, UINT32_MAX },
	};
	const struct answerer_conf conf = answerer_conf_default(3);
	struct flow_key key = { .client_port = 7, .proto = 6 };
	struct answerer *answerer = answerer_new(&conf, find, &key);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct owner_answer answer = { 0 };

		known = rows[i].flow;
		cr_assert(answerer_question_take(answerer, 1, 77, &key, &answer,
						 (struct instant){ 0 }));
		cr_expect_eq(answer.id, 77, "%s", rows[i].name);
		cr_expect_arr_eq(&answer.key, &key, sizeof(key), "%s", rows[i].name);
		cr_expect_eq(answer.yes, rows[i].yes, "%s", rows[i].name);
		cr_expect_eq(answer.age_ms, rows[i].age_ms, "%s: %u", rows[i].name, answer.age_ms);
		cr_expect_eq(answer.idle_ms, rows[i].idle_ms, "%s: %u", rows[i].name,
			     answer.idle_ms);
	}
	cr_expect_eq(answerer_counters(answerer)->yes, 5);
	cr_expect_eq(answerer_counters(answerer)->no, 1);
	answerer_free(answerer);
}

Test(answerer, who_asks_too_much_is_not_answered_and_the_others_are)
{
	const struct answerer_conf conf = { .pops = 3, .each = { 10, 5 }, .all = { 100, 8 } };
	struct flow_key key = { .proto = 6 };
	struct answerer *answerer = answerer_new(&conf, find, &key);
	struct owner_answer answer;
	unsigned answered[3] = { 0 };

	known = (struct answerer_flow){ ANSWERER_ABSENT, 0, 0 };
	for (int i = 0; i < 20; i++)
		answered[0] += answerer_question_take(answerer, 0, 1, &key, &answer,
						      (struct instant){ 0 });
	for (int i = 0; i < 20; i++)
		answered[2] += answerer_question_take(answerer, 2, 1, &key, &answer,
						      (struct instant){ 0 });
	cr_expect_eq(answered[0], 5);
	cr_expect_eq(answered[2], 3, "%u: all together too much", answered[2]);
	cr_expect_eq(answerer_counters(answerer)->limited, 32);
	cr_expect_eq(answerer_counters(answerer)->no, 8);
	cr_expect(answerer_question_take(answerer, 0, 1, &key, &answer,
					 (struct instant){ 100 * NS_PER_MS }),
		  "tokens come back");
	answerer_free(answerer);
}
