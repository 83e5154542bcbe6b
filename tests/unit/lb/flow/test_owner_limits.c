/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a question may cost. */
#include <criterion/criterion.h>

#include "tests/unit/lb/flow/owner_story.h"

Test(owner_limits, sixteen_packets_wait_and_the_first_of_them)
{
	story_begin();
	for (uint8_t i = 1; i <= 16; i++)
		cr_expect_eq(story_packet(i), OWNER_QUEUED);
	cr_expect_eq(story_packet(17), OWNER_FULL);
	cr_expect_eq(story_packet(18), OWNER_FULL);
	story.text[0] = '\0';
	story_yes(2, 1, 1);
	cr_expect_eq(strncmp(story.text, "release 2 #1, release 2 #2, ", 28), 0, "%s", story.text);
	cr_expect_not_null(strstr(story.text, "release 2 #16, learn 2"), "%s", story.text);
	cr_expect_null(strstr(story.text, "#17"), "%s", story.text);
	cr_expect_eq(owner_counters(story.owner)->packets, 0);
}

Test(owner_limits, too_long_a_packet_is_dropped)
{
	static const uint8_t bytes[3000];
	struct owner_packet packet = { story_flow(0), bytes, 2049, false, false, false };

	story_begin();
	cr_expect_eq(owner_packet_take(story.owner, &packet, story_now()), OWNER_TOO_LONG);
	packet.len--;
	cr_expect_eq(owner_packet_take(story.owner, &packet, story_now()), OWNER_QUEUED);
	cr_expect_eq(owner_counters(story.owner)->fates[OWNER_TOO_LONG], 1);
}

Test(owner_limits, a_network_that_asks_too_much_is_limited_and_others_are_not)
{
	struct owner_conf conf = owner_conf_default(POPS, 1000);
	struct flow_key key = story_flow(0);
	struct owner_packet packet = { key, (const uint8_t *)"\1", 1, false, false, false };

	conf.network = (struct bucket_rate){ 10, 20 };
	story_begin_with(&conf);
	for (unsigned i = 0; i < 30; i++) {
		packet.key.client[15] = (uint8_t)i;
		cr_expect_eq(owner_packet_take(story.owner, &packet, story_now()),
			     i < 20 ? OWNER_QUEUED : OWNER_LIMITED, "packet %u", i);
	}
	cr_expect_eq(story_packet_of(1, 1), OWNER_QUEUED);
	story_after(200);
	packet.key.client[15] = 77;
	cr_expect_eq(owner_packet_take(story.owner, &packet, story_now()), OWNER_QUEUED);
}

Test(owner_limits, a_flood_fills_neither_memory_nor_the_mesh)
{
	struct owner_conf conf = owner_conf_default(POPS, 1000);
	const struct owner_counters *counters;
	unsigned seconds = 5, hinted = 0;
	uint64_t most;

	conf.flows = 64;
	conf.packets = 100;
	conf.messages = (struct bucket_rate){ 300, 600 };
	story_begin_with(&conf);
	for (unsigned pop = 0; pop < POPS; pop++)
		owner_pop_live(story.owner, pop, 20000, story_now());
	most = conf.messages.burst + conf.messages.per_second * seconds;
	for (unsigned i = 0; i < 100000; i++) {
		story_packet_of(i, 1);
		story_packet_of(i, 2);
		counters = owner_counters(story.owner);
		cr_assert_leq(counters->flows, 48, "the last quarter is kept");
		cr_assert_leq(counters->packets, 75);
		if (i % 20 == 19) {
			story.text[0] = '\0';
			story_after(1);
		}
	}
	cr_expect_leq(counters->asks, most, "%lu asks", counters->asks);
	cr_expect_gt(counters->fates[OWNER_BUSY], 90000);
	story.hints = 1;
	for (unsigned i = 0; i < 10; i++)
		hinted += story_packet_of(200000 + i, 1) == OWNER_QUEUED;
	cr_expect_eq(hinted, 10, "%u clients that are known", hinted);
}

Test(owner_limits, what_is_decided_makes_room)
{
	struct owner_conf conf = owner_conf_default(1, 1000);

	conf.flows = 4;
	story_begin_with(&conf);
	owner_pop_live(story.owner, 0, 20000, story_now());
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(story_packet_of(i, 1), OWNER_QUEUED, "flow %u", i);
		story_yes(0, 10, 10);
		story.text[0] = '\0';
	}
	cr_expect_leq(owner_counters(story.owner)->flows, 3);
	cr_expect_eq(owner_counters(story.owner)->settled, 100);
}

Test(owner_limits, a_question_without_tokens_is_put_off)
{
	struct owner_conf conf = owner_conf_default(POPS, 1000);

	conf.messages = (struct bucket_rate){ 100, 12 };
	story_begin_with(&conf);
	for (unsigned pop = 0; pop < POPS; pop++)
		owner_pop_live(story.owner, pop, 20000, story_now());
	story.hints = 7;
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(story_packet_of(i, 1), OWNER_QUEUED);
	cr_expect_eq(story_packet_of(4, 1), OWNER_BUSY);
	story.hints = 0;
	story.text[0] = '\0';
	story_after(49);
	EXPECT("");
	cr_expect_eq(owner_counters(story.owner)->starved, 0);
	story_after(20);
	cr_expect_gt(owner_counters(story.owner)->starved, 0);
	story_after(100);
	cr_expect_gt(owner_counters(story.owner)->retries, 0);
}
