/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/policy.h"

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
	struct bgp_policy base = { .prepend = 30, .has_med = true, .med = 1 };
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
