/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/legs.h"

#include <criterion/criterion.h>

static struct addr hop(uint32_t n)
{
	return addr_from_ipv4(0x0a000000 + n);
}

Test(legs, are_ordered_by_peer_and_change_once)
{
	struct addr a = hop(1), b = hop(2), c = hop(3);
	struct legs legs = { 0 };

	cr_expect(legs_set(&legs, 5, &a, 0));
	cr_expect(legs_set(&legs, 1, &b, 0));
	cr_expect(legs_set(&legs, 3, &c, 7));
	cr_expect_not(legs_set(&legs, 3, &c, 7), "the same again");
	cr_expect_eq(legs.count, 3);
	cr_expect_eq(legs.items[0].peer, 1);
	cr_expect_eq(legs.items[1].peer, 3);
	cr_expect_eq(legs.items[2].peer, 5);

	cr_expect(legs_set(&legs, 3, &a, 7), "another next hop");
	cr_expect(legs_set(&legs, 3, &a, 8), "another interface");
	cr_expect_eq(legs.count, 3);
	cr_expect(addr_equal(&legs.items[1].next_hop, &a));

	cr_expect(legs_set(&legs, 1, NULL, 0));
	cr_expect_not(legs_set(&legs, 1, NULL, 0), "gone already");
	cr_expect_eq(legs.count, 2);
	cr_expect_eq(legs.items[0].peer, 3);
	cr_expect(legs_set(&legs, 5, NULL, 0));
	cr_expect(legs_set(&legs, 3, NULL, 0));
	cr_expect_eq(legs.count, 0);
}

Test(legs, hold_every_peer)
{
	struct legs legs = { 0 };

	for (uint32_t i = LB_PEERS_MAX; i-- > 0;) {
		struct addr a = hop(i);

		cr_expect(legs_set(&legs, i, &a, 0));
	}
	cr_expect_eq(legs.count, LB_PEERS_MAX);
	cr_expect_eq(legs.items[LB_PEERS_MAX - 1].peer, LB_PEERS_MAX - 1);
}
