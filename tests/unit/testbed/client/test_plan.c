/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "testbed/client/plan.h"

#define START (1000 * NS_PER_S)

static struct client_traffic traffic[] = { { CLIENT_UDP, 100 }, { CLIENT_HTTP, 1000 } };

static struct client_conf conf_of(unsigned users, uint64_t seed)
{
	return (struct client_conf){ .seed = seed,
				     .users = users,
				     .first_user = 1,
				     .ramp_ms = 30000,
				     .traffic = traffic,
				     .traffic_count = 2 };
}

static struct client_plan *plan_of(const struct client_conf *conf)
{
	return client_plan_new(conf, (struct instant){ START });
}

/* A user's whole life under virtual time: every slot once, in order, on its grid. */
Test(client_plan, every_slot_once_on_the_grid)
{
	const struct client_conf conf = conf_of(50, 7);
	struct client_plan *plan = plan_of(&conf);
	const struct instant end = { START + 60 * NS_PER_S };
	uint64_t next[50][2] = { { 0 } };
	struct instant last = { 0 };
	struct client_slot slot;

	while (client_plan_deadline(plan).ns <= end.ns) {
		const struct instant due = client_plan_deadline(plan);

		cr_assert_not(client_plan_next(plan, (struct instant){ due.ns - 1 }, &slot));
		cr_assert(client_plan_next(plan, due, &slot));
		cr_assert_eq(slot.planned.ns, due.ns);
		cr_assert_geq(slot.planned.ns, last.ns);
		cr_assert_eq(slot.n, next[slot.user][slot.traffic]++);
		cr_assert_eq(client_plan_time(plan, slot.user, slot.traffic, slot.n).ns, due.ns);
		last = due;
	}
	for (unsigned user = 0; user < 50; user++) {
		/* Offsets stay under the ramp of 30 s, so 29 s are left for everybody. */
		cr_expect_geq(next[user][0], 289, "user %u: %lu", user, next[user][0]);
		cr_expect_leq(next[user][0], 601);
	}
	client_plan_free(plan);
}

/* Open loop: a sender that wakes up late still gets all slots, with the times planned for them. */
Test(client_plan, late_wake_up_skips_nothing)
{
	const struct client_conf conf = conf_of(3, 1);
	struct client_plan *late = plan_of(&conf), *punctual = plan_of(&conf);
	const struct instant now = { START + 90 * NS_PER_S };
	struct client_slot a, b;
	unsigned count = 0;

	while (client_plan_next(late, now, &a)) {
		cr_assert(client_plan_next(punctual, client_plan_deadline(punctual), &b));
		cr_assert_eq(a.planned.ns, b.planned.ns);
		cr_assert_eq(a.user, b.user);
		cr_assert_eq(a.traffic, b.traffic);
		count++;
	}
	cr_expect_gt(count, 3 * 600);
	client_plan_free(late);
	client_plan_free(punctual);
}

/* The same user has the same times in a group that starts at another number, or with other kinds.
 */
Test(client_plan, times_belong_to_the_user)
{
	struct client_conf all = conf_of(10, 3), rest = conf_of(4, 3), udp = conf_of(10, 3);
	struct client_plan *a, *b, *c;

	rest.first_user = 7;
	udp.traffic = (struct client_traffic[]){ { CLIENT_HTTP, 1000 } };
	udp.traffic_count = 1;
	a = plan_of(&all);
	b = plan_of(&rest);
	c = plan_of(&udp);
	for (unsigned k = 0; k < 4; k++) {
		cr_expect_eq(client_plan_time(a, k + 6, 0, 5).ns, client_plan_time(b, k, 0, 5).ns);
		cr_expect_eq(client_plan_time(a, k, 1, 5).ns, client_plan_time(c, k, 0, 5).ns);
	}
	client_plan_free(a);
	client_plan_free(b);
	client_plan_free(c);
}

Test(client_plan, seed_decides_and_offsets_spread)
{
	const struct client_conf conf = conf_of(1000, 7), other = conf_of(1000, 8);
	struct client_plan *plan = plan_of(&conf), *again = plan_of(&conf),
			   *third = plan_of(&other);
	unsigned tenths[10] = { 0 }, same = 0;

	for (unsigned user = 0; user < 1000; user++) {
		const int64_t at = client_plan_time(plan, user, 0, 0).ns;

		cr_expect_eq(at, client_plan_time(again, user, 0, 0).ns);
		same += at == client_plan_time(third, user, 0, 0).ns;
		if (at - START < 30 * NS_PER_S)
			tenths[(at - START) / (3 * NS_PER_S)]++;
	}
	cr_expect_eq(same, 0);
	/* 100 each on average, five standard deviations of 9.5 wide. */
	for (int i = 0; i < 10; i++)
		cr_expect(tenths[i] > 52 && tenths[i] < 148, "tenth %d: %u", i, tenths[i]);
	client_plan_free(plan);
	client_plan_free(again);
	client_plan_free(third);
}
