/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/profile.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/testbed/small.h"

static bool is_network_pair(const struct topology *t, const struct topology_link *l)
{
	return !l->internal && t->nodes[l->end[0].node].kind == NODE_ROUTER &&
	       t->nodes[l->end[1].node].kind == NODE_ROUTER;
}

static bool has_pop(const struct topology *t, const struct topology_link *l)
{
	return t->nodes[l->end[0].node].kind == NODE_POP ||
	       t->nodes[l->end[1].node].kind == NODE_POP;
}

/* world as it is shipped, but for its profile and seed; its routers are FRR where that is asked. */
static struct topology *world(struct scenario **s, enum profile profile, uint64_t seed)
{
	*s = small_shipped("testbed/scenarios/world.json");
	(*s)->profile = profile;
	(*s)->seed = seed;
	return small_topology(*s);
}

static void world_free(struct topology *t, struct scenario *s)
{
	topology_free(t);
	scenario_free(s);
}

Test(profile, ideal_waits_for_nothing)
{
	struct scenario *s;
	struct topology *t = world(&s, PROFILE_IDEAL, 1);

	for (size_t i = 0; i < t->link_count; i++) {
		for (unsigned e = 0; e < 2; e++) {
			cr_expect_eq(t->links[i].end[e].mrai_s, 0);
			cr_expect_eq(t->links[i].end[e].bgp_delay_ms, 0);
		}
	}
	world_free(t, s);
}

Test(profile, internet_by_kind_of_session)
{
	struct scenario *s;
	struct topology *t = world(&s, PROFILE_INTERNET, 7);
	size_t sessions = 0, waiting = 0, least = 0, most = 0;

	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];

		sessions += is_network_pair(t, l);
		waiting += l->end[0].mrai_s > 0;
		for (unsigned e = 0; e < 2; e++) {
			const struct topology_end *end = &l->end[e];

			cr_expect_eq(end->mrai_s > 0, l->end[0].mrai_s > 0, "both ends or none");
			if (!is_network_pair(t, l))
				cr_expect_eq(end->mrai_s, 0);
			else if (end->mrai_s > 0)
				cr_expect(end->mrai_s >= 23 && end->mrai_s <= 30, "%u",
					  end->mrai_s);
			if (!is_network_pair(t, l) && !has_pop(t, l)) {
				cr_expect_eq(end->bgp_delay_ms, 0, "no session here");
				continue;
			}
			cr_expect(end->bgp_delay_ms >= 50 && end->bgp_delay_ms <= 500);
			least += end->bgp_delay_ms < 150;
			most += end->bgp_delay_ms > 400;
		}
	}
	cr_assert_gt(sessions, 20);
	cr_expect_eq(waiting, (sessions + 1) / 2);
	cr_expect(least > 0 && most > 0, "the whole range is drawn from");
	world_free(t, s);
}

static size_t differences(const struct topology *a, const struct topology *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->link_count; i++)
		n += a->links[i].end[0].mrai_s != b->links[i].end[0].mrai_s ||
		     a->links[i].end[0].bgp_delay_ms != b->links[i].end[0].bgp_delay_ms;
	return n;
}

/* The wire between a rack's edge and its lb is inside the pop. */
Test(profile, a_rack_is_slow_at_its_edge)
{
	struct scenario *s = small_scenario(
		EDITS({ "profile", "\"internet\"" }, { "pops/1/shape", "\"rack\"" }));
	struct topology *t = small_topology(s);
	size_t outside = 0, inside = 0, edge = small_node(t, "p2-edge");

	for (size_t i = 0; i < t->nodes[edge].link_count; i++) {
		const struct topology_link *l = &t->links[t->nodes[edge].links[i]];
		bool lan = has_pop(t, l);

		inside += lan;
		outside += !lan;
		for (unsigned e = 0; e < 2; e++) {
			cr_expect_eq(l->end[e].mrai_s, 0);
			cr_expect_eq(l->end[e].bgp_delay_ms > 0, !lan);
		}
	}
	cr_expect_eq(inside, 1);
	cr_expect_eq(outside, 1);
	topology_free(t);
	scenario_free(s);
}

Test(profile, the_seed_decides)
{
	struct scenario *s[3];
	struct topology *one = world(&s[0], PROFILE_INTERNET, 1);
	struct topology *again = world(&s[1], PROFILE_INTERNET, 1);
	struct topology *other = world(&s[2], PROFILE_INTERNET, 2);

	cr_expect_eq(differences(one, again), 0);
	cr_expect_gt(differences(one, other), 20);
	world_free(one, s[0]);
	world_free(again, s[1]);
	world_free(other, s[2]);
}
