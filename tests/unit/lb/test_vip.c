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

/* Plane xdp: who would get no new flow is of no use to a VIP. */
Test(vip, counts_who_takes_users)
{
	static const struct {
		const char *name, *states;
		struct vip_share a, c;
		const char *obstacle; /* before a */
		bool is_settling;
		enum health expected;
		const char *reason;
	} cases[] = {
		{ "one drains",
		  "u?u",
		  { 100, true },
		  { 1, false },
		  NULL,
		  false,
		  HEALTH_UP,
		  "1 of 2 origins up, 1 needed; origin a: it drains" },
		{ "none takes",
		  "u?u",
		  { 100, true },
		  { 0, false },
		  NULL,
		  false,
		  HEALTH_DOWN,
		  "0 of 2 origins up, 1 needed; origin a: it drains" },
		{ "no weight",
		  "u?u",
		  { 1, false },
		  { 0, false },
		  NULL,
		  false,
		  HEALTH_UP,
		  "1 of 2 origins up, 1 needed; origin c: it has no weight" },
		{ "down is worse",
		  "u?d",
		  { 0, false },
		  { 1, false },
		  NULL,
		  false,
		  HEALTH_DOWN,
		  "0 of 2 origins up, 1 needed; origin c: refused" },
		{ "no way there",
		  "u?d",
		  { 1, false },
		  { 1, false },
		  "far away",
		  false,
		  HEALTH_DOWN,
		  "0 of 2 origins up, 1 needed; origin a: far away" },
		{ "no way yet",
		  "u?d",
		  { 1, false },
		  { 1, false },
		  "asked",
		  true,
		  HEALTH_UNKNOWN,
		  "0 of 2 origins up, 1 needed; origin c: refused" },
		{ "not worth waiting for",
		  "??d",
		  { 1, true },
		  { 1, false },
		  NULL,
		  false,
		  HEALTH_DOWN,
		  "0 of 2 origins up, 1 needed; origin c: refused" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lb_vip_conf conf = {
			.name = "v", .origins = indices, .origin_count = 2, .min_healthy = 1
		};
		struct lb_origin origins[3];
		struct vip vip;

		set(origins, "???");
		vip_init(&vip, &conf, origins, (struct instant){ 1 });
		cr_assert_eq(vip.shares[1].weight, LB_WEIGHT_DEFAULT);
		set(origins, cases[i].states);
		origins[0].obstacle = cases[i].obstacle;
		origins[0].is_settling = cases[i].is_settling;
		vip.shares[0] = cases[i].a;
		vip.shares[1] = cases[i].c;
		vip_step(&vip, origins, (struct instant){ 2 });
		vip_note(&vip, origins);
		cr_expect_eq(vip.state, cases[i].expected, "%s", cases[i].name);
		cr_expect_str_eq(vip.reason, cases[i].reason, "%s: '%s'", cases[i].name,
				 vip.reason);
	}
}

/* A reload: what has been told by hand stays, unless the configuration says something new. */
Test(vip, keeps_its_shares)
{
	struct lb_origin_conf names[] = { { .name = "x" }, { .name = "a" }, { .name = "c" } };
	uint32_t weights[] = { 10, 20 }, next_weights[] = { 20, 30, 10 };
	size_t next_indices[] = { 2, 0, 1 };
	struct lb_conf old = { .origin_count = 3 }, new = { .origins = names, .origin_count = 3 };
	const struct lb_vip_conf conf = { .name = "v",
					  .origins = indices,
					  .weights = weights,
					  .origin_count = 2,
					  .min_healthy = 1 };
	const struct lb_vip_conf next = { .name = "v",
					  .origins = next_indices,
					  .weights = next_weights,
					  .origin_count = 3,
					  .min_healthy = 1 };
	struct lb_origin_conf old_names[] = { confs[0], confs[1], confs[2] };
	struct lb_origin origins[3];
	struct vip before, vip;

	old.origins = old_names;
	set(origins, "uuu");
	vip_init(&before, &conf, origins, (struct instant){ 1 });
	before.shares[0] = (struct vip_share){ 5, true };
	before.shares[1] = (struct vip_share){ 0, false };
	vip_follow(&vip, &next, &before);
	vip_shares_keep(&vip, &new, &before, &old);
	cr_expect(vip.shares[0].weight == 0 && !vip.shares[0].drain, "c as it was told");
	cr_expect(vip.shares[1].weight == 30 && !vip.shares[1].drain, "x as configured");
	cr_expect(vip.shares[2].weight == 5 && vip.shares[2].drain, "a as it was told");
	next_weights[2] = 11;
	vip_follow(&vip, &next, &before);
	vip_shares_keep(&vip, &new, &before, &old);
	cr_expect(vip.shares[2].weight == 11 && !vip.shares[2].drain, "a as configured anew");
}
