/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a scenario as a topology, and the load that it is. */
#include <criterion/criterion.h>

#include "tests/unit/testbed/small.h"

struct mistake_row {
	const char *what;
	struct edit edits[4];
	const char *mistake;
};

/* clang-format off */
static const struct mistake_row mistake_rows[] = {
	{ "unknown near end", { { "links/1/from", "\"x\"" } },
	  "links[1]: from: unknown pop, network or router" },
	{ "unknown far end", { { "links/1/to", "\"big-lima\"" } },
	  "links[1]: to: unknown pop, network or router" },
	{ "a nameserver has its wire already", { { "links/1/to", "\"ns1\"" } },
	  "links[1]: to: unknown pop, network or router" },
	{ "users have theirs", { { "links/2/from", "\"c1\"" } },
	  "links[2]: from: unknown pop, network or router" },
	{ "two pops", { { "links/0/to", "\"p2\"" } }, "links[0]: two pops cannot be joined directly" },
	{ "a pop as a peer", { { "links/0/relation", "\"peer\"" } },
	  "links[0]: relation: a pop is its network's customer" },
	{ "a pop as a provider, turned round",
	  { { "links/0", "{\"from\": \"a\", \"to\": \"p1\", \"relation\": \"customer\"}" } },
	  "links[0]: relation: a network is its pop's provider" },
	{ "within a network",
	  { { "links/3", "{\"from\": \"big-newyork\", \"to\": \"big-singapore\", \"relation\": \"peer\"}" } },
	  "links[3]: both ends are in one network, whose routers are joined anyway" },
	{ "a network to itself", { { "links/3/to", "\"b\"" } },
	  "links[3]: both ends are in one network, whose routers are joined anyway" },
	{ "a pop without a wire", { { "links/0", NULL } }, "links: no way from 'a' to 'p1'" },
	{ "two islands", { { "links/2", NULL } }, "links: no way from 'a' to 'big-frankfurt'" },
	{ "a router's made-up name is taken", { { "clients/0/name", "\"big-newyork\"" } },
	  "two nodes are named 'big-newyork'" },
	{ "BFD between networks", { { "links/2/bfd", "{}" } },
	  "links[2].bfd: is for links between a pop and its upstream" },
	{ "a rack without a wire", { { "pops/0/shape", "\"rack\"" }, { "links/0", NULL } },
	  "links: no way from 'a' to 'p1'" },
	{ "a rack as a peer",
	  { { "pops/0/shape", "\"rack\"" }, { "links/0/relation", "\"peer\"" } },
	  "links[0]: relation: a pop is its network's customer" },
	{ "a rack and a host", { { "pops/0/shape", "\"rack\"" }, { "links/0/to", "\"p2\"" } },
	  "links[0]: two pops cannot be joined directly" },
	{ "an edge's name", { { "pops/0/shape", "\"rack\"" }, { "links/0/from", "\"p1-edge\"" } },
	  "links[0]: from: an edge's links are given with its pop's name" },
	{ "an edge's name, turned round",
	  { { "pops/0/shape", "\"rack\"" },
	    { "links/0", "{\"from\": \"a\", \"to\": \"p1-edge\", \"relation\": \"provider\"}" } },
	  "links[0]: to: an edge's links are given with its pop's name" },
	{ "an edge's name is taken",
	  { { "pops/0/shape", "\"rack\"" }, { "clients/0/name", "\"p1-edge\"" } },
	  "two nodes are named 'p1-edge'" },
	{ "an edge is no target",
	  { { "pops/0/shape", "\"rack\"" }, { "timeline/0/target", "\"p1-edge\"" } },
	  "timeline[0].target: unknown pop 'p1-edge'" },
	{ "no such link",
	  { { "timeline/0/fault", "\"link_cut\"" }, { "timeline/0/target", "\"p1-big\"" } },
	  "timeline[0].target: 'p1-big': no such link" },
	{ "one of two links",
	  { { "timeline/0/fault", "\"link_cut\"" },
	    { "timeline/0/target", "\"a-p1\"" },
	    { "links/4", "{\"from\": \"a\", \"to\": \"p1\", \"relation\": \"provider\"}" } },
	  "timeline[0].target: 'a-p1': no such link alone: several have that name" },
	{ "too many users", { { "clients/0/users", "10000" } },
	  "clients: about 2000000 packet-hops/s are more than one wire thread carries (175000); "
	  "have fewer users or longer periods" },
};
/* clang-format on */

Test(topology_check, mistakes_name_path_and_reason)
{
	char buf[400];

	for (size_t i = 0; i < sizeof(mistake_rows) / sizeof(mistake_rows[0]); i++) {
		const struct mistake_row *row = &mistake_rows[i];
		const char *got = small_mistake(row->edits, buf, sizeof(buf));

		cr_expect_str_eq(got, row->mistake, "%s: %s", row->what, got);
	}
}

/* c1 to p1 is 4 wires, to p2 4 as well; one more for detours; 2 variants, 2 users, 10/s there and
 * back.
 */
Test(topology_check, load_is_counted_to_the_nearest_pop)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);

	cr_expect_float_eq(t->packet_hops, 5 * 2 * 2 * 20, 1e-6, "%f", t->packet_hops);
	topology_free(t);
	scenario_free(s);
}
