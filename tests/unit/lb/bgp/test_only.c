/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/only.h"

#include <criterion/criterion.h>

static struct prefix prefix(const char *text)
{
	struct prefix out;

	cr_assert(prefix_parse(&out, text), "%s", text);
	return out;
}

Test(bgp_only, allows_itself_and_nothing_near)
{
	const struct prefix one[] = { prefix("198.18.0.0/24") };
	const struct bgp_only all = { 0 }, none = { one, 0 }, only = { one, 1 };
	const struct prefix longer = prefix("198.18.0.0/25"), shorter = prefix("198.18.0.0/23"),
			    next = prefix("198.18.1.0/24"), other = prefix("2001:d00::/24");

	cr_expect(bgp_only_allows(&all, &one[0]));
	cr_expect(bgp_only_allows(&only, &one[0]));
	cr_expect_not(bgp_only_allows(&none, &one[0]));
	cr_expect_not(bgp_only_allows(&only, &longer));
	cr_expect_not(bgp_only_allows(&only, &shorter));
	cr_expect_not(bgp_only_allows(&only, &next));
	cr_expect_not(bgp_only_allows(&only, &other));
}

Test(bgp_only, none_is_not_all)
{
	const struct prefix p[] = { prefix("198.18.0.0/24"), prefix("198.18.1.0/24") };
	const struct prefix q[] = { p[0], p[1] };
	const struct bgp_only all = { 0 }, none = { p, 0 }, first = { p, 1 }, both = { p, 2 };
	const struct bgp_only again = { q, 2 }, second = { q + 1, 1 };

	cr_expect(bgp_only_equal(&all, &all));
	cr_expect(bgp_only_equal(&none, &none));
	cr_expect(bgp_only_equal(&both, &again));
	cr_expect_not(bgp_only_equal(&all, &none));
	cr_expect_not(bgp_only_equal(&none, &all));
	cr_expect_not(bgp_only_equal(&first, &both));
	cr_expect_not(bgp_only_equal(&first, &second));
}
