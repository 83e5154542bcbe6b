/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reload makes of announcements: nothing that stays is withdrawn. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/alloc.h"
#include "tests/unit/lb/announce/announce_rig.h"

/* A second configuration of the fixture's, to go over to; its VIPs as they are now. */
struct next {
	struct prefix any[2];
	struct lb_vip_conf vip_confs[2];
	struct lb_conf conf;
	struct vip vips[2];
};

static struct next *next_new(const struct announce_rig *f)
{
	struct next *next = x_new(struct next);

	next->conf = f->conf;
	memcpy(next->any, f->any, sizeof(next->any));
	memcpy(next->vip_confs, f->vip_confs, sizeof(next->vip_confs));
	memcpy(next->vips, f->vips, sizeof(next->vips));
	next->vip_confs[0].prefixes = next->any;
	next->conf.vips = next->vip_confs;
	for (int i = 0; i < 2; i++)
		next->vips[i].conf = &next->vip_confs[i];
	return next;
}

static const char *reload(struct announce_rig *f, const struct next *next, int64_t ns)
{
	f->heard[0] = '\0';
	announcer_reload(&f->announcer, &next->conf, next->vips, (struct instant){ ns },
			 announce_rig_hear, f);
	return f->heard;
}

Test(announce, reload_of_the_same_is_nothing)
{
	struct announce_rig *f = announce_rig_new();
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	announce_rig_step(f, 2);
	next = next_new(f);
	cr_expect_str_eq(reload(f, next, 3), "");
	/* Nobody looks at the old ones any more. */
	memset(f->vip_confs, 0xa5, sizeof(f->vip_confs));
	memset(f->vips, 0xa5, sizeof(f->vips));
	cr_expect_str_eq(announce_rig_step(f, 4), "", "nor in the next step");
	cr_expect_eq(announcer_find(&f->announcer, &next->any[0])->since.ns, 2, "with its history");
	cr_expect_str_eq(announcer_find(&f->announcer, &next->any[0])->reason,
			 "vip any is up: so it is");
	announce_rig_free(f);
	free(next);
}

/* What is not in it any more is told once, what is new only when it is decided. */
Test(announce, reload_with_a_prefix_for_another)
{
	struct announce_rig *f = announce_rig_new();
	struct prefix gone = f->any[1];
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	announce_rig_step(f, 2);
	next = next_new(f);
	prefix_parse(&next->any[1], "198.18.7.0/24");
	cr_expect_str_eq(reload(f, next, 3), "-2001:db8:1000::/48 ");
	cr_expect_null(announcer_find(&f->announcer, &gone));
	cr_expect_str_eq(announcer_find(&f->announcer, &next->any[1])->reason,
			 "it is new in the configuration");
	cr_expect_str_eq(announce_rig_step(f, 4), "+198.18.7.0/24 ");
	announce_rig_free(f);
	free(next);
}

/* Withdrawn already: nobody has it to be told about. */
Test(announce, reload_without_a_prefix_that_was_withdrawn)
{
	struct announce_rig *f = announce_rig_new();
	struct next *next;

	announce_rig_step(f, 2);
	next = next_new(f);
	next->vip_confs[0].prefix_count = 1;
	cr_expect_str_eq(reload(f, next, 3), "");
	announce_rig_free(f);
	free(next);
}

Test(announce, reload_moves_a_prefix_to_another_vip)
{
	struct announce_rig *f = announce_rig_new();
	struct next *next;

	f->vips[0].state = f->vips[1].state = HEALTH_UP;
	announce_rig_step(f, 2);
	next = next_new(f);
	next->vip_confs[0].prefix_count = 1;
	next->vip_confs[1].prefixes = &next->any[1];
	cr_expect_str_eq(reload(f, next, 3), "-198.18.33.0/24 ");
	cr_expect_str_eq(announce_rig_step(f, 4), "", "announced all the while");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[1])->vip, &next->vips[1]);
	announce_rig_free(f);
	free(next);
}

/* The fixture with another beginning: begun is called before there is an announcer. */
static struct announce_rig *fixture_anew(void (*begun)(struct announce_rig *f))
{
	struct announce_rig *f = announce_rig_new();

	announcer_fini(&f->announcer);
	begun(f);
	announcer_init(&f->announcer, &f->conf, f->vips, (struct instant){ 1 });
	return f;
}

static void with_one_prefix(struct announce_rig *f)
{
	f->vip_confs[0].prefix_count = 1;
	f->vip_confs[0].hold_down =
		(struct hold_down_conf){ .min_up_ms = 500, .min_down_ms = 2000 };
}

/* It has been up for long enough, and so it is for all that it announces. */
Test(announce, reload_with_a_prefix_more)
{
	struct announce_rig *f = fixture_anew(with_one_prefix);
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 100);
	cr_assert_str_eq(announce_rig_step_ms(f, 600), "+198.18.0.0/24 ");
	next = next_new(f);
	next->vip_confs[0].prefix_count = 2;
	cr_expect_str_eq(reload(f, next, 700 * NS_PER_MS), "");
	cr_expect_str_eq(announce_rig_step_ms(f, 700), "+2001:db8:1000::/48 ");
	cr_expect_null(announcer_find_held(&f->announcer, &next->vips[0]));
	announce_rig_free(f);
	free(next);
}

Test(announce, reload_with_a_prefix_more_while_held_down)
{
	struct announce_rig *f = fixture_anew(with_one_prefix);
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 100);
	announce_rig_step_ms(f, 600);
	f->vips[0].state = HEALTH_DOWN;
	cr_assert_str_eq(announce_rig_step_ms(f, 1000), "-198.18.0.0/24 ");
	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 1100);
	next = next_new(f);
	next->vip_confs[0].prefix_count = 2;
	cr_expect_str_eq(reload(f, next, 2900 * NS_PER_MS), "");
	cr_expect_str_eq(announce_rig_step_ms(f, 2900), "");
	cr_expect_eq(f->next.ns, 3000 * NS_PER_MS);
	cr_expect_str_eq(announce_rig_step_ms(f, 3000), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	announce_rig_free(f);
	free(next);
}

static void with_two_verdicts(struct announce_rig *f)
{
	f->vip_confs[0].hold_down.min_up_ms = f->vip_confs[1].hold_down.min_up_ms = 500;
	f->vip_confs[1].announce = LB_ANNOUNCE_VERDICT;
}

Test(announce, reload_moves_a_prefix_from_a_vip_that_is_down_to_one_that_is_up)
{
	struct announce_rig *f = fixture_anew(with_two_verdicts);
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	f->vips[1].state = HEALTH_DOWN;
	announce_rig_step_ms(f, 100);
	cr_assert_str_eq(announce_rig_step_ms(f, 600), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	next = next_new(f);
	next->any[1] = f->dns[0];
	next->vip_confs[1].prefix_count = 0;
	cr_expect_str_eq(reload(f, next, 700 * NS_PER_MS), "-2001:db8:1000::/48 ");
	cr_expect_str_eq(announce_rig_step_ms(f, 700), "+198.18.33.0/24 ");
	announce_rig_free(f);
	free(next);
}

/* Nothing holds down what no verdict withdraws. */
Test(announce, reload_from_verdict_to_always)
{
	struct announce_rig *f = announce_rig_new();
	struct next *next;

	f->vip_confs[0].hold_down.min_down_ms = 1000;
	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 1);
	f->vips[0].state = HEALTH_DOWN;
	cr_assert_str_eq(announce_rig_step_ms(f, 10), "-198.18.0.0/24 -2001:db8:1000::/48 ");
	next = next_new(f);
	next->vip_confs[0].announce = LB_ANNOUNCE_ALWAYS;
	cr_expect_str_eq(reload(f, next, 20 * NS_PER_MS), "");
	cr_expect_str_eq(announce_rig_step_ms(f, 20), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	announce_rig_free(f);
	free(next);
}

/* A step more or less of the ladder is news when the state is another, else the policy speaks. */
Test(announce, reload_with_another_ladder)
{
	struct lb_step_conf ladder[] = { { .healthy_below = 3 }, { .healthy_below = 2 } };
	struct announce_rig *f = announce_rig_new();
	struct next *next, *third;

	f->vips[0].state = HEALTH_UP;
	f->vips[0].up = 1;
	announce_rig_step(f, 2);
	next = next_new(f);
	next->vip_confs[0].ladder = ladder;
	next->vip_confs[0].step_count = 1;
	cr_expect_str_eq(reload(f, next, 3), "");
	cr_expect_str_eq(announce_rig_step(f, 4), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	third = next_new(f);
	memcpy(third->vip_confs, next->vip_confs, sizeof(third->vip_confs));
	third->vip_confs[0].step_count = 2;
	cr_expect_str_eq(reload(f, third, 5), "");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->policy, &ladder[0].policy);
	cr_expect_str_eq(announce_rig_step(f, 6), "~198.18.0.0/24 ~2001:db8:1000::/48 ",
			 "a step further");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->policy, &ladder[1].policy);
	announce_rig_free(f);
	free(next);
	free(third);
}
