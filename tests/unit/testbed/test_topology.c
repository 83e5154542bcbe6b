/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/topology.h"

#include <criterion/criterion.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/testbed/small.h"

static const char *text_of(struct addr addr)
{
	static char buf[4][ADDR_TEXT_SIZE];
	static unsigned turn;

	return addr_format(&addr, buf[turn++ % 4]);
}

static const char *prefix_text(struct prefix prefix)
{
	static char buf[4][PREFIX_TEXT_SIZE];
	static unsigned turn;

	return prefix_format(&prefix, buf[turn++ % 4]);
}

enum block { NETWORK, CLIENT, IDENTITY, LAN };

struct block_row {
	const char *what;
	enum block block;
	size_t index;
	const char *v4, *v6;
};

/* clang-format off */
static const struct block_row block_rows[] = {
	{ "first network",  NETWORK,  0,   "10.1.0.0/16",     "2001:db8:f001::/48" },
	{ "last network",   NETWORK,  198, "10.199.0.0/16",   "2001:db8:f0c7::/48" },
	{ "first client",   CLIENT,   0,   "100.64.0.0/24",   "2001:db8:f800::/48" },
	{ "last client",    CLIENT,   255, "100.64.255.0/24", "2001:db8:f8ff::/48" },
	{ "first identity", IDENTITY, 0,   "10.200.1.0/24",   "2001:db8:f701::/48" },
	{ "last identity",  IDENTITY, 22,  "10.200.23.0/24",  "2001:db8:f717::/48" },
	{ "first LAN",      LAN,      0,   "10.201.1.0/24",   "2001:db8:f601::/64" },
	{ "last LAN",       LAN,      22,  "10.201.23.0/24",  "2001:db8:f617::/64" },
};

struct service_row {
	const char *what;
	size_t variant, slot;
	const char *v4, *v6;
};

static const struct service_row service_rows[] = {
	{ "A_0",          0,  0,  "198.18.0.0/24",   "2001:db8::/48" },
	{ "U_0 of pop 1", 0,  1,  "198.18.1.0/24",   "2001:db8:1::/48" },
	{ "U_0 of the last pop", 0, 23, "198.18.23.0/24", "2001:db8:17::/48" },
	{ "A_1",          1,  0,  "198.18.32.0/24",  "2001:db8:1000::/48" },
	{ "U_7 of pop 3", 7,  3,  "198.18.227.0/24", "2001:db8:7003::/48" },
	{ "A_8",          8,  0,  "198.19.0.0/24",   "2001:db8:8000::/48" },
	{ "U_14 of the last pop", 14, 23, "198.19.215.0/24", "2001:db8:e017::/48" },
};
/* clang-format on */

static struct prefix block_prefix(const struct block_row *row, unsigned family)
{
	switch (row->block) {
	case NETWORK:
		return topology_network_prefix(row->index, family);
	case CLIENT:
		return topology_client_prefix(row->index, family);
	case IDENTITY:
		return topology_identity_prefix(row->index, family);
	case LAN:
		return topology_lan_prefix(row->index, family);
	}
	abort();
}

Test(topology, blocks_of_addresses)
{
	for (size_t i = 0; i < sizeof(block_rows) / sizeof(block_rows[0]); i++) {
		const struct block_row *row = &block_rows[i];

		cr_expect_str_eq(prefix_text(block_prefix(row, 0)), row->v4, "%s: %s", row->what,
				 prefix_text(block_prefix(row, 0)));
		cr_expect_str_eq(prefix_text(block_prefix(row, 1)), row->v6, "%s: %s", row->what,
				 prefix_text(block_prefix(row, 1)));
	}
	for (size_t i = 0; i < sizeof(service_rows) / sizeof(service_rows[0]); i++) {
		const struct service_row *row = &service_rows[i];
		struct prefix v4 = topology_service_prefix(row->variant, row->slot, 0);
		struct prefix v6 = topology_service_prefix(row->variant, row->slot, 1);

		cr_expect_str_eq(prefix_text(v4), row->v4, "%s: %s", row->what, prefix_text(v4));
		cr_expect_str_eq(prefix_text(v6), row->v6, "%s: %s", row->what, prefix_text(v6));
	}
}

/* Nothing that a scenario may hold shares an address with anything else. */
Test(topology, blocks_do_not_overlap)
{
	struct prefix all[2 * (199 + 256 + 2 * 23 + 15 * 24)];
	size_t n = 0;

	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < SCENARIO_NETWORKS_MAX; i++)
			all[n++] = topology_network_prefix(i, f);
		for (size_t i = 0; i < SCENARIO_CLIENTS_MAX; i++)
			all[n++] = topology_client_prefix(i, f);
		for (size_t i = 0; i < SCENARIO_POPS_MAX; i++) {
			all[n++] = topology_identity_prefix(i, f);
			all[n++] = topology_lan_prefix(i, f);
		}
		for (size_t v = 0; v < SCENARIO_VARIANTS_MAX; v++) {
			for (size_t slot = 0; slot <= SCENARIO_POPS_MAX; slot++)
				all[n++] = topology_service_prefix(v, slot, f);
		}
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			cr_assert_not(prefix_overlaps(&all[i], &all[j]), "%s and %s",
				      prefix_text(all[i]), prefix_text(all[j]));
	}
}

Test(topology, service_prefixes_are_found_again)
{
	struct prefix none;
	size_t variant, slot;

	for (size_t v = 0; v < SCENARIO_VARIANTS_MAX; v++) {
		for (size_t n = 0; n <= SCENARIO_POPS_MAX; n++) {
			for (unsigned f = 0; f < 2; f++) {
				struct prefix p = topology_service_prefix(v, n, f);

				cr_assert(topology_service_find(&p, &variant, &slot));
				cr_assert(variant == v && slot == n, "%s", prefix_text(p));
			}
		}
	}
	cr_assert(prefix_parse(&none, "198.18.24.0/24"));
	cr_expect_not(topology_service_find(&none, &variant, &slot), "a slot beyond the pops");
	cr_assert(prefix_parse(&none, "198.18.0.0/19"));
	cr_expect_not(topology_service_find(&none, &variant, &slot), "another length");
	cr_assert(prefix_parse(&none, "10.1.0.0/24"));
	cr_expect_not(topology_service_find(&none, &variant, &slot));
}

struct node_row {
	const char *name;
	enum node_kind kind;
	const char *v4, *v6; /* on lo, NULL: none */
};

/* clang-format off */
static const struct node_row node_rows[] = {
	{ "a",             NODE_ROUTER,     "10.1.0.1",    "2001:db8:f001::1" },
	{ "big-frankfurt", NODE_ROUTER,     "10.2.0.1",    "2001:db8:f002::1" },
	{ "big-newyork",   NODE_ROUTER,     "10.2.0.2",    "2001:db8:f002::2" },
	{ "big-singapore", NODE_ROUTER,     "10.2.0.3",    "2001:db8:f002::3" },
	{ "b",             NODE_ROUTER,     "10.3.0.1",    "2001:db8:f003::1" },
	{ "p1",            NODE_POP,        NULL,          NULL },
	{ "p2",            NODE_POP,        NULL,          NULL },
	{ "ns1",           NODE_NAMESERVER, "10.2.1.1",    "2001:db8:f002::1:1" },
	{ "root",          NODE_NAMESERVER, "10.2.1.2",    "2001:db8:f002::1:2" },
	{ "c1",            NODE_CLIENT,     "100.64.0.10", "2001:db8:f800::a" },
};
/* clang-format on */

Test(topology, nodes_and_their_addresses)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	size_t count = sizeof(node_rows) / sizeof(node_rows[0]);

	cr_assert_eq(t->node_count, count);
	for (size_t i = 0; i < count; i++) {
		const struct node_row *row = &node_rows[i];
		const struct topology_node *n = &t->nodes[i];

		cr_expect_str_eq(n->name, row->name);
		cr_expect_eq(n->kind, row->kind, "%s", row->name);
		cr_expect_eq(topology_find(t, row->name), n);
		if (!row->v4) {
			cr_expect_eq(n->addr[0].family, ADDR_NONE);
			cr_expect_eq(n->network, NO_NETWORK);
			continue;
		}
		cr_expect_str_eq(text_of(n->addr[0]), row->v4, "%s: %s", row->name,
				 text_of(n->addr[0]));
		cr_expect_str_eq(text_of(n->addr[1]), row->v6, "%s: %s", row->name,
				 text_of(n->addr[1]));
	}
	cr_expect_null(topology_find(t, "big"), "a network of several routers is no node");
	topology_free(t);
	scenario_free(s);
}

struct link_row {
	const char *from, *to;
	bool internal;
	const char *v4[2], *v6[2];
	double delay_ms; /* negative: from the distance, tested apart */
};

/* clang-format off */
static const struct link_row link_rows[] = {
	{ "big-frankfurt", "big-newyork", true,
	  { "10.2.128.0", "10.2.128.1" }, { "2001:db8:f002:1::", "2001:db8:f002:1::1" }, 43.4 },
	{ "big-frankfurt", "big-singapore", true,
	  { "10.2.128.2", "10.2.128.3" }, { "2001:db8:f002:2::", "2001:db8:f002:2::1" }, 71.9 },
	{ "big-newyork", "big-singapore", true,
	  { "10.2.128.4", "10.2.128.5" }, { "2001:db8:f002:3::", "2001:db8:f002:3::1" }, 107.4 },
	{ "p1", "a", false,
	  { "10.1.128.0", "10.1.128.1" }, { "2001:db8:f001:1::", "2001:db8:f001:1::1" }, 0.1 },
	{ "p2", "big-newyork", false,
	  { "10.2.128.6", "10.2.128.7" }, { "2001:db8:f002:4::", "2001:db8:f002:4::1" }, 0.1 },
	{ "a", "big-frankfurt", false,
	  { "10.2.128.8", "10.2.128.9" }, { "2001:db8:f002:5::", "2001:db8:f002:5::1" }, 7.5 },
	{ "b", "big-frankfurt", false,
	  { "10.2.128.10", "10.2.128.11" }, { "2001:db8:f002:6::", "2001:db8:f002:6::1" }, 37.3 },
	{ "ns1", "big-frankfurt", false,
	  { "10.2.128.12", "10.2.128.13" }, { "2001:db8:f002:7::", "2001:db8:f002:7::1" }, 0.5 },
	{ "root", "big-frankfurt", false,
	  { "10.2.128.14", "10.2.128.15" }, { "2001:db8:f002:8::", "2001:db8:f002:8::1" }, 0.5 },
	{ "c1", "b", false,
	  { "10.3.128.0", "10.3.128.1" }, { "2001:db8:f003:1::", "2001:db8:f003:1::1" }, 2 },
};
/* clang-format on */

Test(topology, wires_and_their_addresses)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	size_t count = sizeof(link_rows) / sizeof(link_rows[0]);

	cr_assert_eq(t->link_count, count, "%zu", t->link_count);
	for (size_t i = 0; i < count; i++) {
		const struct link_row *row = &link_rows[i];
		const struct topology_link *l = &t->links[i];
		const char *const names[] = { row->from, row->to };

		cr_expect_eq(l->internal, row->internal, "%s", row->from);
		cr_expect_float_eq(l->delay_ms, row->delay_ms, 0.05 * row->delay_ms, "%s: %f",
				   row->from, l->delay_ms);
		for (unsigned e = 0; e < 2; e++) {
			cr_expect_str_eq(t->nodes[l->end[e].node].name, names[e], "%zu: %s", i,
					 t->nodes[l->end[e].node].name);
			cr_expect_str_eq(text_of(l->end[e].addr[0]), row->v4[e], "%s", row->from);
			cr_expect_str_eq(text_of(l->end[e].addr[1]), row->v6[e], "%s", row->from);
		}
	}
	topology_free(t);
	scenario_free(s);
}

Test(topology, addresses_derive_from_the_wire)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char mac[MAC_TEXT_SIZE];

	cr_expect_str_eq(mac_format(t->links[9].end[1].mac, mac), "02:00:00:00:09:01");
	cr_expect_str_eq(text_of(t->links[9].end[1].link_local), "fe80::ff:fe00:901");
	topology_free(t);
	scenario_free(s);
}

/* Links name a network; which of its routers is meant follows from where the other end is. */
Test(topology, the_nearest_router_is_meant)
{
	static const struct {
		const char *what, *from, *to;
		const char *want[2];
	} rows[] = {
		{ "to a network of three", "b", "big", { "b", "big-frankfurt" } },
		{ "from a network of three", "big", "b", { "big-frankfurt", "b" } },
		{ "a router by name", "b", "big-singapore", { "b", "big-singapore" } },
		{ "two networks of several", "big", "other", { "big-singapore", "other-jakarta" } },
		{ "a pop of another place", "p2", "other", { "p2", "other-miami" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char link[128];
		struct scenario *s;
		struct topology *t;
		const struct topology_link *l;

		snprintf(link, sizeof(link),
			 "{\"from\": \"%s\", \"to\": \"%s\", \"relation\": \"customer\"}",
			 rows[i].from, rows[i].to);
		s = small_scenario(EDITS(
			{ "networks/3", "{\"name\": \"other\", \"asn\": 65004, \"at\": "
					"[\"Miami\", \"Jakarta\", \"Lima\"]}" },
			{ "links/4", "{\"from\": \"other-miami\", \"to\": \"a\", \"relation\": "
				     "\"peer\"}" },
			{ "links/5", link }));
		t = small_topology(s);
		/* Three internal wires each, then the scenario's links in its order. */
		l = &t->links[6 + 5];
		for (unsigned e = 0; e < 2; e++)
			cr_expect_str_eq(t->nodes[l->end[e].node].name, rows[i].want[e], "%s: %s",
					 rows[i].what, t->nodes[l->end[e].node].name);
		topology_free(t);
		scenario_free(s);
	}
}

struct mistake_row {
	const char *what;
	struct edit edits[3];
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
	{ "too many users", { { "clients/0/users", "10000" } },
	  "clients: about 2000000 packet-hops/s are more than one wire thread carries (175000); "
	  "have fewer users or longer periods" },
};
/* clang-format on */

Test(topology, mistakes_name_path_and_reason)
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
Test(topology, load_is_counted_to_the_nearest_pop)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);

	cr_expect_float_eq(t->packet_hops, 5 * 2 * 2 * 20, 1e-6, "%f", t->packet_hops);
	topology_free(t);
	scenario_free(s);
}

/* Also for a variant that is not the first; where none wants it there is none. */
Test(topology, bfd_is_on_the_wires_of_pops)
{
	struct scenario *s = small_scenario(
		EDITS({ "variants/1/bfd", "true" }, { "links/0/bfd", "{\"interval_ms\": 10}" }));
	struct scenario *none = small_scenario(EDITS({ "links/0/bfd", "{\"interval_ms\": 10}" }));
	struct topology *t = small_topology(s), *without = small_topology(none);
	size_t wires = 0;

	for (size_t i = 0; i < t->link_count; i++) {
		bool first = t->links[i].end[0].node == small_node(t, "p1");
		unsigned router = 2;

		cr_expect_null(without->links[i].bfd);
		if (!t->links[i].bfd)
			continue;
		wires++;
		cr_expect_eq(t->links[i].bfd->interval_ms, first ? 10 : 50);
		cr_expect(topology_link_is_uplink(t, &t->links[i], &router));
		cr_expect_eq(router, 1, "a pop's links are written from it");
	}
	cr_expect_eq(wires, 2);
	/* Two ends, each of them up to a quarter sooner than it says. */
	cr_expect_float_eq(t->packet_hops - without->packet_hops, 2 * (100 + 20) / 0.875, 1e-6,
			   "%f", t->packet_hops);
	topology_free(t);
	topology_free(without);
	scenario_free(s);
	scenario_free(none);
}

static void links_agree(const struct topology *t)
{
	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		for (size_t l = 0; l < n->link_count; l++) {
			const struct topology_link *link = &t->links[n->links[l]];
			unsigned end = topology_end_at(link, i);

			cr_expect_eq(link->end[end].node, i);
			cr_expect_neq(link->end[!end].node, i);
		}
	}
	for (size_t l = 0; l < t->link_count; l++) {
		for (unsigned e = 0; e < 2; e++) {
			const struct topology_node *n = &t->nodes[t->links[l].end[e].node];
			size_t times = 0;

			for (size_t i = 0; i < n->link_count; i++)
				times += n->links[i] == l;
			cr_expect_eq(times, 1, "link %zu at %s", l, n->name);
		}
	}
}

static void ends_are_unique(const struct topology *t)
{
	for (size_t i = 0; i < 2 * t->link_count; i++) {
		const struct topology_end *a = &t->links[i / 2].end[i % 2];

		cr_expect(a->iface[0] && strlen(a->iface) < IFNAMSIZ);
		cr_expect_str_neq(a->iface, "lo");
		cr_expect_str_neq(a->iface, "all");
		cr_expect_str_neq(a->iface, "default");
		for (size_t j = 0; j < i; j++) {
			const struct topology_end *b = &t->links[j / 2].end[j % 2];

			cr_expect(a->node != b->node || strcmp(a->iface, b->iface) != 0,
				  "%s twice at %s", a->iface, t->nodes[a->node].name);
			cr_expect_neq(memcmp(a->mac, b->mac, MAC_SIZE), 0);
			for (unsigned f = 0; f < 2; f++)
				cr_expect_not(addr_equal(&a->addr[f], &b->addr[f]), "%s twice",
					      text_of(a->addr[f]));
		}
	}
}

Test(topology, shipped_ones_are_sound)
{
	for (char **path = small_shipped_paths(); *path; path++) {
		struct scenario *s = small_shipped(*path);
		struct topology *t = small_topology(s);

		links_agree(t);
		ends_are_unique(t);
		topology_free(t);
		scenario_free(s);
	}
}

/* Names that are alike where an interface's name ends, or look like a numbered one. */
Test(topology, interfaces_have_names_of_their_own)
{
	static const char *const names[] = { "a-very-long2",
					     "a-very-long-network",
					     "a-very-long-netherland",
					     "a-very-lon3",
					     "x2",
					     "x",
					     "lo",
					     "all",
					     "default" };
	struct scenario *s;
	struct topology *t;
	json_t *json = small_json();
	struct conf_error err = { 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_array_append_new(json_object_get(json, "networks"),
				      json_pack("{s:s, s:i, s:s}", "name", names[i], "asn",
						(int)(65100 + i), "at", "Paris"));
		/* Twice, so that two wires lead to one node. */
		for (int twice = 0; twice < 2; twice++)
			json_array_append_new(json_object_get(json, "links"),
					      json_pack("{s:s, s:s, s:s}", "from", names[i], "to",
							"a", "relation", "peer"));
	}
	s = scenario_load(json, &err);
	cr_assert_not_null(s, "%s: %s", err.path, err.reason);
	t = small_topology(s);
	ends_are_unique(t);
	topology_free(t);
	scenario_free(s);
}

Test(topology, the_same_scenario_gives_the_same)
{
	for (char **path = small_shipped_paths(); *path; path++) {
		struct scenario *s = small_shipped(*path);
		struct topology *x = small_topology(s), *y = small_topology(s);

		cr_assert_eq(x->link_count, y->link_count);
		cr_assert_eq(x->node_count, y->node_count);
		cr_expect_arr_eq(x->links, y->links, x->link_count * sizeof(*x->links));
		for (size_t i = 0; i < x->node_count; i++) {
			cr_expect_str_eq(x->nodes[i].name, y->nodes[i].name);
			cr_expect_arr_eq(x->nodes[i].addr, y->nodes[i].addr,
					 sizeof(x->nodes[i].addr));
			cr_expect_arr_eq(x->nodes[i].links, y->nodes[i].links,
					 x->nodes[i].link_count * sizeof(size_t));
		}
		topology_free(x);
		topology_free(y);
		scenario_free(s);
	}
}

/* A provider's wires are numbered in the provider's block, peers' by whichever comes first. */
Test(topology, relation_decides_who_numbers_a_wire)
{
	static const struct {
		const char *relation, *v4;
	} rows[] = { { "\"customer\"", "10.2.128.8" },
		     { "\"provider\"", "10.1.128.2" },
		     { "\"peer\"", "10.1.128.2" } };

	for (size_t i = 0; i < 3; i++) {
		struct scenario *s =
			small_scenario(EDITS({ "links/2/relation", rows[i].relation }));
		struct topology *t = small_topology(s);

		cr_expect_str_eq(text_of(t->links[5].end[0].addr[0]), rows[i].v4, "%s: %s",
				 rows[i].relation, text_of(t->links[5].end[0].addr[0]));
		topology_free(t);
		scenario_free(s);
	}
}

static const struct topology_link *link_between(const struct topology *t, const char *x,
						const char *y)
{
	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];

		if (strcmp(t->nodes[l->end[0].node].name, x) == 0 &&
		    strcmp(t->nodes[l->end[1].node].name, y) == 0)
			return l;
	}
	cr_assert_fail("no wire from %s to %s", x, y);
	return NULL;
}

Test(topology, a_rack_is_an_lb_behind_an_edge)
{
	struct scenario *s = small_scenario(EDITS({ "pops/1/shape", "\"rack\"" }));
	struct topology *t = small_topology(s);
	size_t lb = small_node(t, "p2"), edge = small_node(t, "p2-edge"), nodes[POP_NODES_MAX];
	const struct topology_link *up = link_between(t, "p2-edge", "big-newyork");
	const struct topology_link *lan = link_between(t, "p2", "p2-edge");

	cr_expect_eq(t->nodes[edge].kind, NODE_EDGE);
	cr_expect_eq(t->nodes[edge].index, 1, "its pop");
	cr_expect_eq(t->nodes[edge].network, NO_NETWORK);
	cr_expect_str_eq(t->nodes[edge].place.name, "New York");
	cr_expect_eq(t->nodes[lb].link_count, 1, "nothing but the LAN");
	cr_expect_str_eq(text_of(up->end[0].addr[0]), "10.2.128.6", "as a host's");
	cr_expect_not(up->lan);
	cr_expect(lan->lan && !lan->internal);
	cr_expect_float_eq(lan->delay_ms, 0.05, 1e-9);
	cr_expect_str_eq(text_of(lan->end[0].addr[0]), "10.201.2.2");
	cr_expect_str_eq(text_of(lan->end[0].addr[1]), "2001:db8:f602::2");
	cr_expect_str_eq(text_of(lan->end[1].addr[0]), "10.201.2.1");
	cr_expect_str_eq(text_of(lan->end[1].addr[1]), "2001:db8:f602::1");
	cr_expect_eq(topology_asn(t, lb), 64500);
	cr_expect_eq(topology_asn(t, edge), 64500);
	cr_expect_eq(topology_asn(t, small_node(t, "big-newyork")), 65002);
	cr_expect_eq(topology_pop_nodes(t, 1, nodes), 2);
	cr_expect(nodes[0] == lb && nodes[1] == edge);
	cr_expect_eq(topology_pop_nodes(t, 0, nodes), 1);
	cr_expect_eq(nodes[0], small_node(t, "p1"));
	links_agree(t);
	ends_are_unique(t);
	topology_free(t);
	scenario_free(s);
}

/* Whichever end of a link the author names it at, and however its network is named. */
Test(topology, links_of_a_rack_are_its_edge_s)
{
	struct scenario *s = small_scenario(EDITS(
		{ "pops/0/shape", "\"rack\"" }, { "pops/1/shape", "\"rack\"" },
		{ "links/4", "{\"from\": \"big\", \"to\": \"p1\", \"relation\": \"provider\"}" }));
	struct topology *t = small_topology(s);

	link_between(t, "p1-edge", "a");
	link_between(t, "p2-edge", "big-newyork");
	link_between(t, "big-frankfurt", "p1-edge");
	link_between(t, "p1", "p1-edge");
	link_between(t, "p2", "p2-edge");
	links_agree(t);
	ends_are_unique(t);
	topology_free(t);
	scenario_free(s);
}

/* The wires that all scenarios without racks have keep their numbers and addresses. */
Test(topology, racks_move_nobody_else)
{
	struct scenario *s = small_scenario(EDITS()), *r;
	struct topology *t = small_topology(s), *u;

	r = small_scenario(EDITS({ "pops/0/shape", "\"rack\"" }));
	u = small_topology(r);
	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *a = &t->links[i];
		const struct topology_link *b =
			link_between(u,
				     strcmp(t->nodes[a->end[0].node].name, "p1") == 0
					     ? "p1-edge"
					     : t->nodes[a->end[0].node].name,
				     t->nodes[a->end[1].node].name);

		for (unsigned e = 0; e < 2; e++)
			cr_expect(addr_equal(&a->end[e].addr[0], &b->end[e].addr[0]), "%s",
				  text_of(a->end[e].addr[0]));
	}
	topology_free(t);
	topology_free(u);
	scenario_free(s);
	scenario_free(r);
}
