/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/log_limit.h"

Test(bgp_log_limit, one_line_for_many)
{
	struct bgp_log_limit limit = { 0 };
	struct instant now = { 5 * NS_PER_S };
	unsigned long more = 99;

	cr_expect(bgp_log_limit_pass(&limit, now, &more));
	cr_expect_eq(more, 0);
	for (int i = 0; i < 41; i++)
		cr_expect_not(bgp_log_limit_pass(&limit, now, &more));
	now = instant_after_s(now, BGP_LOG_LIMIT_S);
	cr_expect(bgp_log_limit_pass(&limit, now, &more));
	cr_expect_eq(more, 41);
	cr_expect_not(bgp_log_limit_pass(&limit, now, &more));
}
