/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/timeline.h"

#include <criterion/criterion.h>

static void add(struct timeline *t, bool announced, int64_t detected, int64_t decided)
{
	const struct timeline_entry entry = {
		.announced = announced,
		.detected = { detected },
		.decided = { decided },
	};

	timeline_add(t, &entry, "because");
}

static int64_t told(struct timeline *t, size_t peer, bool announced, int64_t at)
{
	const struct timeline_entry *entry =
		timeline_sent(t, peer, announced, (struct instant){ at });

	return entry ? entry->decided.ns : 0;
}

Test(timeline, each_peer_is_told_of_each_change)
{
	struct timeline t;

	timeline_init(&t, 2);
	cr_expect_eq(told(&t, 0, true, 5), 0, "of nothing");
	add(&t, true, 10, 11);
	cr_expect_eq(told(&t, 0, true, 12), 11);
	add(&t, false, 20, 21);
	cr_expect_eq(told(&t, 0, false, 22), 21);
	cr_expect_eq(told(&t, 1, true, 23), 11, "what was queued before the withdrawal");
	cr_expect_eq(told(&t, 1, false, 24), 21);
	cr_expect_eq(t.count, 2);
	cr_expect_eq(t.entries[0].detected.ns, 10);
	cr_expect_str_eq(t.entries[0].reason, "because");
	cr_expect_eq(t.entries[0].sent[0].ns, 12);
	cr_expect_eq(t.entries[0].sent[1].ns, 23);
	cr_expect_eq(t.entries[1].sent[0].ns, 22);
	cr_expect_eq(t.entries[1].sent[1].ns, 24);
	timeline_fini(&t);
}

Test(timeline, a_refresh_is_no_news)
{
	struct timeline t;

	timeline_init(&t, 1);
	add(&t, true, 10, 11);
	told(&t, 0, true, 12);
	cr_expect_eq(told(&t, 0, true, 500), 11);
	cr_expect_eq(t.entries[0].sent[0].ns, 12, "the first time counts");
	timeline_fini(&t);
}

Test(timeline, not_of_what_was_decided_later)
{
	struct timeline t;

	timeline_init(&t, 1);
	add(&t, true, 10, 11);
	add(&t, true, 30, 31);
	cr_expect_eq(told(&t, 0, true, 20), 11);
	cr_expect_eq(told(&t, 0, false, 40), 0);
	timeline_fini(&t);
}

Test(timeline, keeps_the_last_ones)
{
	struct timeline t;

	timeline_init(&t, 1);
	for (int64_t i = 1; i <= 3 * TIMELINE_KEPT; i++)
		add(&t, i % 2, 10 * i, 10 * i);
	cr_expect_eq(t.count, TIMELINE_KEPT);
	cr_expect_eq(t.entries[0].decided.ns, 10 * (2 * TIMELINE_KEPT + 1));
	cr_expect_eq(t.entries[TIMELINE_KEPT - 1].decided.ns, 10 * 3 * TIMELINE_KEPT);
	cr_expect_eq(told(&t, 0, true, 15), 0, "long gone");
	timeline_fini(&t);
}

Test(timeline, follows_peers_that_move)
{
	static const size_t was[] = { 2, TIMELINE_NEW, 0 };
	struct timeline before, t;

	timeline_init(&before, 3);
	add(&before, true, 10, 11);
	told(&before, 0, true, 12);
	told(&before, 1, true, 13);
	told(&before, 2, true, 14);
	add(&before, false, 20, 21);
	timeline_follow(&t, &before, was, 3);
	cr_expect_eq(before.count, 0);
	timeline_fini(&before);
	cr_assert_eq(t.count, 2);
	cr_expect_str_eq(t.entries[0].reason, "because");
	cr_expect_eq(t.entries[0].sent[0].ns, 14);
	cr_expect_eq(t.entries[0].sent[1].ns, 0, "new, and so never told");
	cr_expect_eq(t.entries[0].sent[2].ns, 12);
	cr_expect_eq(told(&t, 1, false, 30), 21);
	timeline_fini(&t);
}
