/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/uplinks.h"

#include <criterion/criterion.h>

#include "tests/unit/testbed/small.h"

/* Of the small scenario: two wires; an identity, A_0 and the own prefix of GeoDNS on each. */
#define WAYS (2 * 2 * (1 + 1 + 1))

struct rig {
	struct scenario *s;
	struct topology *t;
	struct uplinks *u;
};

static struct rig rig_new(const struct edit *edits)
{
	struct rig r = { .s = small_scenario(edits) };

	r.t = small_topology(r.s);
	r.u = uplinks_new(r.t);
	return r;
}

static void rig_free(struct rig *r)
{
	uplinks_free(r->u);
	topology_free(r->t);
	scenario_free(r->s);
}

/* via "": to no neighbour. */
static void route(struct rig *r, const char *node, const char *text, const char *via)
{
	struct addr hop = { 0 };
	struct prefix prefix;

	cr_assert(prefix_parse(&prefix, text), "%s", text);
	cr_assert(!*via || addr_parse(&hop, via), "%s", via);
	uplinks_route(r->u, small_node(r->t, node), &prefix, &hop);
}

/* clang-format off */
static const struct {
	const char *what, *node, *prefix, *via;
	size_t fewer;
} rows[] = {
	{ "into the pop",             "a", "198.18.0.0/24", "10.1.128.0", 1 },
	{ "by IPv6",                  "a", "2001:db8::/48", "2001:db8:f001:1::", 1 },
	{ "by its link-local address", "a", "2001:db8::/48", "fe80::ff:fe00:300", 1 },
	{ "the identity",             "a", "10.200.1.0/24", "10.1.128.0", 1 },
	{ "its own of GeoDNS",        "a", "198.18.33.0/24", "10.1.128.0", 1 },
	{ "to another network",       "a", "198.18.0.0/24", "10.2.128.9", 0 },
	{ "to itself",                "a", "198.18.0.0/24", "10.1.128.1", 0 },
	{ "to no neighbour",          "a", "198.18.0.0/24", "", 0 },
	{ "another pop's own",        "a", "198.18.34.0/24", "10.1.128.0", 0 },
	{ "another pop's address",    "a", "198.18.0.0/24", "10.2.128.6", 0 },
	{ "a router without a pop",   "b", "198.18.0.0/24", "10.1.128.0", 0 },
	{ "the pop itself",           "p1", "198.18.0.0/24", "10.1.128.0", 0 },
};
/* clang-format on */

Test(uplinks, which_routes_count)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r = rig_new(EDITS());

		for (int twice = 0; twice < 2; twice++) {
			route(&r, rows[i].node, rows[i].prefix, rows[i].via);
			cr_expect_eq(uplinks_missing(r.u), WAYS - rows[i].fewer, "%s: %zu",
				     rows[i].what, uplinks_missing(r.u));
		}
		route(&r, rows[i].node, rows[i].prefix, "");
		cr_expect_eq(uplinks_missing(r.u), WAYS, "%s, gone", rows[i].what);
		rig_free(&r);
	}
}

/* The life of an anycast prefix at the upstream: another pop's first, then the own, then it dies.
 */
Test(uplinks, another_way_is_none)
{
	struct rig r = rig_new(EDITS());

	route(&r, "a", "198.18.0.0/24", "10.2.128.9");
	cr_expect_eq(uplinks_missing(r.u), WAYS);
	route(&r, "a", "198.18.0.0/24", "10.1.128.0");
	cr_expect_eq(uplinks_missing(r.u), WAYS - 1);
	route(&r, "a", "198.18.0.0/24", "10.2.128.9");
	cr_expect_eq(uplinks_missing(r.u), WAYS);
	rig_free(&r);
}

Test(uplinks, examples_lead_to_the_end)
{
	struct rig r = rig_new(EDITS());
	struct prefix prefix;
	size_t node, steps = 0;

	while (uplinks_example(r.u, &node, &prefix)) {
		bool first = node == small_node(r.t, "a");
		const struct topology_end *pop = &r.t->links[r.t->nodes[node].links[0]].end[0];

		for (size_t l = 0; !first && l < r.t->link_count; l++) {
			if (r.t->links[l].end[0].node == small_node(r.t, "p2"))
				pop = &r.t->links[l].end[0];
		}
		cr_assert_lt(steps++, WAYS);
		uplinks_route(r.u, node, &prefix, &pop->addr[prefix.addr.family == ADDR_IPV6]);
		cr_assert_eq(uplinks_missing(r.u), WAYS - steps);
	}
	cr_expect_eq(steps, WAYS);
	rig_free(&r);
}

/* Either is a way in, and the prefix they share is waited for once. */
Test(uplinks, two_pops_at_one_router)
{
	struct rig r = rig_new(EDITS({ "links/1/to", "\"a\"" }));
	size_t all = 2 * (2 + 1 + 2);

	cr_expect_eq(uplinks_missing(r.u), all);
	route(&r, "a", "198.18.0.0/24", "10.1.128.2");
	cr_expect_eq(uplinks_missing(r.u), all - 1);
	route(&r, "a", "198.18.0.0/24", "10.1.128.0");
	cr_expect_eq(uplinks_missing(r.u), all - 1);
	rig_free(&r);
}

Test(uplinks, a_node_made_anew_has_nothing)
{
	struct rig r = rig_new(EDITS());

	route(&r, "a", "198.18.0.0/24", "10.1.128.0");
	route(&r, "a", "10.200.1.0/24", "10.1.128.0");
	uplinks_forget(r.u, small_node(r.t, "b"));
	cr_expect_eq(uplinks_missing(r.u), WAYS - 2);
	uplinks_forget(r.u, small_node(r.t, "a"));
	cr_expect_eq(uplinks_missing(r.u), WAYS);
	rig_free(&r);
}
