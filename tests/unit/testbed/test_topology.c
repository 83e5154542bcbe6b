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

struct name_row {
	const char *name, *found; /* node-node, or what is wrong */
	const char *pop;	  /* "": of none */
};

/* clang-format off */
static const struct name_row name_rows[] = {
	{ "p1-a",                      "p1-a", "p1" },
	{ "a-p1",                      "p1-a", "p1" },
	{ "p2-big",                    "p2-edge-big-newyork", "p2" },
	{ "p2-edge-big-newyork",       "p2-edge-big-newyork", "p2" },
	{ "p2-p2-edge",                "p2-p2-edge", "p2" },
	{ "big-a",                     "a-big-frankfurt", "" },
	{ "big-newyork-big-frankfurt", "big-frankfurt-big-newyork", "" },
	{ "b-c1",                      "c1-b", "" },
	{ "p1-big",                    "no such link", NULL },
	{ "p1",                        "no such link", NULL },
	{ "",                          "no such link", NULL },
};
/* clang-format on */

Test(topology, links_have_names)
{
	struct scenario *s = small_scenario(EDITS({ "pops/1/shape", "\"rack\"" }));
	struct topology *t = small_topology(s);

	for (size_t i = 0; i < sizeof(name_rows) / sizeof(name_rows[0]); i++) {
		const struct name_row *row = &name_rows[i];
		const char *mistake = "";
		size_t at = topology_link_find(t, row->name, &mistake), pop;
		char found[80];

		if (at == SIZE_MAX) {
			cr_expect_str_eq(mistake, row->found, "%s: %s", row->name, mistake);
			continue;
		}
		snprintf(found, sizeof(found), "%s-%s", t->nodes[t->links[at].end[0].node].name,
			 t->nodes[t->links[at].end[1].node].name);
		cr_expect_str_eq(found, row->found, "%s: %s", row->name, found);
		pop = topology_link_pop(t, &t->links[at]);
		cr_expect_str_eq(pop == SIZE_MAX ? "" : s->pops[pop].name, row->pop, "%s",
				 row->name);
	}
	topology_free(t);
	scenario_free(s);
}
