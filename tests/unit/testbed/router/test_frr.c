/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/router/frr.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/testbed/router/written.h"
#include "tests/unit/testbed/small.h"

/* A router's configuration in the small scenario, edited. */
static char *config_of(const struct edit *edits, const char *node)
{
	struct scenario *s = small_scenario(edits);
	struct topology *t = small_topology(s);
	char *config = frr_router_config(t, small_node(t, node));

	topology_free(t);
	scenario_free(s);
	return config;
}

/* The address that the configuration has for a peer of this name. */
static void address_of(const char *config, const char *peer, char out[64])
{
	char line[64];
	const char *end;

	snprintf(line, sizeof(line), " description %s\n", peer);
	end = strstr(config, line);
	cr_assert_not_null(end, "no session with %s in:\n%s", peer, config);
	for (const char *c = end; c > config; c--) {
		if (strncmp(c, " neighbor ", 10) == 0) {
			snprintf(out, 64, "%.*s", (int)(end - c - 10), c + 10);
			return;
		}
	}
	cr_assert_fail("no address");
}

/*
 * What one address family says of a peer, one word pair after the other:
 * "route-map from_peer in, prefix-list global out, ". The caller frees it.
 */
static char *policies_with(const char *config, const char *family, const char *peer)
{
	char address[64], head[80], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	const char *line, *end;

	address_of(config, peer, address);
	snprintf(head, sizeof(head), " address-family %s unicast\n", family);
	line = strstr(config, head);
	cr_assert_not_null(line);
	end = strstr(line, "exit-address-family");
	snprintf(head, sizeof(head), "\n  neighbor %s ", address);
	while ((line = strstr(line, head)) && line < end) {
		line += strlen(head);
		if (strncmp(line, "activate", 8) != 0)
			fprintf(f, "%.*s, ", (int)(strchr(line, '\n') - line), line);
	}
	fclose(f);
	return text;
}

/* What `at` does with routes from and to `peer` when the scenario says `relation` of a to big. */
struct role_row {
	const char *relation, *at, *peer, *policies;
};

#define FROM_PROVIDER                                                                              \
	"route-map from_provider in, prefix-list global out, route-map to_others out, "
#define FROM_PEER     "route-map from_peer in, prefix-list global out, route-map to_others out, "
#define FROM_CUSTOMER "route-map from_customer in, prefix-list global out, "
#define FROM_POP      "prefix-list pop_1 in, route-map from_pop_1 in, prefix-list default out, "

/* clang-format off */
static const struct role_row role_rows[] = {
	{ "\"customer\"", "a", "big-frankfurt", FROM_PROVIDER },
	{ "\"customer\"", "big-frankfurt", "a", FROM_CUSTOMER },
	{ "\"provider\"", "a", "big-frankfurt", FROM_CUSTOMER },
	{ "\"provider\"", "big-frankfurt", "a", FROM_PROVIDER },
	{ "\"peer\"",     "a", "big-frankfurt", FROM_PEER },
	{ "\"peer\"",     "big-frankfurt", "a", FROM_PEER },
	/* These do not depend on it. */
	{ "\"peer\"",     "a", "p1",            FROM_POP },
	{ "\"peer\"",     "big-frankfurt", "b", FROM_CUSTOMER },
};
/* clang-format on */

Test(frr, relations_decide_what_passes)
{
	static const char *const families[] = { "ipv4", "ipv6" };

	for (size_t i = 0; i < sizeof(role_rows) / sizeof(role_rows[0]); i++) {
		const struct role_row *row = &role_rows[i];
		char *config = config_of(EDITS({ "links/2/relation", row->relation }), row->at);

		for (size_t f = 0; f < 2; f++) {
			char *got = policies_with(config, families[f], row->peer);

			cr_expect_str_eq(got, row->policies, "%s at %s, %s: %s", row->relation,
					 row->at, families[f], got);
			free(got);
		}
		free(config);
	}
}

Test(frr, preferences_and_communities)
{
	static const char *const parts[] = {
		/* GRACEFUL_SHUTDOWN before the action community before the class. */
		"route-map from_customer permit 10\n match community shutdown\n"
		" set comm-list marks delete\n set community 65001:1 additive\n"
		" set local-preference 0\nexit\n"
		"route-map from_customer permit 20\n match community lowered\n"
		" set comm-list marks delete\n set community 65001:1 additive\n"
		" set local-preference 40\nexit\n"
		"route-map from_customer permit 30\n"
		" set comm-list marks delete\n set community 65001:1 additive\n"
		" set local-preference 200\nexit\n",
		" set community 65001:2 additive\n set local-preference 150\nexit\n",
		" set community 65001:3 additive\n set local-preference 100\nexit\n",
		"bgp community-list standard marks seq 10 permit 65001:1\n"
		"bgp community-list standard marks seq 20 permit 65001:2\n"
		"bgp community-list standard marks seq 30 permit 65001:3\n",
		"bgp community-list standard lowered seq 10 permit 65001:40\n",
		"bgp community-list standard shutdown seq 10 permit 65535:0\n",
		/* To others than customers only what customers announce, and the own. */
		"bgp as-path access-list own seq 10 permit ^$\n",
		"route-map to_others permit 10\n match as-path own\nexit\n"
		"route-map to_others permit 20\n match community customer\nexit\n",
		/* Host routes and the default stay inside. */
		"ip prefix-list global seq 10 permit 10.0.0.0/8 ge 16 le 24\n"
		"ip prefix-list global seq 20 permit 100.64.0.0/10 ge 24 le 24\n"
		"ip prefix-list global seq 30 permit 198.18.0.0/15 ge 19 le 24\n",
		"ipv6 prefix-list global seq 10 permit 2001:db8::/32 ge 36 le 48\n",
		"\n no bgp ebgp-requires-policy\n",
	};
	char *config = config_of(EDITS(), "a");

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		expect_text(config, parts[i], "a");
	/* Or bgpd would hear of the route-maps 5 s after it has taken the neighbors. */
	cr_expect_lt(strstr(config, "route-map to_others permit 20"), strstr(config, "router bgp"));
	free(config);
}

Test(frr, inside_a_network)
{
	char *config = config_of(EDITS(), "big-frankfurt");
	char *ipv4 = policies_with(config, "ipv4", "big-newyork");
	char *ipv6 = policies_with(config, "ipv6", "big-newyork");

	cr_expect_str_eq(ipv4, "next-hop-self, ");
	cr_expect_str_eq(ipv6, "next-hop-self, route-map to_inside out, ");
	expect_text(config,
		    "route-map to_inside permit 10\n set ipv6 next-hop global 2001:db8:f002::1\n",
		    "IPv6");
	expect_text(
		config,
		" neighbor 10.2.0.2 remote-as 65002\n neighbor 10.2.0.2 description big-newyork\n"
		" neighbor 10.2.0.2 update-source 10.2.0.1\n neighbor 10.2.0.2 timers 30 90\n",
		"big");
	/* 43.4 ms to New York are cost 434. */
	expect_text(config,
		    "interface big-newyork\n ip ospf network point-to-point\n ip ospf cost 434\n"
		    " ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf area 0\n"
		    " ipv6 ospf6 network point-to-point\n ipv6 ospf6 cost 434\n",
		    "big");
	expect_text(config, "interface a\n ip ospf area 0\n ip ospf passive\n", "outside");
	expect_text(config, "ip route 10.2.0.2/32 10.2.128.1 250\n", "until OSPF knows");
	free(ipv4);
	free(ipv6);
	free(config);
}

Test(frr, a_router_knows_its_own)
{
	char *b = config_of(EDITS(), "b"), *big = config_of(EDITS(), "big-frankfurt");

	expect_text(b, "router bgp 65003\n bgp router-id 10.3.0.1\n", "b");
	expect_text(b, "\nip route 10.3.0.0/16 reject\nip route 100.64.0.0/24 10.3.128.0\n", "b");
	expect_text(b, "\nipv6 route 2001:db8:f800::/48 2001:db8:f003:1::\n", "its users");
	expect_text(b, "\nip route 0.0.0.0/0 reject\n", "b");
	expect_text(b, "  network 10.3.0.0/16\n  network 100.64.0.0/24\n  network 0.0.0.0/0\n",
		    "b");
	cr_expect_null(strstr(b, "ospf"), "alone in its network");
	expect_text(big, "\nip route 10.2.1.1/32 10.2.128.12\n", "its nameserver");
	free(b);
	free(big);
}

Test(frr, a_pop_may_announce_no_more_than_its_own)
{
	char *config = config_of(EDITS(), "a");

	expect_text(config,
		    "ip prefix-list pop_1 seq 10 permit 10.200.1.0/24\n"
		    "ip prefix-list pop_1 seq 20 permit 198.18.0.0/15 ge 19 le 24\n"
		    "ipv6 prefix-list pop_1 seq 10 permit 2001:db8:f701::/48\n"
		    "ipv6 prefix-list pop_1 seq 20 permit 2001:db8::/33 ge 36 le 48\n"
		    "ipv6 prefix-list pop_1 seq 30 permit 2001:db8:8000::/34 ge 36 le 48\n"
		    "ipv6 prefix-list pop_1 seq 40 permit 2001:db8:c000::/35 ge 36 le 48\n"
		    /* Longer than its own length it need not say. */
		    "ipv6 prefix-list pop_1 seq 50 permit 2001:db8:e000::/36 le 48\n",
		    "a");
	expect_text(config, "ip prefix-list default seq 10 permit 0.0.0.0/0\n", "what it gets");
	expect_text(config, " passive\n", "the pop dials");
	free(config);
}

/* Between networks by the profile, to pops and inside never. */
Test(frr, only_some_wait_between_updates)
{
	char *ideal = config_of(EDITS(), "a");
	struct scenario *s = small_scenario(EDITS({ "profile", "\"internet\"" }));
	struct topology *t = small_topology(s);

	cr_expect_null(strstr(ideal, "advertisement-interval 2"));
	cr_expect_null(strstr(ideal, "advertisement-interval 3"));
	free(ideal);
	for (size_t i = 0; i < t->node_count; i++) {
		char *config, want[64];

		if (t->nodes[i].kind != NODE_ROUTER)
			continue;
		config = frr_router_config(t, i);
		for (size_t l = 0; l < t->nodes[i].link_count; l++) {
			const struct topology_link *link = &t->links[t->nodes[i].links[l]];
			unsigned end = topology_end_at(link, i);
			char address[ADDR_TEXT_SIZE];

			if (link->internal || t->nodes[link->end[!end].node].kind > NODE_POP)
				continue;
			snprintf(want, sizeof(want), " neighbor %s advertisement-interval %u\n",
				 addr_format(&link->end[!end].addr[0], address),
				 link->end[end].mrai_s);
			expect_text(config, want, t->nodes[i].name);
		}
		free(config);
	}
	topology_free(t);
	scenario_free(s);
}

/* As in bird_bfd.h, in FRR's words. */
Test(frr, variants_with_bfd_have_sessions_of_their_own)
{
	const struct edit *edits =
		EDITS({ "variants/0/bfd", "true" }, { "links/0/bfd", "{\"interval_ms\": 20}" });
	char *a = config_of(edits, "a"), *b = config_of(edits, "b"), address[64];
	char *first = policies_with(a, "ipv6", "p1"), *second = policies_with(a, "ipv6", "p1, BFD");

	address_of(a, "p1, BFD", address);
	cr_expect_str_eq(address, "2001:db8:f001:1::");
	cr_expect_str_eq(first, FROM_POP);
	cr_expect_str_eq(second, "prefix-list pop_1 in, route-map from_pop_1 in, "
				 "prefix-list nothing out, ");
	expect_text(a, " neighbor 2001:db8:f001:1:: update-source 2001:db8:f001:1::1\n", "a");
	expect_text(a,
		    " neighbor 2001:db8:f001:1:: passive\n neighbor 2001:db8:f001:1:: bfd\n"
		    " neighbor 2001:db8:f001:1:: bfd profile pop_1\n",
		    "a");
	expect_text(a,
		    "\nbfd\n profile pop_1\n  detect-multiplier 3\n  receive-interval 20\n"
		    "  transmit-interval 20\n exit\nexit\n",
		    "a");
	expect_text(a, "\nip prefix-list nothing seq 10 deny any\n", "a");
	cr_expect_null(strstr(b, "bfd"), "no pop, no BFD");
	free(first);
	free(second);
	free(a);
	free(b);
}

Test(frr, bfd_is_a_daemon_of_its_own)
{
	struct scenario *s = small_scenario(EDITS({ "variants/0/bfd", "true" }));
	struct topology *t = small_topology(s);
	const char *const *a = frr_router_daemons(t, small_node(t, "a"));
	const char *const *b = frr_router_daemons(t, small_node(t, "b"));
	const char *const *big = frr_router_daemons(t, small_node(t, "big-newyork"));

	cr_expect_str_eq(a[2], "bfdd");
	cr_expect_str_eq(a[3], "bgpd");
	cr_expect_null(a[4]);
	cr_expect_str_eq(b[2], "bgpd");
	cr_expect_null(b[3]);
	cr_expect_str_eq(big[2], "bfdd");
	cr_expect_str_eq(big[5], "ospf6d");
	cr_expect_null(big[6]);
	topology_free(t);
	scenario_free(s);
}

/* FRR's own shell parses what is written for it, for every router of every shipped scenario. */
/* p1 is at a, p2 at big's router in New York. */
Test(frr, users_of_a_pop_are_sent_elsewhere)
{
	static const bool of_p1[] = { true, false };
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	size_t a = small_node(t, "a"), big = small_node(t, "big-newyork");
	char *before = frr_router_config(t, a), *shift = frr_shift_config(t, a, of_p1);
	char *other = frr_shift_config(t, big, of_p1), *again = frr_shift_again(t, a);

	expect_text(before,
		    "ip prefix-list shift_1 seq 10 deny 198.18.0.0/24\n"
		    "ip prefix-list shift_1 seq 1000 deny any\n"
		    "ipv6 prefix-list shift_1 seq 10 deny 2001:db8::/48\n",
		    "nobody is");
	expect_text(before,
		    "route-map from_pop_1 permit 15\n match ip address prefix-list shift_1\n"
		    " set comm-list marks delete\n set community 65001:1 additive\n"
		    " set local-preference 20\nexit\n"
		    "route-map from_pop_1 permit 16\n match ipv6 address prefix-list shift_1\n",
		    "a");
	expect_text(shift, "ip prefix-list shift_1 seq 10 permit 198.18.0.0/24\n", "IPv4");
	expect_text(shift, "ipv6 prefix-list shift_1 seq 10 permit 2001:db8::/48\n", "IPv6");
	cr_expect_null(strstr(shift, "198.18.33."), "geo's, which p1 alone announces");
	cr_expect_null(strstr(other, "permit"), "not p2's");
	cr_expect_str_eq(again, "vtysh -c 'clear bgp ipv4 unicast 10.1.128.0 soft in'"
				" -c 'clear bgp ipv6 unicast 10.1.128.0 soft in'");
	cr_expect(frr_takes(shift));
	free(before);
	free(shift);
	free(other);
	free(again);
	topology_free(t);
	scenario_free(s);
}

Test(frr, some_networks_ignore_communities)
{
	char *deaf = config_of(EDITS({ "networks/0/ignores_communities", "true" }), "a");

	cr_expect_null(strstr(deaf, "match community lowered"));
	cr_expect_null(strstr(deaf, "match community shutdown"));
	cr_expect_null(strstr(deaf, " set local-preference 0\n"));
	expect_text(deaf, "route-map from_pop_1 permit 30\n", "the class is left");
	expect_text(deaf, " set local-preference 20\n", "its own wishes are no community's");
	free(deaf);
}

Test(frr, vtysh_takes_it)
{
	for (char **scenario = small_shipped_paths(); *scenario; scenario++) {
		struct scenario *s = small_shipped(*scenario);
		struct topology *t = small_topology(s);

		for (size_t i = 0; i < t->node_count; i++) {
			char *config;

			if (t->nodes[i].kind != NODE_ROUTER)
				continue;
			config = frr_router_config(t, i);
			cr_expect(frr_takes(config), "%s: %s", *scenario, t->nodes[i].name);
			free(config);
		}
		topology_free(t);
		scenario_free(s);
	}
	cr_expect_not(frr_takes("router bgp 1\n nonsense\n"), "and would say so if it did not");
}
