/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/announce.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/lb/announce/announce_rig.h"

/* The reason of the first prefix of "any" at this time. */
static const char *reason(struct announce_rig *f, int64_t ms)
{
	return announcement_reason(announcer_find(&f->announcer, &f->any[0]),
				   (struct instant){ ms * NS_PER_MS }, f->reason);
}

Test(announce, life_of_a_pop)
{
	struct announce_rig *f = announce_rig_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	cr_expect_str_eq(any->reason, "the daemon is starting");
	cr_expect_str_eq(announce_rig_step(f, 2), "+10.200.1.0/24 +198.18.33.0/24 ");
	cr_expect_str_eq(any->reason, "vip any has no verdict yet: so it is");
	cr_expect_not(announcer_has_vip(&f->announcer, &f->vips[0]));

	f->vips[0].state = HEALTH_UP;
	cr_expect_str_eq(announce_rig_step(f, 3), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_str_eq(any->reason, "vip any is up: so it is");
	cr_expect_str_eq(announce_rig_step(f, 4), "", "nothing has changed");
	cr_expect_eq(any->since.ns, 3);
	cr_expect(announcer_has_vip(&f->announcer, &f->vips[0]));

	/* The verdict on both falls: only the one that follows it goes. */
	f->vips[0].state = f->vips[1].state = HEALTH_DOWN;
	cr_expect_str_eq(announce_rig_step(f, 5), "-198.18.0.0/24 -2001:db8:1000::/48 ");
	cr_expect_str_eq(any->reason, "vip any is down: so it is");
	cr_expect_str_eq(announcer_find(&f->announcer, &f->dns[0])->reason,
			 "vip dns is announced while the daemon lives, whatever its verdict");

	/* The reason follows while the state lasts. */
	strcpy(f->vips[0].reason, "worse");
	cr_expect_str_eq(announce_rig_step(f, 6), "");
	cr_expect_str_eq(any->reason, "vip any is down: worse");
	cr_expect_eq(any->since.ns, 5);

	f->vips[0].state = HEALTH_UP;
	announcer_stop(&f->announcer);
	cr_expect_str_eq(announce_rig_step(f, 7), "-10.200.1.0/24 -198.18.33.0/24 ",
			 "the healthy one stays out");
	cr_expect_str_eq(any->reason, "the daemon is stopping");
	announce_rig_free(f);
}

Test(announce, not_without_its_addresses)
{
	struct announce_rig *f = announce_rig_new();

	for (size_t i = 0; i < f->announcer.count; i++)
		f->announcer.items[i].missing =
			prefix_equal(&f->announcer.items[i].prefix, &f->any[1]);
	announce_rig_step(f, 2);
	cr_expect_str_eq(announcer_find(&f->announcer, &f->any[1])->reason,
			 "vip any has no verdict yet: so it is", "the first reason counts");
	f->vips[0].state = HEALTH_UP;
	cr_expect_str_eq(announce_rig_step(f, 3), "+198.18.0.0/24 ");
	cr_expect_str_eq(announcer_find(&f->announcer, &f->any[1])->reason,
			 "vip any: an address in it cannot be put on this machine");
	f->announcer.items[2].missing = false;
	f->announcer.items[3].missing = true;
	cr_expect_str_eq(announce_rig_step(f, 4), "+2001:db8:1000::/48 -198.18.33.0/24 ",
			 "nor always");
	announce_rig_free(f);
}

/* Three origins lost one by one and found again, with a step for each. */
Test(announce, ladder)
{
	struct announce_rig *f = announce_rig_new();
	struct lb_step_conf ladder[] = { { .healthy_below = 3 }, { .healthy_below = 2 } };
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);
	struct vip *vip = &f->vips[0];

	f->vip_confs[0].ladder = ladder;
	f->vip_confs[0].step_count = 2;
	vip->state = HEALTH_UP;
	vip->up = 1;
	vip->unknown = 2;
	announce_rig_step(f, 2);
	cr_expect_eq(any->state, ANNOUNCE_ANNOUNCED, "what is not known yet is no reason");
	vip->unknown = 0;
	vip->up = 3;
	cr_expect_str_eq(announce_rig_step(f, 3), "");
	vip->up = 2;
	cr_expect_str_eq(announce_rig_step(f, 4), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	cr_expect_eq(any->policy, &ladder[0].policy);
	cr_expect_str_eq(any->reason, "vip any is up: so it is; step 1 of its ladder: fewer than 3 "
				      "origins are healthy");
	cr_expect_str_eq(announce_rig_step(f, 5), "", "nothing has changed");
	vip->up = 1;
	cr_expect_str_eq(announce_rig_step(f, 6), "~198.18.0.0/24 ~2001:db8:1000::/48 ",
			 "a step further");
	cr_expect_eq(any->policy, &ladder[1].policy);
	cr_expect_eq(any->since.ns, 6);
	cr_expect(announcer_has_vip(&f->announcer, vip));
	vip->up = 0;
	vip->state = HEALTH_DOWN;
	cr_expect_str_eq(announce_rig_step(f, 7), "-198.18.0.0/24 -2001:db8:1000::/48 ");
	vip->up = 3;
	vip->state = HEALTH_UP;
	cr_expect_str_eq(announce_rig_step(f, 8), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_eq(any->policy, any->base);
	announce_rig_free(f);
}

Test(announce, drains_before_it_withdraws)
{
	struct announce_rig *f = announce_rig_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	f->vips[0].state = HEALTH_UP;
	announce_rig_step(f, 2);
	announcer_drain(&f->announcer, ANNOUNCER_DEPREFERS);
	cr_expect_str_eq(announce_rig_step(f, 3),
			 "~198.18.0.0/24 ~2001:db8:1000::/48 ~198.18.33.0/24 ",
			 "the VIPs', not the identity by which it is reached");
	cr_expect_eq(any->policy->communities[0], BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	cr_expect_str_eq(announce_rig_step(f, 4), "", "once");
	f->vips[0].state = HEALTH_DOWN;
	cr_expect_str_eq(announce_rig_step(f, 5), "-198.18.0.0/24 -2001:db8:1000::/48 ",
			 "verdicts still count");
	announcer_stop(&f->announcer);
	cr_expect_str_eq(announce_rig_step(f, 6), "-10.200.1.0/24 -198.18.33.0/24 ");
	announce_rig_free(f);
}

Test(announce, drained_it_withdraws_and_all_comes_back)
{
	struct announce_rig *f = announce_rig_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	f->vips[0].state = HEALTH_UP;
	announce_rig_step(f, 2);
	announcer_drain(&f->announcer, ANNOUNCER_DEPREFERS);
	announce_rig_step(f, 3);
	announcer_drain(&f->announcer, ANNOUNCER_WITHDRAWS);
	cr_expect_str_eq(announce_rig_step(f, 4),
			 "-198.18.0.0/24 -2001:db8:1000::/48 -198.18.33.0/24 ",
			 "also what is announced whatever its verdict");
	cr_expect_not_null(strstr(any->reason, "draining"));
	announcer_drain(&f->announcer, ANNOUNCER_PREFERS);
	cr_expect_str_eq(announce_rig_step(f, 5),
			 "+198.18.0.0/24 +2001:db8:1000::/48 +198.18.33.0/24 ", "not held down");
	cr_expect_eq(any->policy, any->base);
	announcer_drain(&f->announcer, ANNOUNCER_DEPREFERS);
	cr_expect_str_eq(announce_rig_step(f, 6),
			 "~198.18.0.0/24 ~2001:db8:1000::/48 ~198.18.33.0/24 ");
	announcer_drain(&f->announcer, ANNOUNCER_PREFERS);
	cr_expect_str_eq(announce_rig_step(f, 7),
			 "+198.18.0.0/24 +2001:db8:1000::/48 +198.18.33.0/24 ", "half way");
	announce_rig_free(f);
}

Test(announce, finds_by_prefix)
{
	struct announce_rig *f = announce_rig_new();
	struct prefix other;

	prefix_parse(&other, "198.18.0.0/23");
	cr_expect_null(announcer_find(&f->announcer, &other));
	cr_expect_eq(announcer_find(&f->announcer, &f->dns[0])->vip, &f->vips[1]);
	cr_expect_null(announcer_find(&f->announcer, &f->identity[0])->vip);
	announce_rig_free(f);
}

/* A VIP that flaps: withdrawn at once each time, announced again later and later. */
Test(announce, holds_down_what_flaps)
{
	struct announce_rig *f = announce_rig_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);
	struct vip *vip = &f->vips[0];

	f->vip_confs[0].hold_down =
		(struct hold_down_conf){ .initial_ms = 1000, .max_ms = 8000, .decay_ms = 60000 };
	vip->state = HEALTH_UP;
	announce_rig_step_ms(f, 1);
	cr_expect_eq(f->next.ns, INSTANT_NEVER.ns);
	vip->state = HEALTH_DOWN;
	cr_expect_str_eq(announce_rig_step_ms(f, 100), "-198.18.0.0/24 -2001:db8:1000::/48 ",
			 "at once");
	cr_expect_str_eq(reason(f, 100),
			 "vip any is down: so it is; held down for another 1.0 s (flap 1)");
	cr_expect_not(announcement_is_held(any), "nobody wants it otherwise");
	cr_expect_null(announcer_find_held(&f->announcer, vip));
	vip->state = HEALTH_UP;
	cr_expect_str_eq(announce_rig_step_ms(f, 200), "");
	cr_expect_eq(f->next.ns, 1100 * NS_PER_MS);
	cr_expect(announcement_is_held(any));
	cr_expect_eq(announcer_find_held(&f->announcer, vip), any);
	cr_expect_str_eq(reason(f, 300),
			 "vip any is up: so it is; held down for another 0.8 s (flap 1)");
	cr_expect_str_eq(announce_rig_step_ms(f, 1100), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_str_eq(reason(f, 1100), "vip any is up: so it is");
	cr_expect_eq(f->next.ns, 61100 * NS_PER_MS, "to forget the flap");
	for (int i = 2; i <= 4; i++) {
		vip->state = HEALTH_DOWN;
		announce_rig_step_ms(f, 10000 * i);
		vip->state = HEALTH_UP;
		cr_expect_str_eq(announce_rig_step_ms(f, 10000 * i + 1), "");
		cr_expect_eq(f->next.ns, (10000 * i + (1000 << (i - 1))) * NS_PER_MS);
		if (i < 4)
			announce_rig_step(f, f->next.ns);
	}
	cr_expect_str_eq(reason(f, 44800),
			 "vip any is up: so it is; held down for another 3.2 s (flap 4)");
	announce_rig_free(f);
}

Test(announce, waits_until_it_has_been_up_for_long)
{
	struct announce_rig *f = announce_rig_new();

	f->vip_confs[0].hold_down.min_up_ms = 500;
	f->vip_confs[1].hold_down.min_up_ms = 500;
	f->vips[0].state = HEALTH_UP;
	cr_expect_str_eq(announce_rig_step_ms(f, 100), "+10.200.1.0/24 +198.18.33.0/24 ",
			 "neither the identity nor what is announced always waits");
	cr_expect_str_eq(reason(f, 200),
			 "vip any is up: so it is; it has to stay so for another 0.4 s first");
	f->vips[0].state = HEALTH_DOWN;
	cr_expect_str_eq(announce_rig_step_ms(f, 300), "");
	cr_expect_eq(f->next.ns, INSTANT_NEVER.ns);
	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 400);
	cr_expect_str_eq(announce_rig_step(f, f->next.ns), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->since.ns, 900 * NS_PER_MS);
	cr_expect_eq(announcer_find(&f->announcer, &f->any[0])->detected.ns, 400 * NS_PER_MS);
	announce_rig_free(f);
}

/* What comes from elsewhere is not held down, and does not end what is. */
Test(announce, holds_down_only_what_the_verdict_says)
{
	struct announce_rig *f = announce_rig_new();
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);

	f->vip_confs[0].hold_down.min_down_ms = 1000;
	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 1);
	f->announcer.items[1].missing = true;
	cr_expect_str_eq(announce_rig_step_ms(f, 10), "-198.18.0.0/24 ");
	cr_expect_str_eq(reason(f, 10), "vip any: an address in it cannot be put on this machine");
	f->announcer.items[1].missing = false;
	cr_expect_str_eq(announce_rig_step_ms(f, 11), "+198.18.0.0/24 ", "at once");
	f->vips[0].state = HEALTH_DOWN;
	announce_rig_step_ms(f, 20);
	f->vips[0].state = HEALTH_UP;
	announce_rig_step_ms(f, 30);
	cr_expect_str_eq(reason(f, 30), "vip any is up: so it is; held down for another 1.0 s");
	f->announcer.items[1].missing = true;
	announce_rig_step_ms(f, 40);
	cr_expect_not(announcement_is_held(any), "there is a stronger reason");
	cr_expect_str_eq(announce_rig_step_ms(f, 1020), "+2001:db8:1000::/48 ");
	announcer_stop(&f->announcer);
	announce_rig_step_ms(f, 1030);
	cr_expect_eq(f->next.ns, INSTANT_NEVER.ns);
	cr_expect_str_eq(reason(f, 1030), "the daemon is stopping");
	announce_rig_free(f);
}

Test(announce, holds_on_to_a_step_of_the_ladder)
{
	struct announce_rig *f = announce_rig_new();
	struct lb_step_conf ladder[] = { { .healthy_below = 3 }, { .healthy_below = 2 } };
	const struct announcement *any = announcer_find(&f->announcer, &f->any[0]);
	struct vip *vip = &f->vips[0];

	f->vip_confs[0].ladder = ladder;
	f->vip_confs[0].step_count = 2;
	f->vip_confs[0].hold_down.min_down_ms = 1000;
	vip->state = HEALTH_UP;
	vip->up = 3;
	announce_rig_step_ms(f, 1);
	vip->up = 2;
	cr_expect_str_eq(announce_rig_step_ms(f, 10), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	vip->up = 3;
	cr_expect_str_eq(announce_rig_step_ms(f, 20), "");
	cr_expect_eq(any->policy, &ladder[0].policy);
	cr_expect_str_eq(reason(f, 510), "vip any is up: so it is; still step 1 of its ladder; "
					 "held down for another 0.5 s");
	cr_expect_str_eq(announce_rig_step_ms(f, 1010), "+198.18.0.0/24 +2001:db8:1000::/48 ");
	vip->up = 1;
	cr_expect_str_eq(announce_rig_step_ms(f, 2000), "~198.18.0.0/24 ~2001:db8:1000::/48 ");
	f->vip_confs[0].step_count = 1;
	vip->up = 2;
	announce_rig_step_ms(f, 2001);
	cr_expect_eq(any->policy, &ladder[0].policy, "the ladder has become shorter meanwhile");
	announce_rig_free(f);
}

Test(announce, timeline)
{
	struct announce_rig *f = announce_rig_new();
	const struct timeline *t = &announcer_find(&f->announcer, &f->any[1])->timeline;
	const struct timeline_entry *change;
	struct prefix other;

	announcer_fini(&f->announcer);
	f->conf.bgp.peer_count = 2;
	announcer_init(&f->announcer, &f->conf, f->vips, (struct instant){ 1 });
	t = &announcer_find(&f->announcer, &f->any[1])->timeline;
	announce_rig_step(f, 2);
	cr_expect_eq(t->count, 0, "withdrawn it was from the beginning");
	f->vips[0].state = HEALTH_UP;
	announcer_step(&f->announcer, (struct instant){ 10 }, (struct instant){ 12 }, NULL, NULL);
	announcer_note(&f->announcer);
	for (size_t i = 0; i < f->announcer.count; i++)
		change = announcer_sent(&f->announcer, 1, &f->announcer.items[i].prefix, true,
					(struct instant){ 15 });
	cr_expect_not_null(change);
	f->vips[0].state = HEALTH_DOWN;
	announcer_step(&f->announcer, (struct instant){ 20 }, (struct instant){ 21 }, NULL, NULL);
	announcer_note(&f->announcer);
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
	announce_rig_free(f);
}
