/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/announce.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

/* One PoP: identity M, vip "any" by verdict with two prefixes, vip "dns" always. */
struct fixture {
	struct prefix identity[1], any[2], dns[1];
	struct lb_vip_conf vip_confs[2];
	struct lb_conf conf;
	struct vip vips[2];
	struct announcer announcer;
	struct instant next;
	char heard[300]; /* "+10.200.1.0/24 -198.18.0.0/24 " */
	char reason[ANNOUNCE_REASON_SIZE];
};

static void on_change(void *ctx, const struct announcement *item)
{
	struct fixture *f = ctx;
	char text[PREFIX_TEXT_SIZE];
	size_t len = strlen(f->heard);

	snprintf(f->heard + len, sizeof(f->heard) - len, "%s%s ",
		 item->state == ANNOUNCE_ANNOUNCED     ? "+"
		 : item->state == ANNOUNCE_DEPREFERRED ? "~"
						       : "-",
		 prefix_format(&item->prefix, text));
}

static const char *step(struct fixture *f, int64_t ns)
{
	f->heard[0] = '\0';
	f->next = announcer_step(&f->announcer, (struct instant){ ns }, (struct instant){ ns },
				 on_change, f);
	return f->heard;
}

static const char *step_ms(struct fixture *f, int64_t ms)
{
	return step(f, ms * NS_PER_MS);
}

/* The reason of the first prefix of "any" at this time. */
static const char *reason(struct fixture *f, int64_t ms)
{
	return announcement_reason(announcer_find(&f->announcer, &f->any[0]),
				   (struct instant){ ms * NS_PER_MS }, f->reason);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = x_new(struct fixture);

	prefix_parse(&f->identity[0], "10.200.1.0/24");
	prefix_parse(&f->any[0], "198.18.0.0/24");
	prefix_parse(&f->any[1], "2001:db8:1000::/48");
	prefix_parse(&f->dns[0], "198.18.33.0/24");
	f->vip_confs[0] =
		(struct lb_vip_conf){ .name = "any", .prefixes = f->any, .prefix_count = 2 };
	f->vip_confs[1] = (struct lb_vip_conf){
		.name = "dns", .prefixes = f->dns, .prefix_count = 1, .announce = LB_ANNOUNCE_ALWAYS
	};
	f->conf.identity.prefixes = f->identity;
	f->conf.identity.prefix_count = 1;
	f->conf.vips = f->vip_confs;
	f->conf.vip_count = 2;
	for (int i = 0; i < 2; i++) {
		f->vips[i].conf = &f->vip_confs[i];
		strcpy(f->vips[i].reason, "so it is");
	}
	announcer_init(&f->announcer, &f->conf, f->vips, (struct instant){ 1 });
	return f;
}

static void fixture_free(struct fixture *f)
{
	announcer_fini(&f->announcer);
	free(f);
}

Test(announce, life_of_a_pop)
{
	struct fixture *f = fixture_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	cr_expect_str_eq(any->reason, "the daemon is starting");
	cr_expect_str_eq(step(f, 2), "+10.200.1.0/24 +198.18.33.0/24 ");
	cr_expect_str_eq(any->reason, "vip any has no verdict yet: so it is");
	cr_expect_not(announcer_has_vip(&f->announcer, &f->vips[0]));

	f->vips[0].state = HEALTH_UP;
	cr_expect_str_eq(step(f, 3), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_str_eq(any->reason, "vip any is up: so it is");
	cr_expect_str_eq(step(f, 4), "", "nothing has changed");
	cr_expect_eq(any->since.ns, 3);
	cr_expect(announcer_has_vip(&f->announcer, &f->vips[0]));

	/* The verdict on both falls: only the one that follows it goes. */
	f->vips[0].state = f->vips[1].state = HEALTH_DOWN;
	cr_expect_str_eq(step(f, 5), "-198.18.0.0/24 -2001:db8:1000::/48 ");
	cr_expect_str_eq(any->reason, "vip any is down: so it is");
	cr_expect_str_eq(announcer_find(&f->announcer, &f->dns[0])->reason,
			 "vip dns is announced while the daemon lives, whatever its verdict");

	/* The reason follows while the state lasts. */
	strcpy(f->vips[0].reason, "worse");
	cr_expect_str_eq(step(f, 6), "");
	cr_expect_str_eq(any->reason, "vip any is down: worse");
	cr_expect_eq(any->since.ns, 5);

	f->vips[0].state = HEALTH_UP;
	announcer_stop(&f->announcer);
	cr_expect_str_eq(step(f, 7), "-10.200.1.0/24 -198.18.33.0/24 ",
			 "the healthy one stays out");
	cr_expect_str_eq(any->reason, "the daemon is stopping");
	fixture_free(f);
}

Test(announce, not_without_its_addresses)
{
	struct fixture *f = fixture_new();

	for (size_t i = 0; i < f->announcer.count; i++)
		f->announcer.items[i].missing =
			prefix_equal(&f->announcer.items[i].prefix, &f->any[1]);
	step(f, 2);
	cr_expect_str_eq(announcer_find(&f->announcer, &f->any[1])->reason,
			 "vip any has no verdict yet: so it is", "the first reason counts");
	f->vips[0].state = HEALTH_UP;
	cr_expect_str_eq(step(f, 3), "+198.18.0.0/24 ");
	cr_expect_str_eq(announcer_find(&f->announcer, &f->any[1])->reason,
			 "vip any: an address in it cannot be put on this machine");
	f->announcer.items[2].missing = false;
	f->announcer.items[3].missing = true;
	cr_expect_str_eq(step(f, 4), "+2001:db8:1000::/48 -198.18.33.0/24 ", "nor always");
	fixture_free(f);
}

/* Three origins lost one by one and found again, with a step for each. */
Test(announce, ladder)
{
	struct fixture *f = fixture_new();
	struct lb_step_conf ladder[] = { { .healthy_below = 3 }, { .healthy_below = 2 } };
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);
	struct vip *vip = &f->vips[0];

	f->vip_confs[0].ladder = ladder;
	f->vip_confs[0].step_count = 2;
	vip->state = HEALTH_UP;
	vip->up = 1;
	vip->unknown = 2;
	step(f, 2);
	cr_expect_eq(any->state, ANNOUNCE_ANNOUNCED, "what is not known yet is no reason");
	vip->unknown = 0;
	vip->up = 3;
	cr_expect_str_eq(step(f, 3), "");
	vip->up = 2;
	cr_expect_str_eq(step(f, 4), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	cr_expect_eq(any->policy, &ladder[0].policy);
	cr_expect_str_eq(any->reason, "vip any is up: so it is; step 1 of its ladder: fewer than 3 "
				      "origins are healthy");
	cr_expect_str_eq(step(f, 5), "", "nothing has changed");
	vip->up = 1;
	cr_expect_str_eq(step(f, 6), "~198.18.0.0/24 ~2001:db8:1000::/48 ", "a step further");
	cr_expect_eq(any->policy, &ladder[1].policy);
	cr_expect_eq(any->since.ns, 6);
	cr_expect(announcer_has_vip(&f->announcer, vip));
	vip->up = 0;
	vip->state = HEALTH_DOWN;
	cr_expect_str_eq(step(f, 7), "-198.18.0.0/24 -2001:db8:1000::/48 ");
	vip->up = 3;
	vip->state = HEALTH_UP;
	cr_expect_str_eq(step(f, 8), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_eq(any->policy, any->base);
	fixture_free(f);
}

Test(announce, drains_before_it_withdraws)
{
	struct fixture *f = fixture_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	f->vips[0].state = HEALTH_UP;
	step(f, 2);
	announcer_drain(&f->announcer);
	cr_expect_str_eq(step(f, 3), "~198.18.0.0/24 ~2001:db8:1000::/48 ~198.18.33.0/24 ",
			 "the VIPs', not the identity by which it is reached");
	cr_expect_eq(any->policy->communities[0], BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	cr_expect_str_eq(step(f, 4), "", "once");
	f->vips[0].state = HEALTH_DOWN;
	cr_expect_str_eq(step(f, 5), "-198.18.0.0/24 -2001:db8:1000::/48 ", "verdicts still count");
	announcer_stop(&f->announcer);
	cr_expect_str_eq(step(f, 6), "-10.200.1.0/24 -198.18.33.0/24 ");
	fixture_free(f);
}

Test(announce, finds_by_prefix)
{
	struct fixture *f = fixture_new();
	struct prefix other;

	prefix_parse(&other, "198.18.0.0/23");
	cr_expect_null(announcer_find(&f->announcer, &other));
	cr_expect_eq(announcer_find(&f->announcer, &f->dns[0])->vip, &f->vips[1]);
	cr_expect_null(announcer_find(&f->announcer, &f->identity[0])->vip);
	fixture_free(f);
}

/* A VIP that flaps: withdrawn at once each time, announced again later and later. */
Test(announce, holds_down_what_flaps)
{
	struct fixture *f = fixture_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);
	struct vip *vip = &f->vips[0];

	f->vip_confs[0].hold_down =
		(struct hold_down_conf){ .initial_ms = 1000, .max_ms = 8000, .decay_ms = 60000 };
	vip->state = HEALTH_UP;
	step_ms(f, 1);
	cr_expect_eq(f->next.ns, INSTANT_NEVER.ns);
	vip->state = HEALTH_DOWN;
	cr_expect_str_eq(step_ms(f, 100), "-198.18.0.0/24 -2001:db8:1000::/48 ", "at once");
	cr_expect_str_eq(reason(f, 100),
			 "vip any is down: so it is; held down for another 1.0 s (flap 1)");
	cr_expect_not(announcement_is_held(any), "nobody wants it otherwise");
	cr_expect_null(announcer_find_held(&f->announcer, vip));
	vip->state = HEALTH_UP;
	cr_expect_str_eq(step_ms(f, 200), "");
	cr_expect_eq(f->next.ns, 1100 * NS_PER_MS);
	cr_expect(announcement_is_held(any));
	cr_expect_eq(announcer_find_held(&f->announcer, vip), any);
	cr_expect_str_eq(reason(f, 300),
			 "vip any is up: so it is; held down for another 0.8 s (flap 1)");
	cr_expect_str_eq(step_ms(f, 1100), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_str_eq(reason(f, 1100), "vip any is up: so it is");
	cr_expect_eq(f->next.ns, 61100 * NS_PER_MS, "to forget the flap");
	for (int i = 2; i <= 4; i++) {
		vip->state = HEALTH_DOWN;
		step_ms(f, 10000 * i);
		vip->state = HEALTH_UP;
		cr_expect_str_eq(step_ms(f, 10000 * i + 1), "");
		cr_expect_eq(f->next.ns, (10000 * i + (1000 << (i - 1))) * NS_PER_MS);
		if (i < 4)
			step(f, f->next.ns);
	}
	cr_expect_str_eq(reason(f, 44800),
			 "vip any is up: so it is; held down for another 3.2 s (flap 4)");
	fixture_free(f);
}

Test(announce, waits_until_it_has_been_up_for_long)
{
	struct fixture *f = fixture_new();

	f->vip_confs[0].hold_down.min_up_ms = 500;
	f->vip_confs[1].hold_down.min_up_ms = 500;
	f->vips[0].state = HEALTH_UP;
	cr_expect_str_eq(step_ms(f, 100), "+10.200.1.0/24 +198.18.33.0/24 ",
			 "neither the identity nor what is announced always waits");
	cr_expect_str_eq(reason(f, 200),
			 "vip any is up: so it is; it has to stay so for another 0.4 s first");
	f->vips[0].state = HEALTH_DOWN;
	cr_expect_str_eq(step_ms(f, 300), "");
	cr_expect_eq(f->next.ns, INSTANT_NEVER.ns);
	f->vips[0].state = HEALTH_UP;
	step_ms(f, 400);
	cr_expect_str_eq(step(f, f->next.ns), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->since.ns, 900 * NS_PER_MS);
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->detected.ns, 400 * NS_PER_MS);
	fixture_free(f);
}

/* What comes from elsewhere is not held down, and does not end what is. */
Test(announce, holds_down_only_what_the_verdict_says)
{
	struct fixture *f = fixture_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	f->vip_confs[0].hold_down.min_down_ms = 1000;
	f->vips[0].state = HEALTH_UP;
	step_ms(f, 1);
	f->announcer.items[1].missing = true;
	cr_expect_str_eq(step_ms(f, 10), "-198.18.0.0/24 ");
	cr_expect_str_eq(reason(f, 10), "vip any: an address in it cannot be put on this machine");
	f->announcer.items[1].missing = false;
	cr_expect_str_eq(step_ms(f, 11), "+198.18.0.0/24 ", "at once");
	f->vips[0].state = HEALTH_DOWN;
	step_ms(f, 20);
	f->vips[0].state = HEALTH_UP;
	step_ms(f, 30);
	cr_expect_str_eq(reason(f, 30), "vip any is up: so it is; held down for another 1.0 s");
	f->announcer.items[1].missing = true;
	step_ms(f, 40);
	cr_expect_not(announcement_is_held(any), "there is a stronger reason");
	cr_expect_str_eq(step_ms(f, 1020), "+2001:db8:1000::/48 ");
	announcer_stop(&f->announcer);
	step_ms(f, 1030);
	cr_expect_eq(f->next.ns, INSTANT_NEVER.ns);
	cr_expect_str_eq(reason(f, 1030), "the daemon is stopping");
	fixture_free(f);
}

Test(announce, holds_on_to_a_step_of_the_ladder)
{
	struct fixture *f = fixture_new();
	struct lb_step_conf ladder[] = { { .healthy_below = 3 }, { .healthy_below = 2 } };
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);
	struct vip *vip = &f->vips[0];

	f->vip_confs[0].ladder = ladder;
	f->vip_confs[0].step_count = 2;
	f->vip_confs[0].hold_down.min_down_ms = 1000;
	vip->state = HEALTH_UP;
	vip->up = 3;
	step_ms(f, 1);
	vip->up = 2;
	cr_expect_str_eq(step_ms(f, 10), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	vip->up = 3;
	cr_expect_str_eq(step_ms(f, 20), "");
	cr_expect_eq(any->policy, &ladder[0].policy);
	cr_expect_str_eq(reason(f, 510), "vip any is up: so it is; still step 1 of its ladder; "
					 "held down for another 0.5 s");
	cr_expect_str_eq(step_ms(f, 1010), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	vip->up = 1;
	cr_expect_str_eq(step_ms(f, 2000), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	f->vip_confs[0].step_count = 1;
	vip->up = 2;
	step_ms(f, 2001);
	cr_expect_eq(any->policy, &ladder[0].policy, "the ladder has become shorter meanwhile");
	fixture_free(f);
}

Test(announce, timeline)
{
	struct fixture *f = fixture_new();
	const struct timeline *t = &announcer_find(&f->announcer, &f->any[1])->timeline;
	const struct timeline_entry *change;
	struct prefix other;

	announcer_fini(&f->announcer);
	f->conf.bgp.peer_count = 2;
	announcer_init(&f->announcer, &f->conf, f->vips, (struct instant){ 1 });
	t = &announcer_find(&f->announcer, &f->any[1])->timeline;
	step(f, 2);
	cr_expect_eq(t->count, 0, "withdrawn it was from the beginning");
	f->vips[0].state = HEALTH_UP;
	announcer_step(&f->announcer, (struct instant){ 10 }, (struct instant){ 12 }, NULL, NULL);
	for (size_t i = 0; i < f->announcer.count; i++)
		change = announcer_sent(&f->announcer, 1, &f->announcer.items[i].prefix, true,
					(struct instant){ 15 });
	cr_expect_not_null(change);
	f->vips[0].state = HEALTH_DOWN;
	announcer_step(&f->announcer, (struct instant){ 20 }, (struct instant){ 21 }, NULL, NULL);
	change = announcer_sent(&f->announcer, 0, &f->any[1], false, (struct instant){ 25 });
	cr_assert_eq(t->count, 2);
	cr_expect_eq(change, &t->entries[1]);
	cr_expect_eq(t->entries[0].state, ANNOUNCE_ANNOUNCED);
	cr_expect_eq(t->entries[0].detected.ns, 10);
	cr_expect_eq(t->entries[0].decided.ns, 12);
	cr_expect_eq(t->entries[0].sent[0].ns, 0);
	cr_expect_eq(t->entries[0].sent[1].ns, 15);
	cr_expect_str_eq(t->entries[1].reason, "vip any is down: so it is");
	cr_expect_eq(t->entries[1].detected.ns, 20);
	cr_expect_eq(t->entries[1].sent[0].ns, 25);
	prefix_parse(&other, "198.51.100.0/24");
	cr_expect_null(announcer_sent(&f->announcer, 0, &other, true, (struct instant){ 30 }));
	fixture_free(f);
}

/* A second configuration of the fixture's, to go over to; its VIPs as they are now. */
struct next {
	struct prefix any[2];
	struct lb_vip_conf vip_confs[2];
	struct lb_conf conf;
	struct vip vips[2];
};

static struct next *next_new(const struct fixture *f)
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

static const char *reload(struct fixture *f, const struct next *next, int64_t ns)
{
	f->heard[0] = '\0';
	announcer_reload(&f->announcer, &next->conf, next->vips, (struct instant){ ns }, on_change,
			 f);
	return f->heard;
}

Test(announce, reload_of_the_same_is_nothing)
{
	struct fixture *f = fixture_new();
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	step(f, 2);
	next = next_new(f);
	cr_expect_str_eq(reload(f, next, 3), "");
	/* Nobody looks at the old ones any more. */
	memset(f->vip_confs, 0xa5, sizeof(f->vip_confs));
	memset(f->vips, 0xa5, sizeof(f->vips));
	cr_expect_str_eq(step(f, 4), "", "nor in the next step");
	cr_expect_eq(announcer_find(&f->announcer, &next->any[0])->since.ns, 2, "with its history");
	cr_expect_str_eq(announcer_find(&f->announcer, &next->any[0])->reason,
			 "vip any is up: so it is");
	fixture_free(f);
	free(next);
}

/* What is not in it any more is told once, what is new only when it is decided. */
Test(announce, reload_with_a_prefix_for_another)
{
	struct fixture *f = fixture_new();
	struct prefix gone = f->any[1];
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	step(f, 2);
	next = next_new(f);
	prefix_parse(&next->any[1], "198.18.7.0/24");
	cr_expect_str_eq(reload(f, next, 3), "-2001:db8:1000::/48 ");
	cr_expect_null(announcer_find(&f->announcer, &gone));
	cr_expect_str_eq(announcer_find(&f->announcer, &next->any[1])->reason,
			 "it is new in the configuration");
	cr_expect_str_eq(step(f, 4), "+198.18.7.0/24 ");
	fixture_free(f);
	free(next);
}

/* Withdrawn already: nobody has it to be told about. */
Test(announce, reload_without_a_prefix_that_was_withdrawn)
{
	struct fixture *f = fixture_new();
	struct next *next;

	step(f, 2);
	next = next_new(f);
	next->vip_confs[0].prefix_count = 1;
	cr_expect_str_eq(reload(f, next, 3), "");
	fixture_free(f);
	free(next);
}

Test(announce, reload_moves_a_prefix_to_another_vip)
{
	struct fixture *f = fixture_new();
	struct next *next;

	f->vips[0].state = f->vips[1].state = HEALTH_UP;
	step(f, 2);
	next = next_new(f);
	next->vip_confs[0].prefix_count = 1;
	next->vip_confs[1].prefixes = &next->any[1];
	cr_expect_str_eq(reload(f, next, 3), "-198.18.33.0/24 ");
	cr_expect_str_eq(step(f, 4), "", "announced all the while");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[1])->vip, &next->vips[1]);
	fixture_free(f);
	free(next);
}

/* The fixture with another beginning: begun is called before there is an announcer. */
static struct fixture *fixture_anew(void (*begun)(struct fixture *f))
{
	struct fixture *f = fixture_new();

	announcer_fini(&f->announcer);
	begun(f);
	announcer_init(&f->announcer, &f->conf, f->vips, (struct instant){ 1 });
	return f;
}

static void with_one_prefix(struct fixture *f)
{
	f->vip_confs[0].prefix_count = 1;
	f->vip_confs[0].hold_down =
		(struct hold_down_conf){ .min_up_ms = 500, .min_down_ms = 2000 };
}

/* It has been up for long enough, and so it is for all that it announces. */
Test(announce, reload_with_a_prefix_more)
{
	struct fixture *f = fixture_anew(with_one_prefix);
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	step_ms(f, 100);
	cr_assert_str_eq(step_ms(f, 600), "+198.18.0.0/24 ");
	next = next_new(f);
	next->vip_confs[0].prefix_count = 2;
	cr_expect_str_eq(reload(f, next, 700 * NS_PER_MS), "");
	cr_expect_str_eq(step_ms(f, 700), "+2001:db8:1000::/48 ");
	cr_expect_null(announcer_find_held(&f->announcer, &next->vips[0]));
	fixture_free(f);
	free(next);
}

Test(announce, reload_with_a_prefix_more_while_held_down)
{
	struct fixture *f = fixture_anew(with_one_prefix);
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	step_ms(f, 100);
	step_ms(f, 600);
	f->vips[0].state = HEALTH_DOWN;
	cr_assert_str_eq(step_ms(f, 1000), "-198.18.0.0/24 ");
	f->vips[0].state = HEALTH_UP;
	step_ms(f, 1100);
	next = next_new(f);
	next->vip_confs[0].prefix_count = 2;
	cr_expect_str_eq(reload(f, next, 2900 * NS_PER_MS), "");
	cr_expect_str_eq(step_ms(f, 2900), "");
	cr_expect_eq(f->next.ns, 3000 * NS_PER_MS);
	cr_expect_str_eq(step_ms(f, 3000), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	fixture_free(f);
	free(next);
}

static void with_two_verdicts(struct fixture *f)
{
	f->vip_confs[0].hold_down.min_up_ms = f->vip_confs[1].hold_down.min_up_ms = 500;
	f->vip_confs[1].announce = LB_ANNOUNCE_VERDICT;
}

Test(announce, reload_moves_a_prefix_from_a_vip_that_is_down_to_one_that_is_up)
{
	struct fixture *f = fixture_anew(with_two_verdicts);
	struct next *next;

	f->vips[0].state = HEALTH_UP;
	f->vips[1].state = HEALTH_DOWN;
	step_ms(f, 100);
	cr_assert_str_eq(step_ms(f, 600), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	next = next_new(f);
	next->any[1] = f->dns[0];
	next->vip_confs[1].prefix_count = 0;
	cr_expect_str_eq(reload(f, next, 700 * NS_PER_MS), "-2001:db8:1000::/48 ");
	cr_expect_str_eq(step_ms(f, 700), "+198.18.33.0/24 ");
	fixture_free(f);
	free(next);
}

/* Nothing holds down what no verdict withdraws. */
Test(announce, reload_from_verdict_to_always)
{
	struct fixture *f = fixture_new();
	struct next *next;

	f->vip_confs[0].hold_down.min_down_ms = 1000;
	f->vips[0].state = HEALTH_UP;
	step_ms(f, 1);
	f->vips[0].state = HEALTH_DOWN;
	cr_assert_str_eq(step_ms(f, 10), "-198.18.0.0/24 -2001:db8:1000::/48 ");
	next = next_new(f);
	next->vip_confs[0].announce = LB_ANNOUNCE_ALWAYS;
	cr_expect_str_eq(reload(f, next, 20 * NS_PER_MS), "");
	cr_expect_str_eq(step_ms(f, 20), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	fixture_free(f);
	free(next);
}

/* A step more or less of the ladder is news when the state is another, else the policy speaks. */
Test(announce, reload_with_another_ladder)
{
	struct lb_step_conf ladder[] = { { .healthy_below = 3 }, { .healthy_below = 2 } };
	struct fixture *f = fixture_new();
	struct next *next, *third;

	f->vips[0].state = HEALTH_UP;
	f->vips[0].up = 1;
	step(f, 2);
	next = next_new(f);
	next->vip_confs[0].ladder = ladder;
	next->vip_confs[0].step_count = 1;
	cr_expect_str_eq(reload(f, next, 3), "");
	cr_expect_str_eq(step(f, 4), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	third = next_new(f);
	memcpy(third->vip_confs, next->vip_confs, sizeof(third->vip_confs));
	third->vip_confs[0].step_count = 2;
	cr_expect_str_eq(reload(f, third, 5), "");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->policy, &ladder[0].policy);
	cr_expect_str_eq(step(f, 6), "~198.18.0.0/24 ~2001:db8:1000::/48 ", "a step further");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->policy, &ladder[1].policy);
	fixture_free(f);
	free(next);
	free(third);
}
