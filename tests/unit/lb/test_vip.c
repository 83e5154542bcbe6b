/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/vip.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct lb_origin_conf confs[3] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
static size_t indices[] = { 0, 2 };

/* Origins by letter: u up, d down (as "refused"), ? unknown. */
static void set(struct lb_origin *origins, const char *states)
{
	for (size_t i = 0; i < 3; i++) {
		origins[i] = (struct lb_origin){ .conf = &confs[i] };
		origins[i].state = states[i] == 'u'   ? HEALTH_UP
				   : states[i] == 'd' ? HEALTH_DOWN
						      : HEALTH_UNKNOWN;
		if (states[i] == 'd')
			strcpy(origins[i].reason, "refused");
	}
}

/* The VIP has origins a and c; what b does is nothing to it. */
static const struct {
	const char *name, *states;
	unsigned min_healthy;
	enum health expected;
	const char *reason;
} rows[] = {
	{ "all up", "udu", 1, HEALTH_UP, "2 of 2 origins up, 1 needed" },
	{ "enough up", "udd", 1, HEALTH_UP, "1 of 2 origins up, 1 needed; origin c: refused" },
	{ "too few up", "uud", 2, HEALTH_DOWN, "1 of 2 origins up, 2 needed; origin c: refused" },
	{ "none up", "dud", 1, HEALTH_DOWN, "0 of 2 origins up, 1 needed; origin a: refused" },
	{ "nothing known", "?u?", 1, HEALTH_UNKNOWN,
	  "0 of 2 origins up, 1 needed; origin a: not checked yet" },
	{ "one could still come", "?ud", 1, HEALTH_UNKNOWN,
	  "0 of 2 origins up, 1 needed; origin c: refused" },
	{ "cannot become enough", "?ud", 2, HEALTH_DOWN,
	  "0 of 2 origins up, 2 needed; origin c: refused" },
	{ "enough already", "u??", 1, HEALTH_UP,
	  "1 of 2 origins up, 1 needed; origin c: not checked yet" },
};

Test(vip, folds_its_origins)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct lb_vip_conf conf = { .name = "v",
						  .origins = indices,
						  .origin_count = 2,
						  .min_healthy = rows[i].min_healthy };
		struct lb_origin origins[3];
		struct vip vip;

		set(origins, rows[i].states);
		vip_init(&vip, &conf, origins, (struct instant){ 1 });
		cr_expect_eq(vip.state, rows[i].expected, "%s", rows[i].name);
		cr_expect_str_eq(vip.reason, rows[i].reason, "%s: '%s'", rows[i].name, vip.reason);
	}
}

Test(vip, tells_of_changes_only)
{
	const struct lb_vip_conf conf = {
		.name = "v", .origins = indices, .origin_count = 2, .min_healthy = 1
	};
	struct lb_origin origins[3];
	struct vip vip;

	set(origins, "???");
	vip_init(&vip, &conf, origins, (struct instant){ 1 });
	set(origins, "u??");
	cr_expect(vip_step(&vip, origins, (struct instant){ 2 }));
	set(origins, "u?u");
	cr_expect_not(vip_step(&vip, origins, (struct instant){ 3 }));
	cr_expect_eq(vip.since.ns, 2);
	cr_expect_eq(vip.up, 2);
	set(origins, "d?d");
	cr_expect(vip_step(&vip, origins, (struct instant){ 4 }));
	cr_expect_eq(vip.state, HEALTH_DOWN);
	cr_expect_eq(vip.since.ns, 4);
	cr_expect(vip_has_origin(&vip, 2));
	cr_expect_not(vip_has_origin(&vip, 1));
}

/* A reload: other origins for a VIP that is up. It goes down only once they have answered so. */
Test(vip, stays_up_until_new_origins_have_answered)
{
	const struct lb_vip_conf conf = {
		.name = "v", .origins = indices, .origin_count = 2, .min_healthy = 1
	};
	struct lb_vip_conf next = conf;
	struct lb_origin origins[3];
	struct vip vip, before;

	set(origins, "u?u");
	vip_init(&before, &conf, origins, (struct instant){ 1 });
	set(origins, "???");
	vip_follow(&vip, &next, &before);
	cr_expect_not(vip_step(&vip, origins, (struct instant){ 2 }));
	cr_expect(vip.state == HEALTH_UP && vip.kept);
	cr_expect_eq(vip.since.ns, 1);
	cr_expect_eq(vip.conf, &next);
	vip_note(&vip, origins);
	cr_expect_str_eq(vip.reason, "0 of 2 origins up, 1 needed; origin a: not checked yet; up "
				     "as before the reload until all have answered");
	set(origins, "d??");
	cr_expect_not(vip_step(&vip, origins, (struct instant){ 3 }), "c may still come");
	set(origins, "d?d");
	cr_expect(vip_step(&vip, origins, (struct instant){ 4 }));
	cr_expect(vip.state == HEALTH_DOWN && !vip.kept);
	vip_note(&vip, origins);
	cr_expect_str_eq(vip.reason, "0 of 2 origins up, 1 needed; origin a: refused");

	/* Enough of them: from then on it stands on its own. */
	set(origins, "??u");
	vip_follow(&vip, &next, &before);
	vip_step(&vip, origins, (struct instant){ 5 });
	cr_expect_not(vip.kept);
	set(origins, "??d");
	cr_expect(vip_step(&vip, origins, (struct instant){ 6 }));
	cr_expect_eq(vip.state, HEALTH_DOWN);

	/* Down is not kept, and what cannot come is not waited for. */
	vip_follow(&before, &next, &vip);
	set(origins, "???");
	cr_expect_not(vip_step(&before, origins, (struct instant){ 7 }));
	cr_expect_eq(before.state, HEALTH_DOWN);
}

/* A prefix that came from a VIP that announced it. */
Test(vip, presumed_up_only_where_that_is_what_announces)
{
	struct lb_vip_conf conf = {
		.name = "v", .origins = indices, .origin_count = 2, .min_healthy = 1
	};
	struct lb_origin origins[3];
	struct vip vip;

	set(origins, "???");
	vip_init(&vip, &conf, origins, (struct instant){ 1 });
	vip_presume(&vip, (struct instant){ 2 });
	vip_step(&vip, origins, (struct instant){ 2 });
	cr_expect_eq(vip.state, HEALTH_UP);
	conf.announce = LB_ANNOUNCE_ALWAYS;
	vip_init(&vip, &conf, origins, (struct instant){ 1 });
	vip_presume(&vip, (struct instant){ 2 });
	cr_expect_eq(vip.state, HEALTH_UNKNOWN, "DNS acts on its verdict");
	set(origins, "d?d");
	conf.announce = LB_ANNOUNCE_VERDICT;
	vip_init(&vip, &conf, origins, (struct instant){ 1 });
	vip_presume(&vip, (struct instant){ 2 });
	cr_expect_eq(vip.state, HEALTH_DOWN);
}
