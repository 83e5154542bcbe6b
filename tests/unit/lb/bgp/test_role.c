/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/role.h"

#define ROLES (BGP_ROLE_PEER + 1)

Test(bgp_role, what_fits)
{
	/* RFC 9234, table 2; whoever says nothing fits all. */
	static const bool fits[ROLES][ROLES] = {
		{ true, true, true, true, true, true },
		{ true, false, false, false, true, false },
		{ true, false, false, true, false, false },
		{ true, false, true, false, false, false },
		{ true, true, false, false, false, false },
		{ true, false, false, false, false, true },
	};

	for (int own = 0; own < ROLES; own++)
		for (int peer = 0; peer < ROLES; peer++)
			cr_expect_eq(bgp_role_fits((enum bgp_role)own, (enum bgp_role)peer),
				     fits[own][peer], "%s, %s", bgp_role_name((enum bgp_role)own),
				     bgp_role_name((enum bgp_role)peer));
}

Test(bgp_role, only_to_customer)
{
	static const struct {
		enum bgp_role own;
		bool marks, leak_own, leak_other;
	} rows[] = {
		{ BGP_ROLE_NONE, false, false, false },
		{ BGP_ROLE_PROVIDER, true, true, true },
		{ BGP_ROLE_RS, true, true, true },
		{ BGP_ROLE_RS_CLIENT, false, false, false },
		{ BGP_ROLE_CUSTOMER, false, false, false },
		{ BGP_ROLE_PEER, true, false, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = bgp_role_name(rows[i].own);

		cr_expect_eq(bgp_role_marks(rows[i].own), rows[i].marks, "%s", name);
		cr_expect_eq(bgp_role_is_leak(rows[i].own, 65101, 65101), rows[i].leak_own,
			     "%s, the peer's own", name);
		cr_expect_eq(bgp_role_is_leak(rows[i].own, 65102, 65101), rows[i].leak_other,
			     "%s, another's", name);
	}
}
