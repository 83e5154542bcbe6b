/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/convergence.h"

#include <criterion/criterion.h>

#include "tests/unit/testbed/small.h"

/* Of the small scenario: 5 routers; 3 networks, 1 client, 2 identities, A_0, U_1,1, U_1,2. */
#define ROUTERS	 5
#define PREFIXES (2 * (3 + 1 + 2 + 1 + 2))

struct rig {
	struct scenario *s;
	struct topology *t;
	struct convergence *c;
};

static struct rig rig_new(void)
{
	struct rig r = { .s = small_scenario(EDITS()) };

	r.t = small_topology(r.s);
	r.c = convergence_new(r.t);
	return r;
}

static void rig_free(struct rig *r)
{
	convergence_free(r->c);
	topology_free(r->t);
	scenario_free(r->s);
}

static void route(struct rig *r, const char *node, const char *text, bool has)
{
	struct prefix prefix;

	cr_assert(prefix_parse(&prefix, text), "%s", text);
	convergence_route(r->c, small_node(r->t, node), &prefix, has);
}

Test(convergence, everything_is_missing_at_first)
{
	struct rig r = rig_new();

	cr_expect_eq(convergence_missing(r.c), ROUTERS * PREFIXES, "%zu", convergence_missing(r.c));
	rig_free(&r);
}

/* Every example, once there, is an example no more; when there is none, all are there. */
Test(convergence, examples_lead_to_the_end)
{
	struct rig r = rig_new();
	struct prefix prefix;
	size_t node, steps = 0;

	while (convergence_example(r.c, &node, &prefix)) {
		cr_assert_eq(r.t->nodes[node].kind, NODE_ROUTER);
		cr_assert_lt(steps++, ROUTERS * PREFIXES);
		convergence_route(r.c, node, &prefix, true);
		cr_assert_eq(convergence_missing(r.c), ROUTERS * PREFIXES - steps);
	}
	cr_expect_eq(convergence_missing(r.c), 0);
	rig_free(&r);
}

struct row {
	const char *what, *node, *prefix;
	size_t fewer;
};

/* clang-format off */
static const struct row rows[] = {
	{ "a network",               "a",           "10.2.0.0/16",         1 },
	{ "its own network",         "a",           "10.1.0.0/16",         1 },
	{ "users",                   "big-newyork", "100.64.0.0/24",       1 },
	{ "an identity",             "b",           "2001:db8:f702::/48",  1 },
	{ "the shared prefix of the anycast variant", "b", "198.18.0.0/24", 1 },
	{ "a pop's own in it: not announced", "b",  "198.18.1.0/24",       0 },
	{ "a pop's own of GeoDNS",   "b",           "198.18.33.0/24",      1 },
	{ "the shared one of GeoDNS: not announced", "b", "198.18.32.0/24", 0 },
	{ "a variant that is not",   "b",           "198.18.64.0/24",      0 },
	{ "a longer one",            "b",           "10.2.0.0/24",         0 },
	{ "the default",             "b",           "0.0.0.0/0",           0 },
	{ "at a pop",                "p1",          "10.2.0.0/16",         0 },
	{ "at the users'",           "c1",          "10.2.0.0/16",         0 },
};
/* clang-format on */

Test(convergence, which_routes_count)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r = rig_new();
		size_t all = convergence_missing(r.c);

		for (int twice = 0; twice < 2; twice++) {
			route(&r, rows[i].node, rows[i].prefix, true);
			cr_expect_eq(convergence_missing(r.c), all - rows[i].fewer, "%s",
				     rows[i].what);
		}
		for (int twice = 0; twice < 2; twice++) {
			route(&r, rows[i].node, rows[i].prefix, false);
			cr_expect_eq(convergence_missing(r.c), all, "%s", rows[i].what);
		}
		rig_free(&r);
	}
}

Test(convergence, a_node_made_anew_has_nothing)
{
	struct rig r = rig_new();
	size_t all = convergence_missing(r.c);

	route(&r, "a", "10.2.0.0/16", true);
	route(&r, "a", "10.3.0.0/16", true);
	route(&r, "b", "10.3.0.0/16", true);
	convergence_forget(r.c, small_node(r.t, "a"));
	cr_expect_eq(convergence_missing(r.c), all - 1);
	convergence_forget(r.c, small_node(r.t, "p1"));
	cr_expect_eq(convergence_missing(r.c), all - 1);
	rig_free(&r);
}

/* The ways to its pop's own, and the way out: (default, identity, A_0, U_1,1) in both families. */
#define EDGE_PREFIXES (2 * (1 + 1 + 1 + 1))

/* clang-format off */
static const struct row edge_rows[] = {
	{ "the way out",             "p1-edge", "0.0.0.0/0",          1 },
	{ "of IPv6, too",            "p1-edge", "::/0",               1 },
	{ "its identity",            "p1-edge", "10.200.1.0/24",      1 },
	{ "the other pop's",         "p1-edge", "10.200.2.0/24",      0 },
	{ "the shared prefix",       "p1-edge", "198.18.0.0/24",      1 },
	{ "its own of GeoDNS",       "p1-edge", "2001:db8:1001::/48", 1 },
	{ "the other's of GeoDNS",   "p1-edge", "198.18.34.0/24",     0 },
	{ "a network",               "p1-edge", "10.2.0.0/16",        0 },
	{ "at the lb",               "p1",      "0.0.0.0/0",          0 },
	{ "a router's way out",      "a",       "0.0.0.0/0",          0 },
	{ "its identity, elsewhere", "a",       "10.200.1.0/24",      1 },
};
/* clang-format on */

Test(convergence, an_edge_knows_its_pop_and_the_way_out)
{
	struct rig r = { .s = small_scenario(EDITS({ "pops/0/shape", "\"rack\"" })) };
	size_t all = ROUTERS * PREFIXES + EDGE_PREFIXES, node, steps = 0;
	struct prefix prefix;

	r.t = small_topology(r.s);
	r.c = convergence_new(r.t);
	cr_expect_eq(convergence_missing(r.c), all, "%zu", convergence_missing(r.c));
	for (size_t i = 0; i < sizeof(edge_rows) / sizeof(edge_rows[0]); i++) {
		route(&r, edge_rows[i].node, edge_rows[i].prefix, true);
		cr_expect_eq(convergence_missing(r.c), all - edge_rows[i].fewer, "%s",
			     edge_rows[i].what);
		route(&r, edge_rows[i].node, edge_rows[i].prefix, false);
		cr_expect_eq(convergence_missing(r.c), all, "%s", edge_rows[i].what);
	}
	while (convergence_example(r.c, &node, &prefix)) {
		cr_assert_lt(steps++, all);
		convergence_route(r.c, node, &prefix, true);
	}
	cr_expect_eq(convergence_missing(r.c), 0);
	convergence_forget(r.c, small_node(r.t, "p1-edge"));
	cr_expect_eq(convergence_missing(r.c), EDGE_PREFIXES);
	rig_free(&r);
}
