/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/presence.h"

#include <criterion/criterion.h>

static struct instant at(int64_t ms)
{
	return (struct instant){ ms * NS_PER_MS };
}

Test(presence, leaves_when_it_has_been_quiet)
{
	struct presence p;

	presence_init(&p, 1000, false, at(0));
	cr_expect_not(presence_step(&p, false, true, at(0)), "absent hears nothing");
	cr_expect(presence_step(&p, true, false, at(10)));
	cr_expect_eq(p.state, PRESENCE_PRESENT);
	cr_expect_eq(presence_deadline(&p, at(10)).ns, INSTANT_NEVER.ns);
	cr_expect_not(presence_step(&p, true, false, at(99999)), "stays while wanted");

	cr_expect(presence_step(&p, false, false, at(100000)));
	cr_expect_eq(p.state, PRESENCE_LINGERING);
	cr_expect_eq(presence_deadline(&p, at(100000)).ns, at(100050).ns);
	cr_expect_not(presence_step(&p, false, false, at(100999)));
	cr_expect_not(presence_step(&p, false, true, at(100999)), "a late packet");
	cr_expect_not(presence_step(&p, false, false, at(101998)));
	cr_expect(presence_step(&p, false, false, at(101999)));
	cr_expect_eq(p.state, PRESENCE_ABSENT);
}

Test(presence, comes_back_while_lingering)
{
	struct presence p;

	presence_init(&p, 1000, true, at(0));
	cr_expect_eq(p.state, PRESENCE_LINGERING, "left by a predecessor");
	cr_expect(presence_step(&p, true, false, at(5000)));
	cr_expect_eq(p.state, PRESENCE_PRESENT);
	cr_expect(presence_step(&p, false, false, at(6000)));
	cr_expect_not(presence_step(&p, false, false, at(6999)), "counts anew");
}

Test(presence, looks_neither_too_often_nor_too_seldom)
{
	struct presence p;

	presence_init(&p, 0, true, at(0));
	cr_expect_eq(presence_deadline(&p, at(0)).ns, at(10).ns);
	presence_init(&p, 60000, true, at(0));
	cr_expect_eq(presence_deadline(&p, at(0)).ns, at(1000).ns);
}
