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
