/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/router/bird.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/testbed/router/written.h"
#include "tests/unit/testbed/small.h"

/* The protocol block of a configuration that speaks with this peer; the caller frees it. */
static char *session_with(const char *config, const char *peer)
{
	char comment[64];
	const char *at, *end;

	snprintf(comment, sizeof(comment), "# %s\n", peer);
	for (at = strstr(config, "protocol bgp "); at; at = strstr(at + 1, "protocol bgp ")) {
		const char *line_end = strchr(at, '\n') + 1;

		if (memmem(at, (size_t)(line_end - at), comment, strlen(comment))) {
			end = strstr(at, "\n}\n");
			cr_assert_not_null(end);
			return strndup(at, (size_t)(end - at));
		}
	}
	cr_assert_fail("no session with %s in:\n%s", peer, config);
	return NULL;
}

/* What `at` does with routes from and to `peer` when the scenario says `relation` of a to big. */
struct role_row {
	const char *relation, *at, *peer, *import, *export;
};

/* clang-format off */
static const struct role_row role_rows[] = {
	{ "\"customer\"", "a", "big-frankfurt", "filter from_provider", "filter to_others" },
	{ "\"customer\"", "big-frankfurt", "a", "filter from_customer", "filter to_customer" },
	{ "\"provider\"", "a", "big-frankfurt", "filter from_customer", "filter to_customer" },
	{ "\"provider\"", "big-frankfurt", "a", "filter from_provider", "filter to_others" },
	{ "\"peer\"",     "a", "big-frankfurt", "filter from_peer",     "filter to_others" },
	{ "\"peer\"",     "big-frankfurt", "a", "filter from_peer",     "filter to_others" },
	/* These do not depend on it. */
	{ "\"peer\"",     "a", "p1",            "filter from_pop_1",    "where net.len = 0" },
	{ "\"peer\"",     "big-frankfurt", "b", "filter from_customer", "filter to_customer" },
	{ "\"peer\"",     "big-frankfurt", "big-newyork", "all",        "filter to_inside" },
};
/* clang-format on */

Test(bird, relations_decide_what_passes)
{
	for (size_t i = 0; i < sizeof(role_rows) / sizeof(role_rows[0]); i++) {
		const struct role_row *row = &role_rows[i];
		struct scenario *s = small_scenario(EDITS({ "links/2/relation", row->relation }));
		struct topology *t = small_topology(s);
		char *config = bird_router_config(t, small_node(t, row->at), NULL);
		char *session = session_with(config, row->peer), want[128];
		size_t families = 0;

		snprintf(want, sizeof(want), "import %s; export %s; }", row->import, row->export);
		for (char *at = session; (at = strstr(at, want)); at++)
			families++;
		cr_expect_eq(families, 2, "%s at %s: '%s' in\n%s", row->relation, row->at, want,
			     session);
		free(session);
		free(config);
		topology_free(t);
		scenario_free(s);
	}
}

/* Or a router would have to wait for its IGP to learn of the other's wires. */
Test(bird, inside_a_network_the_next_hop_is_the_router)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *config = bird_router_config(t, small_node(t, "big-frankfurt"), NULL);
	char *session = session_with(config, "big-newyork");

	expect_text(session, "\tipv4 { next hop self; ", "IPv4");
	expect_text(session, "\tipv6 { next hop self; next hop address 2001:db8:f", "IPv6");
	free(session);
	free(config);
	topology_free(t);
	scenario_free(s);
}

Test(bird, preferences_and_communities)
{
	static const char *const parts[] = {
		"filter from_customer {\n\tbgp_community.delete([(65001, 1..3)]);\n"
		"\tbgp_community.add((65001, 1));\n\tbgp_local_pref = 200;\n",
		"\tbgp_community.add((65001, 2));\n\tbgp_local_pref = 150;\n",
		"\tbgp_community.add((65001, 3));\n\tbgp_local_pref = 100;\n",
		"\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n",
		"\tif (65001, 40) ~ bgp_community then bgp_local_pref = 40;\n",
		/* To others than customers only what customers announce, and the own. */
		"if is_global() && (source = RTS_STATIC || (65001, 1) ~ bgp_community) then "
		"accept;\n\treject;",
	};
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *config = bird_router_config(t, small_node(t, "a"), NULL);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		expect_text(config, parts[i], "a");
	free(config);
	topology_free(t);
	scenario_free(s);
}

Test(bird, a_router_knows_its_own)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *b = bird_router_config(t, small_node(t, "b"), NULL);
	char *big = bird_router_config(t, small_node(t, "big-frankfurt"), NULL);

	expect_text(b, "router id 10.3.0.1;", "b");
	expect_text(b, "route 10.3.0.0/16 unreachable;", "b");
	expect_text(b, "route 100.64.0.0/24 via 10.3.128.0;", "its users");
	expect_text(b, "route 2001:db8:f800::/48 via 2001:db8:f003:1::;", "its users");
	cr_expect_null(strstr(b, "ospf"), "alone in its network");
	expect_text(big, "route 10.2.1.1/32 via 10.2.128.12;", "its nameserver");
	/* 43.4 ms to New York are cost 434. */
	expect_text(big, "interface \"big-newyork\" { type ptp; cost 43", "big");
	cr_expect_null(strstr(big, "interface \"a\""), "no OSPF outside");
	free(b);
	free(big);
	topology_free(t);
	scenario_free(s);
}

Test(bird, a_pop_may_announce_no_more_than_its_own)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *config = bird_router_config(t, small_node(t, "a"), NULL);

	expect_text(config,
		    "filter from_pop_1 {\n\tif net.type = NET_IP4 then {\n"
		    "\t\tif ! (net ~ [ 10.200.1.0/24, 198.18.0.0/15{19,24} ]) then reject;",
		    "a");
	expect_text(config, "if ! (net ~ [ 2001:db8:f701::/48, 2001:db8::/33{36,48}", "a");
	free(config);
	topology_free(t);
	scenario_free(s);
}

Test(bird, a_pop_announces_by_the_mode_of_each_variant)
{
	struct scenario *s = small_scenario(EDITS({ "speaker", "\"bird\"" }, { "hold_time", "4" }));
	struct topology *t = small_topology(s);
	char *config = bird_pop_config(t, small_node(t, "p2"));
	char *session = session_with(config, "big-newyork");

	expect_text(config, "router id 10.200.2.1;", "p2");
	expect_text(config, "route 10.200.2.0/24 unreachable;", "identity");
	expect_text(config, "route 198.18.0.0/24 unreachable;", "anycast: the shared prefix");
	expect_text(config, "route 198.18.34.0/24 unreachable;", "GeoDNS: its own");
	expect_text(config, "route 2001:db8:1002::/48 unreachable;", "GeoDNS: its own");
	cr_expect_null(strstr(config, "198.18.2.0/24"), "its own of the anycast variant");
	cr_expect_null(strstr(config, "198.18.32.0/24"), "the shared one of GeoDNS");
	expect_text(session, "local 10.2.128.6 as 64500;", "p2");
	expect_text(session, "neighbor 10.2.128.7 as 65002;", "p2");
	expect_text(session, "hold time 4;", "p2");
	expect_text(session, "import where net ~ [ 0.0.0.0/0 ]; export where source = RTS_STATIC;",
		    "p2");
	free(session);
	free(config);
	topology_free(t);
	scenario_free(s);
}

/* The first session stays as it was, but for what it carries no more. */
Test(bird, variants_with_bfd_have_sessions_of_their_own)
{
	struct scenario *s = small_scenario(
		EDITS({ "variants/0/bfd", "true" }, { "links/0/bfd", "{\"multiplier\": 4}" }));
	struct topology *t = small_topology(s);
	char *a = bird_router_config(t, small_node(t, "a"), NULL), *first = session_with(a, "p1"),
	     *second = session_with(a, "p1, BFD");
	char *b = bird_router_config(t, small_node(t, "b"), NULL);

	expect_text(first, "neighbor 10.1.128.0 as 64500;", "a");
	cr_expect_null(strstr(first, "bfd"), "%s", first);
	expect_text(second, "local 2001:db8:f001:1::1 as 65001;", "a");
	expect_text(second, "neighbor 2001:db8:f001:1:: as 64500;", "a");
	expect_text(second, "hold time 90;\n", "a");
	expect_text(second, "bfd on;\n\tpassive yes;", "a");
	expect_text(second, "ipv4 { import filter from_pop_1; export none; };", "a");
	expect_text(second, "ipv6 { import filter from_pop_1; export none; };", "a");
	expect_text(a,
		    "protocol bfd {\n\tdebug { events };\n"
		    "\tinterface \"p1\" { interval 50 ms; multiplier 4; };\n}\n",
		    "a");
	cr_expect_null(strstr(b, "bfd"), "no pop, no BFD");
	free(first);
	free(second);
	free(a);
	free(b);
	topology_free(t);
	scenario_free(s);
}

Test(bird, a_pop_announces_variants_with_bfd_by_the_second_session_only)
{
	struct scenario *s =
		small_scenario(EDITS({ "variants/1/bfd", "true" }, { "speaker", "\"bird\"" }));
	struct topology *t = small_topology(s);
	char *config = bird_pop_config(t, small_node(t, "p2"));
	char *first = session_with(config, "big-newyork"),
	     *second = session_with(config, "big-newyork, BFD");

	expect_text(config,
		    "function is_bfd() {\n\tif net.type = NET_IP4 then return net ~ [ "
		    "198.18.34.0/24 ];\n\treturn net ~ [ 2001:db8:1002::/48 ];\n}\n",
		    "p2");
	expect_text(first, "export where source = RTS_STATIC && ! is_bfd();", "p2");
	expect_text(second, "local 2001:db8:f002:4:: as 64500;", "p2");
	expect_text(second,
		    "ipv4 { next hop address 10.2.128.6; import none; "
		    "export where source = RTS_STATIC && is_bfd(); };",
		    "p2");
	expect_text(second, "ipv6 { next hop address 2001:db8:f002:4::; import none; ", "p2");
	expect_text(config, "\tinterface \"big-newyork\" { interval 50 ms; multiplier 3; };", "p2");
	free(first);
	free(second);
	free(config);
	topology_free(t);
	scenario_free(s);
}

static void balanced(const char *config, const char *name)
{
	int depth = 0;

	for (const char *c = config; *c; c++) {
		depth += (*c == '{') - (*c == '}');
		cr_assert_geq(depth, 0, "%s", name);
	}
	cr_expect_eq(depth, 0, "%s", name);
}

/* Both ends of every session name each other: addresses and AS numbers cross. */
Test(bird, sessions_of_shipped_scenarios_have_two_ends)
{
	for (char **path = small_shipped_paths(); *path; path++) {
		struct scenario *s = small_shipped(*path);
		struct topology *t = small_topology(s);

		for (size_t l = 0; l < t->link_count; l++) {
			const struct topology_link *link = &t->links[l];

			for (unsigned e = 0; e < 2; e++) {
				const struct topology_node *n = &t->nodes[link->end[e].node];
				const struct topology_node *far = &t->nodes[link->end[!e].node];
				char near_addr[ADDR_TEXT_SIZE], far_addr[ADDR_TEXT_SIZE], want[96];
				char *config, *session;

				if (n->kind != NODE_ROUTER || link->internal ||
				    (far->kind != NODE_ROUTER && far->kind != NODE_POP))
					continue;
				config = bird_router_config(t, link->end[e].node, NULL);
				balanced(config, n->name);
				session = session_with(config, far->name);
				snprintf(want, sizeof(want),
					 "local %s as %u;\n\tneighbor %s as %u;",
					 addr_format(&link->end[e].addr[0], near_addr),
					 s->networks[n->network].asn,
					 addr_format(&link->end[!e].addr[0], far_addr),
					 far->kind == NODE_POP ? POP_ASN
							       : s->networks[far->network].asn);
				expect_text(session, want, n->name);
				free(session);
				free(config);
			}
		}
		topology_free(t);
		scenario_free(s);
	}
}

/* BIRD itself parses what is written for it, for every router and pop of every shipped scenario. */
/* p1 is at a, p2 at big's router in New York. */
Test(bird, users_of_a_pop_are_sent_elsewhere)
{
	static const bool of_p1[] = { true, false };
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	size_t a = small_node(t, "a"), big = small_node(t, "big-newyork");
	char *before = bird_router_config(t, a, NULL), *shift = bird_router_config(t, a, of_p1);
	char *other = bird_router_config(t, big, of_p1), *none = bird_router_config(t, big, NULL);

	cr_expect_null(strstr(before, "= 20;"));
	expect_text(shift,
		    "\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n"
		    "\tif net = 198.18.0.0/24 && bgp_local_pref > 20 then bgp_local_pref = 20;\n"
		    "\tif net = 2001:db8::/48 && bgp_local_pref > 20 then bgp_local_pref = 20;\n"
		    "\taccept;\n}\n",
		    "a");
	cr_expect_null(strstr(shift, "net = 198.18.33."), "geo's, which p1 alone announces");
	cr_expect_str_eq(other, none, "not p2's");
	cr_expect(bird_takes(shift));
	free(before);
	free(shift);
	free(other);
	free(none);
	topology_free(t);
	scenario_free(s);
}

Test(bird, some_networks_ignore_communities)
{
	struct scenario *s = small_scenario(EDITS({ "networks/0/ignores_communities", "true" }));
	struct topology *t = small_topology(s);
	char *deaf = bird_router_config(t, small_node(t, "a"), NULL);
	char *listens = bird_router_config(t, small_node(t, "b"), NULL);

	cr_expect_null(strstr(deaf, "~ bgp_community then bgp_local_pref"));
	expect_text(deaf, "\tbgp_local_pref = 200;\n\taccept;\n", "the class is left");
	expect_text(listens, "\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n", "b");
	free(deaf);
	free(listens);
	topology_free(t);
	scenario_free(s);
}

Test(bird, bird_takes_it)
{
	for (char **scenario = small_shipped_paths(); *scenario; scenario++) {
		struct scenario *s = small_shipped(*scenario);
		struct topology *t = small_topology(s);

		for (size_t i = 0; i < t->node_count; i++) {
			bool router = t->nodes[i].kind == NODE_ROUTER;
			char *config;

			if (!router && t->nodes[i].kind != NODE_POP)
				continue;
			config = router ? bird_router_config(t, i, NULL) : bird_pop_config(t, i);
			cr_expect(bird_takes(config), "%s: %s", *scenario, t->nodes[i].name);
			free(config);
		}
		topology_free(t);
		scenario_free(s);
	}
	cr_expect_not(bird_takes("nonsense;\n"), "and would say so if it did not");
}
