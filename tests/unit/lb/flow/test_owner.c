/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions, their answers, and what is handed over. */
#include <criterion/criterion.h>

#include "tests/unit/lb/flow/owner_story.h"

Test(owner, asks_first_who_served_the_network_and_hands_over_in_order)
{
	story_begin();
	story.hints = 1 << 1;
	cr_expect_eq(story_packet(1), OWNER_QUEUED);
	EXPECT("ask 1");
	cr_expect_eq(story_packet(2), OWNER_QUEUED);
	story_after(10);
	cr_expect_eq(story_packet(3), OWNER_QUEUED);
	EXPECT("");
	story_yes(1, 60000, 30);
	EXPECT("release 1 #1, release 1 #2, release 1 #3, learn 1");
	cr_expect_eq(story_packet(4), OWNER_RELEASED, "on its way to here before the table knew");
	EXPECT("release 1 #4");
	story_after(600);
	EXPECT("");
	cr_expect_eq(owner_counters(story.owner)->flows, 0);
	cr_expect_eq(owner_counters(story.owner)->asks, 1);
}

Test(owner, asks_the_rest_when_those_had_time_to_answer)
{
	story_begin();
	story.hints = 1 << 1;
	story_packet(1);
	EXPECT("ask 1");
	story_after(39);
	EXPECT("");
	story_after(1);
	EXPECT("ask 0, ask 2");
	story_begin();
	story.hints = 1 << 0;
	story_packet(1);
	story_after(25);
	EXPECT("ask 0");
	story_after(1);
	EXPECT("ask 1, ask 2");
	story_begin();
	story.hints = 1 << 1;
	story_packet(1);
	story_after(5);
	story_no(1);
	EXPECT("ask 1, ask 0, ask 2");
}

Test(owner, asks_all_at_once_if_nobody_served_the_network)
{
	story_begin();
	story_packet(1);
	EXPECT("ask 0, ask 1, ask 2");
	story_after(20);
	story_no(0);
	story_after(20);
	story_yes(1, 500, 10);
	EXPECT("release 1 #1, learn 1");
	story_no(2);
	story_after(1000);
	EXPECT("");
}

Test(owner, nobodys_flow_is_reset_when_everybody_has_said_no)
{
	story_begin();
	story_packet(1);
	story_no(0);
	story_no(1);
	EXPECT("ask 0, ask 1, ask 2");
	story_after(30);
	story_no(2);
	EXPECT("reset #1, learn nowhere");
	cr_expect_eq(story_packet(2), OWNER_REFUSED, "negative answers live for a while");
	EXPECT("");
}

/* RFC 9293, 3.10.7.1: only the newest one's acknowledgment is what the client waits at. */
Test(owner, one_reset_answers_the_newest)
{
	const struct owner_packet error = { story_flow(0), (const uint8_t *)"\4", 1, false, true,
					    false };

	story_begin();
	for (uint8_t number = 1; number <= 3; number++)
		cr_expect_eq(story_packet(number), OWNER_QUEUED);
	owner_packet_take(story.owner, &error, story_now());
	for (unsigned pop = 0; pop < POPS; pop++)
		story_no(pop);
	EXPECT("ask 0, ask 1, ask 2, reset #3, learn nowhere");
	cr_expect_eq(owner_counters(story.owner)->resets, 1);
	cr_expect_eq(owner_counters(story.owner)->unanswered, 3);
	cr_expect_eq(owner_counters(story.owner)->packets, 0);
}

Test(owner, what_came_after_the_question_is_not_denied_by_its_answers)
{
	story_begin();
	story_packet(1);
	story_after(1);
	story_packet(2);
	story_no(0);
	story_no(1);
	story_no(2);
	EXPECT("ask 0, ask 1, ask 2, reset #1, learn nowhere");
}

Test(owner, a_reset_and_an_error_are_handed_over_but_not_answered)
{
	const struct owner_packet reset = { story_flow(0), (const uint8_t *)"\1", 1, true, false,
					    false };
	const struct owner_packet error = { story_flow(0), (const uint8_t *)"\2", 1, false, true,
					    false };

	story_begin();
	owner_packet_take(story.owner, &reset, story_now());
	owner_packet_take(story.owner, &error, story_now());
	story_yes(0, 1, 1);
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, release 0 #2, learn 0");
	story_begin();
	owner_packet_take(story.owner, &reset, story_now());
	owner_packet_take(story.owner, &error, story_now());
	for (unsigned pop = 0; pop < POPS; pop++)
		story_no(pop);
	EXPECT("ask 0, ask 1, ask 2, learn nowhere");
}

Test(owner, the_younger_of_two_wins)
{
	story_begin();
	story_packet(1);
	story_yes(0, 90000, 60000);
	story_after(10);
	story_yes(1, 80000, 70000);
	EXPECT("ask 0, ask 1, ask 2");
	story_no(2);
	EXPECT("release 1 #1, learn 1");
	story_begin();
	story_packet(1);
	story_yes(0, 80000, 70000);
	story_after(10);
	story_yes(1, 90000, 60000);
	story_no(2);
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, learn 0");
}

Test(owner, a_younger_one_that_is_heard_of_later_takes_over)
{
	story_begin();
	story_packet(1);
	story_yes(0, 90000, 10);
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, learn 0");
	story_yes(2, 95000, 10);
	EXPECT("");
	story_yes(1, 500, 10);
	EXPECT("learn 1");
	story_packet(2);
	EXPECT("release 1 #2");
	cr_expect_eq(owner_counters(story.owner)->moved, 1);
}

/* A SYN takes the flow; a forged one does not take a connection that goes on being used. */
Test(owner, a_half_open_one_wins_unless_the_other_was_used_since)
{
	static const struct {
		const char *name;
		uint32_t half_age, age, idle;
		bool half_wins;
	} rows[] = {
		{ "opened again", 300, 9000000, 80000, true },
		{ "used since", 30000, 9000000, 20000, false },
		{ "in use", 300, 9000000, 20, false },
		{ "ending", 300, 9000000, UINT32_MAX, true },
	};

	/* Either may be either PoP's, and be heard first. */
	for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(*rows); i++) {
		const unsigned half = i & 1;
		const size_t row = i / 4;

		story_begin();
		story_packet(1);
		story_no(2);
		story.text[0] = '\0';
		if (i & 2)
			story_yes(half, OWNER_HALF_OPEN_MS + rows[row].half_age, UINT32_MAX);
		story_yes(!half, rows[row].age, rows[row].idle);
		if (!(i & 2))
			story_yes(half, OWNER_HALF_OPEN_MS + rows[row].half_age, UINT32_MAX);
		cr_expect_str_eq(story.text,
				 (rows[row].half_wins ? half : !half) ? "release 1 #1, learn 1"
								      : "release 0 #1, learn 0",
				 "%s: %s", rows[row].name, story.text);
	}
	story_begin();
	story_packet(1);
	story_yes(0, OWNER_HALF_OPEN_MS + 300, UINT32_MAX);
	story_yes(1, OWNER_HALF_OPEN_MS + 200, UINT32_MAX);
	story_no(2);
	EXPECT("ask 0, ask 1, ask 2, release 1 #1, learn 1");
}

Test(owner, what_is_cut_is_not_handed_over)
{
	const struct owner_packet cut = { story_flow(0), (const uint8_t *)"\2", 1, false, false,
					  true };

	story_begin();
	story_packet(1);
	owner_packet_take(story.owner, &cut, story_now());
	story_packet(3);
	story_yes(0, 1, 1);
	owner_packet_take(story.owner, &cut, story_now());
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, release 0 #3, learn 0");
}

/* The one that was asked first may have a relic: everybody else is heard, without more waiting. */
Test(owner, an_idle_one_waits_for_the_others)
{
	story_begin();
	story.hints = 1 << 0;
	story_packet(1);
	EXPECT("ask 0");
	story_after(4);
	story_yes(0, 90000, OWNER_FRESH_MS);
	EXPECT("ask 1, ask 2");
	story_no(1);
	EXPECT("");
	story_no(2);
	EXPECT("release 0 #1, learn 0");
}

/* Not to answer is no no; but who never served the client's network need not be heard for ever. */
/* The client takes a reset for its newest acknowledgment; so the others are asked about that, too.
 */
Test(owner, a_syn_takes_the_flow)
{
	const struct flow_key key = story_flow(0);

	story_begin();
	story_packet(1);
	EXPECT("ask 0, ask 1, ask 2");
	owner_flow_taken(story.owner, &key);
	story_yes(1, 10, 10);
	story_after(2000);
	EXPECT("");
	cr_expect_eq(owner_counters(story.owner)->strays, 1);
	cr_expect_eq(owner_counters(story.owner)->packets, 0);
	for (int answer = 0; answer < 2; answer++) {
		story_begin();
		story_packet(1);
		story.is_here = true;
		for (unsigned pop = 0; pop < POPS; pop++)
			answer ? story_yes(pop, 10, 10) : story_no(pop);
		EXPECT("ask 0, ask 1, ask 2");
		cr_expect_eq(owner_counters(story.owner)->taken_here, 1);
		cr_expect_eq(owner_counters(story.owner)->packets, 0);
	}
}

Test(owner, a_syn_takes_a_settled_flow_and_one_that_was_nobodys)
{
	const struct flow_key key = story_flow(0);

	for (int settled = 0; settled < 2; settled++) {
		story_begin();
		story_packet(1);
		for (unsigned pop = 0; pop < POPS; pop++)
			settled ? story_yes(pop, 10, 10) : story_no(pop);
		owner_flow_taken(story.owner, &key);
		cr_expect_eq(owner_counters(story.owner)->flows, 0);
		story.text[0] = '\0';
		story_packet(2);
		EXPECT("ask 0, ask 1, ask 2");
	}
}

Test(owner, who_says_the_flow_is_gone_gets_no_more_of_it)
{
	const struct flow_key key = story_flow(0);

	story_begin();
	story_packet(1);
	story_yes(1, 10, 10);
	EXPECT("ask 0, ask 1, ask 2, release 1 #1, learn 1");
	owner_flow_gone(story.owner, 0, &key);
	story_packet(2);
	EXPECT("release 1 #2");
	owner_flow_gone(story.owner, 1, &key);
	story_packet(3);
	EXPECT("ask 0, ask 1, ask 2");
}

Test(owner, an_owner_that_is_heard_of_after_the_reset_is_learnt)
{
	story_begin();
	owner_pop_dead(story.owner, 1, story_now());
	story_after(1000);
	story_packet(1);
	story_no(0);
	EXPECT("ask 0, ask 2");
	owner_answer_take(story.owner, 1, &story.last[0], story_now());
	cr_expect_eq(owner_counters(story.owner)->strays, 1, "it was not asked");
	story_no(2);
	EXPECT("reset #1, learn nowhere");
	story_yes(2, 10, 10);
	EXPECT("learn 2");
	story_packet(2);
	EXPECT("release 2 #2");
}

Test(owner, answers_to_no_question_are_strays)
{
	struct owner_answer answer;

	story_begin();
	story_packet(1);
	story.text[0] = '\0';
	for (int row = 0; row < 6; row++) {
		answer = story.last[0];
		answer.yes = true;
		answer.id += row == 0 ? 1 : 0;
		answer.id += row == 1 ? 1ULL << 28 : 0;
		answer.id += row == 2 ? 1ULL << 44 : 0;
		answer.id ^= row == 3 ? UINT64_MAX : 0;
		answer.key.vip_port += row == 4;
		owner_answer_take(story.owner, row == 5 ? POPS : 0, &answer, story_now());
		EXPECT("");
		cr_expect_eq(owner_counters(story.owner)->strays, (unsigned)row + 1, "row %d", row);
	}
}

Test(owner, without_other_pops_nobody_has_it)
{
	const struct owner_conf conf = owner_conf_default(0, 1000);

	story_begin_with(&conf);
	story_packet(1);
	EXPECT("reset #1, learn nowhere");
}

/* Unknown flows without end; then one whose client some PoP knows. */
