/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PoPs that are dead, restart, or do not answer. */
#include <criterion/criterion.h>

#include "tests/unit/lb/flow/owner_story.h"

Test(owner_silence, an_idle_one_also_waits_until_the_dead_are_so_for_long_enough)
{
	story_begin();
	owner_pop_dead(story.owner, 2, story_now());
	story_after(400);
	story_packet(1);
	story_yes(0, 90000, 60000);
	story_no(1);
	EXPECT("ask 0, ask 1");
	story_after(599);
	EXPECT("");
	story_after(1);
	EXPECT("release 0 #1, learn 0");
}

Test(owner_silence, who_is_silent_keeps_an_idle_one_waiting_only_if_it_served_the_network)
{
	for (int hinted = 0; hinted < 2; hinted++) {
		story_begin();
		story.hints = hinted ? 1 << 2 : 0;
		story_packet(1);
		story_after(45);
		story_yes(0, 90000, 60000);
		story_no(1);
		story_after(900);
		if (hinted)
			EXPECT("ask 2, ask 0, ask 1, ask 2, ask 2, ask 2");
		else
			EXPECT("ask 0, ask 1, ask 2, ask 2, ask 2, ask 2, release 0 #1, learn 0");
	}
}

Test(owner_silence, who_does_not_answer_is_asked_again_and_then_the_flow_is_forgotten)
{
	story_begin();
	story_packet(1);
	story_no(0);
	story_no(1);
	EXPECT("ask 0, ask 1, ask 2");
	story_after(159);
	EXPECT("");
	story_after(1);
	EXPECT("ask 2");
	story_after(160);
	EXPECT("ask 2");
	story_after(160);
	EXPECT("ask 2");
	story_after(160);
	EXPECT("");
	cr_expect_eq(owner_counters(story.owner)->unclear, 1);
	cr_expect_eq(owner_counters(story.owner)->packets, 0);
	story_packet(2);
	EXPECT("ask 0, ask 1, ask 2");
}

Test(owner_silence, an_answer_to_an_earlier_try_counts)
{
	struct owner_answer early;

	story_begin();
	story_packet(1);
	early = story.last[0];
	story_no(1);
	story_no(2);
	story_after(60);
	story_packet(2);
	story_after(5);
	EXPECT("ask 0, ask 1, ask 2, ask 0");
	owner_answer_take(story.owner, 0, &early, story_now());
	EXPECT("reset #1, learn nowhere");
}

Test(owner_silence, who_has_just_died_has_not_said_no)
{
	story_begin();
	owner_pop_dead(story.owner, 1, story_now());
	story_after(300);
	story_packet(1);
	story_no(0);
	story_no(2);
	EXPECT("ask 0, ask 2");
	story_after(699);
	EXPECT("");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner_silence, who_dies_while_being_asked_is_waited_for)
{
	story_begin();
	story_packet(1);
	story_no(0);
	story_no(2);
	story_after(20);
	owner_pop_dead(story.owner, 1, story_now());
	story_after(999);
	EXPECT("ask 0, ask 1, ask 2");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner_silence, who_comes_to_life_is_asked)
{
	story_begin();
	owner_pop_dead(story.owner, 1, story_now());
	story_after(300);
	story_packet(1);
	story_no(0);
	story_no(2);
	EXPECT("ask 0, ask 2");
	story_after(300);
	owner_pop_live(story.owner, 1, 40000, story_now());
	EXPECT("ask 1");
	story_after(30);
	story_yes(1, 50000, 2000);
	EXPECT("release 1 #1, learn 1");
}

Test(owner_silence, who_has_been_dead_for_long_is_not_waited_for)
{
	story_begin();
	owner_pop_dead(story.owner, 0, story_now());
	owner_pop_dead(story.owner, 1, story_now());
	owner_pop_dead(story.owner, 2, story_now());
	story_after(999);
	story_packet(1);
	EXPECT("");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner_silence, nothing_is_known_at_first_so_that_nothing_is_reset)
{
	const struct owner_conf conf = owner_conf_default(POPS, 1000);

	story_begin_with(&conf);
	story_packet(1);
	story_after(999);
	EXPECT("");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
	story_begin_with(&conf);
	story_packet(1);
	owner_pop_live(story.owner, 2, 10000, story_now());
	EXPECT("ask 2");
	story_yes(2, 10, 10);
	EXPECT("release 2 #1, learn 2");
}

/* There are many more places than PoPs. One of them gets its first while the question is open. */
Test(owner_silence, a_place_that_was_never_used_is_a_pop_that_is_dead)
{
	const struct owner_conf conf = owner_conf_default(OWNER_POPS_MAX / 2, 1000);

	story_begin_with(&conf);
	owner_pop_live(story.owner, 0, 20000, story_now());
	story_packet(1);
	EXPECT("ask 0");
	story_after(10);
	owner_pop_live(story.owner, 2, 20000, story_now());
	EXPECT("ask 2");
	story_no(0);
	story_no(2);
	story_after(989);
	EXPECT("");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner_silence, who_restarts_is_waited_for_and_then_asked)
{
	story_begin();
	owner_pop_restarting(story.owner, 0, instant_after_ms(story_now(), 2000), story_now());
	story_packet(1);
	story_no(1);
	story_no(2);
	EXPECT("ask 1, ask 2");
	story_after(1900);
	EXPECT("");
	owner_pop_live(story.owner, 0, 20000, story_now());
	EXPECT("ask 0");
	story_yes(0, 50000, 2000);
	EXPECT("release 0 #1, learn 0");
}

Test(owner_silence, who_said_it_restarts_and_does_not_is_dead_from_then_on)
{
	story_begin();
	owner_pop_restarting(story.owner, 0, instant_after_ms(story_now(), 500), story_now());
	story_packet(1);
	story_no(1);
	story_no(2);
	story_after(700);
	owner_pop_dead(story.owner, 0, story_now());
	story_after(799);
	EXPECT("ask 1, ask 2");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner_silence, a_question_ends_though_nothing_becomes_clear)
{
	story_begin();
	owner_pop_restarting(story.owner, 0, instant_after_ms(story_now(), 30000), story_now());
	story_packet(1);
	story_no(1);
	story_no(2);
	EXPECT("ask 1, ask 2");
	story_after(4000);
	EXPECT("");
	cr_expect_eq(owner_counters(story.owner)->unclear, 1);
	cr_expect_eq(owner_counters(story.owner)->flows, 0);
}

Test(owner_silence, the_newest_packet_is_answered_when_the_dead_were_waited_for)
{
	story_begin();
	owner_pop_dead(story.owner, 1, story_now());
	story_packet(1);
	story_no(0);
	story_no(2);
	EXPECT("ask 0, ask 2");
	story_after(800);
	story_packet(2);
	story_after(114);
	EXPECT("");
	story_after(1);
	EXPECT("ask 0, ask 2");
	story_after(20);
	story_no(0);
	story_after(60);
	story_no(2);
	story_after(4);
	EXPECT("");
	story_after(1);
	EXPECT("reset #2, learn nowhere");
	story_begin();
	owner_pop_dead(story.owner, 1, story_now());
	story_packet(1);
	story_no(0);
	story_no(2);
	story_after(800);
	story_packet(2);
	story_after(150);
	story_no(0);
	story_after(50);
	EXPECT("ask 0, ask 2, ask 0, ask 2, reset #1, learn nowhere");
}

Test(owner_silence, a_yes_of_who_has_died_since_is_void)
{
	story_begin();
	story_packet(1);
	story_yes(0, 90000, 60000);
	story_after(5);
	owner_pop_dead(story.owner, 0, story_now());
	story_no(1);
	story_no(2);
	story_after(999);
	EXPECT("ask 0, ask 1, ask 2");
	story_after(1);
	EXPECT("reset #1, learn nowhere");
}

/* By which it is waited for, and asked again. */
Test(owner_silence, a_path_becomes_longer)
{
	story_begin();
	owner_pop_live(story.owner, 2, 300000, story_now());
	story_packet(1);
	story_no(0);
	story_no(1);
	EXPECT("ask 0, ask 1, ask 2");
	story_after(599);
	EXPECT("");
	story_yes(2, 60000, 30);
	EXPECT("release 2 #1, learn 2");
}

/* The user comes back from one that has died a moment ago, with what was decided before. */
Test(owner_silence, who_dies_gets_no_more_packets)
{
	story_begin();
	story_packet(1);
	story_yes(1, 60000, 30);
	EXPECT("ask 0, ask 1, ask 2, release 1 #1, learn 1");
	owner_pop_dead(story.owner, 1, story_now());
	cr_expect_eq(story_packet(2), OWNER_QUEUED);
	story_no(0);
	story_no(2);
	EXPECT("ask 0, ask 2");
	story_after(1000);
	EXPECT("reset #2, learn nowhere");
}

/* What one has said is not what the next one with its number says. */
Test(owner_silence, who_goes_takes_what_he_has_said_along)
{
	story_begin();
	owner_pop_dead(story.owner, 0, story_now());
	story_packet(1);
	story_no(1);
	EXPECT("ask 1, ask 2");
	owner_pop_gone(story.owner, 1, story_now());
	owner_pop_live(story.owner, 1, 40000, story_now());
	EXPECT("ask 1");
	story_yes(1, 60000, 30);
	EXPECT("release 1 #1, learn 1");
}
