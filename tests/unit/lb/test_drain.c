/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/drain.h"

#include <criterion/criterion.h>

#define LINGER_MS 2000

/* Two VIPs in virtual time. */
struct rig {
	struct drain d;
	struct instant now;
	uint64_t counts[2];
};

static struct rig rig_new(unsigned deadline_ms)
{
	struct rig r = { .now = { 1000 * NS_PER_S } };

	drain_begin(&r.d, 2, deadline_ms, LINGER_MS, r.now);
	return r;
}

/* For so long this many come per step for each; true when the phase has changed, which ends it. */
static bool pass(struct rig *r, unsigned ms, unsigned first, unsigned second, bool told)
{
	for (unsigned i = 0; i < ms / DRAIN_STEP_MS; i++) {
		r->now = instant_after_ms(r->now, DRAIN_STEP_MS);
		r->counts[0] += first;
		r->counts[1] += second;
		if (drain_step(&r->d, r->counts, told, r->now)) {
			r->counts[0] = r->counts[1] = 0;
			return true;
		}
	}
	return false;
}

static int64_t ms_since_begin(const struct rig *r, struct instant at)
{
	return (at.ns - r->d.begun.ns) / NS_PER_MS;
}

Test(drain, users_leave_and_nobody_comes_any_more)
{
	struct rig r = rig_new(30000);

	cr_expect_eq(r.d.phase, DRAIN_DEPREFERRED);
	cr_expect_not(pass(&r, 700, 100, 50, true), "they do not know yet");
	cr_expect_not(pass(&r, 900, 0, 0, true), "not a whole second");
	cr_expect(pass(&r, 100, 0, 0, true));
	cr_expect_eq(r.d.phase, DRAIN_WITHDRAWN);
	cr_expect_eq(ms_since_begin(&r, r.d.withdrawn), 1700);
	cr_expect_not(r.d.late);
	cr_expect_eq(r.d.flows[0].busiest, 700);
	cr_expect_eq(r.d.flows[0].now, 0);
	/* Stragglers, and then the silence that is asked for. */
	cr_expect_not(pass(&r, 5000, 1, 0, true));
	cr_expect_not(pass(&r, LINGER_MS - DRAIN_STEP_MS, 0, 0, true));
	cr_expect(pass(&r, DRAIN_STEP_MS, 0, 0, true));
	cr_expect_eq(r.d.phase, DRAIN_DRAINED);
	cr_expect_eq(r.d.drained.ns, r.now.ns);
	cr_expect_not(pass(&r, 10000, 9, 9, true), "it is");
	drain_undo(&r.d);
	cr_expect_eq(r.d.phase, DRAIN_NONE);
	cr_expect_not(drain_step(&r.d, NULL, true, r.now));
}

struct share_row {
	const char *name;
	unsigned before, after; /* per step */
	bool moved;
};

/* clang-format off */
static const struct share_row share_rows[] = {
	{ "one in a hundred",          100, 1,  false },
	{ "fewer",                     101, 1,  true },
	{ "all stay",                  100, 100, false },
	{ "a transit does not listen", 100, 20, false },
	{ "nobody was ever here",      0,   0,  true },
};
/* clang-format on */

Test(drain, moved_is_less_than_one_in_a_hundred)
{
	for (size_t i = 0; i < sizeof(share_rows) / sizeof(share_rows[0]); i++) {
		const struct share_row *row = &share_rows[i];
		struct rig r = rig_new(60000);
		bool moved = pass(&r, 1000, row->before, 0, true) ||
			     pass(&r, 20000, row->after, 0, true);

		cr_expect_eq(moved, row->moved, "%s", row->name);
		drain_undo(&r.d);
	}
}

Test(drain, the_deadline_ends_the_waiting)
{
	struct rig r = rig_new(3000);

	cr_expect_not(pass(&r, 2900, 100, 0, true));
	cr_expect(pass(&r, 100, 100, 0, true));
	cr_expect_eq(r.d.phase, DRAIN_WITHDRAWN);
	cr_expect(r.d.late);
	cr_expect_eq(r.d.flows[0].busiest, 1000);
	drain_undo(&r.d);
	r = rig_new(0);
	cr_expect(pass(&r, 100, 0, 0, true), "at once");
	cr_expect(r.d.late, "which is not to know that they have gone");
	drain_undo(&r.d);
}

Test(drain, every_vip_counts)
{
	struct rig r = rig_new(30000);

	cr_expect_not(pass(&r, 5000, 0, 10, true), "the second has users");
	cr_expect(pass(&r, 1100, 0, 0, true));
	drain_undo(&r.d);
}

/* Nobody can leave who has not heard of it. */
Test(drain, what_peers_do_not_know_yet_takes_no_effect)
{
	struct rig r = rig_new(30000);

	cr_expect_not(pass(&r, 5000, 0, 0, false));
	cr_expect_not(pass(&r, 900, 0, 0, true));
	cr_expect(pass(&r, 100, 0, 0, true));
	cr_expect_not(pass(&r, 3 * LINGER_MS, 0, 0, false), "a route leads here still");
	cr_expect_not(pass(&r, LINGER_MS - DRAIN_STEP_MS, 0, 0, true));
	cr_expect(pass(&r, DRAIN_STEP_MS, 0, 0, true));
	drain_undo(&r.d);
}

Test(drain, what_cannot_be_counted_is_not_taken_for_nothing)
{
	struct rig r = rig_new(3000);

	r.d.flows[1].unknown = true;
	cr_expect_not(pass(&r, 2900, 0, 0, true));
	cr_expect(pass(&r, 100, 0, 0, true));
	cr_expect(r.d.late);
	cr_expect_not(pass(&r, 10 * LINGER_MS, 0, 0, true));
	cr_expect_eq(r.d.phase, DRAIN_WITHDRAWN);
	drain_undo(&r.d);
}

Test(drain, phases_have_names)
{
	static const char *const names[] = { "none", "depreferred", "withdrawn", "drained" };

	for (enum drain_phase p = DRAIN_NONE; p <= DRAIN_DRAINED; p++)
		cr_expect_str_eq(drain_phase_name(p), names[p]);
}
