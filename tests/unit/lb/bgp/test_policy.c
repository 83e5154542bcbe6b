/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/policy.h"
#include "lb/conf.h"

struct row {
	const char *text;
	bool ok;
	uint32_t community;
};

static const struct row rows[] = {
	{ "64500:100", true, 0xfbf40064 },
	{ "0:0", true, 0 },
	{ "65535:65535", true, 0xffffffff },
	{ "graceful-shutdown", true, 0xffff0000 },
	{ "no-export", true, 0xffffff01 },
	{ "no-llgr", true, 0xffff0007 },
	{ "blackhole", true, 0xffff029a },
	{ "no-advertise", true, 0xffffff02 },
	{ "no-export-subconfed", true, 0xffffff03 },
	{ "no-peer", true, 0xffffff04 },
	{ "65536:1", false, 0 },
	{ "1:65536", false, 0 },
	{ "1", false, 0 },
	{ "1:", false, 0 },
	{ ":1", false, 0 },
	{ "1:2:3", false, 0 },
	{ " 1:2", false, 0 },
	{ "-1:2", false, 0 },
	{ "99999999999999:2", false, 0 },
	{ "", false, 0 },
};

Test(bgp_policy, community_parse)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t community = 0;
		bool ok = bgp_community_parse(&community, rows[i].text);

		cr_expect_eq(ok, rows[i].ok, "'%s'", rows[i].text);
		cr_expect_eq(community, rows[i].community, "'%s'", rows[i].text);
	}
}

Test(bgp_policy, merge)
{
	struct bgp_policy base = { .prepend = 60, .has_med = true, .med = 1 };
	struct bgp_policy extra = { .prepend = 5, .has_med = true, .med = 2 }, all;

	cr_assert(bgp_policy_add_community(&base, 1));
	cr_assert(bgp_policy_add_community(&extra, 1));
	cr_assert(bgp_policy_add_community(&extra, 2));
	all = bgp_policy_merge(&base, &extra);
	cr_expect_eq(all.prepend, BGP_PREPEND_MAX);
	cr_expect_eq(all.med, 2);
	cr_expect_eq(all.community_count, 2);
	cr_expect_not(bgp_policy_equal(&all, &base));
	all = bgp_policy_merge(&base, NULL);
	cr_expect(bgp_policy_equal(&all, &base));
}

Test(bgp_policy, no_room)
{
	struct bgp_policy policy = { 0 };

	for (uint32_t i = 0; i < BGP_COMMUNITIES_MAX; i++)
		cr_assert(bgp_policy_add_community(&policy, i));
	cr_expect_not(bgp_policy_add_community(&policy, 1000));
	cr_expect(bgp_policy_add_community(&policy, 3), "already there");
}

/* As much as a configuration may say in one policy; first: of its communities. */
static struct bgp_policy full_policy(uint32_t first)
{
	struct bgp_policy policy = { .prepend = LB_PREPEND_MAX };

	for (uint32_t i = 0; i < LB_COMMUNITIES_MAX; i++) {
		bgp_policy_add_community(&policy, first + i);
		bgp_policy_add_large(&policy, &(struct bgp_large_community){ first + i, 0, 0 });
	}
	return policy;
}

/* As they meet in announce.c, conf.c and peer.c. */
Test(bgp_policy, room_for_all_that_meet_in_a_route)
{
	const struct bgp_policy peer = full_policy(100), vip = full_policy(200),
				step = full_policy(300), deprefer = full_policy(400);
	struct bgp_policy all = bgp_policy_merge(&vip, &step);

	cr_expect(bgp_policy_add_community(&all, BGP_COMMUNITY_GRACEFUL_SHUTDOWN), "drains");
	all = bgp_policy_merge(&peer, &all);
	all = bgp_policy_merge(&all, &deprefer);
	cr_expect_eq(all.prepend, 4 * LB_PREPEND_MAX);
	cr_expect_eq(all.community_count, 4 * LB_COMMUNITIES_MAX + 1);
	cr_expect_eq(all.large_count, 4 * LB_COMMUNITIES_MAX);
	cr_expect(bgp_policy_has_community(&all, BGP_COMMUNITY_GRACEFUL_SHUTDOWN));
	cr_expect(bgp_policy_has_community(&all, 400 + LB_COMMUNITIES_MAX - 1));
}

Test(bgp_policy, large_community)
{
	static const struct {
		const char *text;
		bool ok;
	} large[] = {
		{ "64500:1:2", true },
		{ "0:0:0", true },
		{ "4294967295:4294967295:4294967295", true },
		{ "4294967296:0:0", false },
		{ "1:2", false },
		{ "1:2:", false },
		{ "1:2:3:4", false },
		{ "1:-2:3", false },
		{ "99999999999999999999999:1:1", false },
	};
	char text[BGP_COMMUNITY_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		struct bgp_large_community c;

		cr_expect_eq(bgp_large_community_parse(&c, large[i].text), large[i].ok, "'%s'",
			     large[i].text);
		if (large[i].ok)
			cr_expect_str_eq(bgp_large_community_format(&c, text), large[i].text);
	}
}

Test(bgp_policy, large_communities_are_united_and_compared)
{
	struct bgp_policy a = { 0 }, b = { 0 }, both;

	bgp_policy_add_large(&a, &(struct bgp_large_community){ 1, 2, 3 });
	bgp_policy_add_large(&b, &(struct bgp_large_community){ 1, 2, 3 });
	cr_expect(bgp_policy_equal(&a, &b));
	bgp_policy_add_large(&b, &(struct bgp_large_community){ 1, 2, 4 });
	cr_expect_not(bgp_policy_equal(&a, &b));
	both = bgp_policy_merge(&a, &b);
	cr_expect_eq(both.large_count, 2, "each once");
	for (uint32_t i = 0; i < BGP_COMMUNITIES_MAX; i++)
		bgp_policy_add_large(&both, &(struct bgp_large_community){ 9, i, 0 });
	cr_expect_eq(both.large_count, BGP_COMMUNITIES_MAX);
}
