/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/router/bird.h"
#include "tests/unit/testbed/router/written.h"
#include "tests/unit/testbed/small.h"

/* p1 is a rack with two upstreams, in whatever way the author wrote it. */
#define RACK                                                                                       \
	EDITS({ "hold_time", "4" }, { "pops/0/shape", "\"rack\"" },                                \
	      { "links/4", "{\"from\": \"big\", \"to\": \"p1\", \"relation\": \"provider\"}" })

/* Its own parser takes it; frees it. */
static void expect_taken(char *config, const char *name)
{
	cr_expect(bird_takes(config), "%s:\n%s", name, config);
	free(config);
}

/* clang-format off */
static const char *const parts[] = {
	"# p1-edge\n",
	"router id 10.201.1.1;\n",
	/* Several paths become one route. */
	"protocol kernel { ipv4 { import none; export all; }; scan time 60;\n\tmerge paths yes; }\n",
	"protocol kernel { ipv6 { import none; export all; }; scan time 60;\n\tmerge paths yes; }\n",
	"filter from_lb {\n\tif net.type = NET_IP4 then {\n"
	"\t\tif ! (net ~ [ 10.200.1.0/24, 198.18.0.0/15{19,24} ]) then reject;\n",
	"\t\tif ! (net ~ [ 2001:db8:f701::/48, 2001:db8::/33{36,48},",
	"protocol bgp lb { # p1\n"
	"\tlocal 10.201.1.1 as 64500;\n\tneighbor 10.201.1.2 as 64500;\n"
	"\tdirect;\n\tpassive yes;\n\thold time 90;\n\terror wait time 1, 2;\n"
	"\tipv4 { next hop self; import filter from_lb; export where net.len = 0; };\n"
	"\tipv6 { next hop self; import filter from_lb; export where net.len = 0; };\n}\n",
	"protocol bgp up_1 { # a\n"
	"\tlocal 10.1.128.0 as 64500;\n\tneighbor 10.1.128.1 as 65001;\n"
	"\thold time 4;\n\tconnect delay time 1;\n\tconnect retry time 1;\n\terror wait time 1, 2;\n"
	"\tipv4 { import where net ~ [ 0.0.0.0/0 ]; export where proto = \"lb\"; };\n"
	"\tipv6 { import where net ~ [ ::/0 ]; export where proto = \"lb\"; };\n}\n",
	"protocol bgp up_2 { # big-frankfurt\n",
};
/* clang-format on */

Test(bird_edge, between_the_lb_and_the_upstreams)
{
	struct scenario *s = small_scenario(RACK);
	struct topology *t = small_topology(s);
	char *config = bird_edge_config(t, small_node(t, "p1-edge"));

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		expect_text(config, parts[i], "p1-edge");
	cr_expect_null(strstr(config, "up_3"));
	free(config);
	topology_free(t);
	scenario_free(s);
}

/* clang-format off */
static const char *const bfd_parts[] = {
	"function is_bfd() {\n\tif net.type = NET_IP4 then return net ~ [ 198.18.33.0/24 ];\n"
	"\treturn net ~ [ 2001:db8:1001::/48 ];\n}\n",
	/* What each of the lb's sessions says goes out by the one of its kind. */
	"ipv4 { import where net ~ [ 0.0.0.0/0 ]; export where proto = \"lb\"; };\n",
	"protocol bgp up_1_bfd { # a, BFD\n"
	"\tlocal 2001:db8:f001:1:: as 64500;\n\tneighbor 2001:db8:f001:1::1 as 65001;\n",
	"\tipv4 { next hop address 10.1.128.0; import none; "
	"export where proto = \"lb_bfd\" && is_bfd(); };\n",
	"protocol bgp lb_bfd { # p1, BFD\n"
	"\tlocal 2001:db8:f601::1 as 64500;\n\tneighbor 2001:db8:f601::2 as 64500;\n\tdirect;\n"
	"\thold time 90;\n\terror wait time 1, 2;\n\tbfd on;\n\tpassive yes;\n"
	"\tipv4 { import filter from_lb; export none; };\n",
	"\tinterface \"a\" { interval 50 ms; multiplier 3; };\n",
	"\tinterface \"p1\" { interval 50 ms; multiplier 3; };\n",
};
/* clang-format on */

Test(bird_edge, variants_with_bfd_have_sessions_of_their_own)
{
	struct scenario *s =
		small_scenario(EDITS({ "pops/0/shape", "\"rack\"" }, { "variants/1/bfd", "true" }));
	struct topology *t = small_topology(s);
	char *config = bird_edge_config(t, small_node(t, "p1-edge")), *pop;

	for (size_t i = 0; i < sizeof(bfd_parts) / sizeof(bfd_parts[0]); i++)
		expect_text(config, bfd_parts[i], "p1-edge");
	expect_taken(config, "p1-edge");
	pop = bird_pop_config(t, small_node(t, "p1"));
	expect_text(pop,
		    "protocol bgp up_1_bfd { # p1-edge, BFD\n"
		    "\tlocal 2001:db8:f601::2 as 64500;\n\tneighbor 2001:db8:f601::1 as 64500;\n"
		    "\tdirect;\n",
		    "p1");
	expect_taken(pop, "p1");
	topology_free(t);
	scenario_free(s);
}

/* For an upstream it is the pop. */
Test(bird_edge, an_upstream_sees_a_pop)
{
	struct scenario *s = small_scenario(RACK);
	struct topology *t = small_topology(s);
	char *config = bird_router_config(t, small_node(t, "a"), NULL);

	expect_text(config,
		    "protocol bgp pop_1 { # p1-edge\n"
		    "\tlocal 10.1.128.1 as 65001;\n\tneighbor 10.1.128.0 as 64500;\n",
		    "a");
	expect_text(config,
		    "filter from_pop_1 {\n\tif net.type = NET_IP4 then {\n"
		    "\t\tif ! (net ~ [ 10.200.1.0/24, 198.18.0.0/15{19,24} ]) then reject;",
		    "a");
	expect_text(config, "import filter from_pop_1; export where net.len = 0;", "a");
	free(config);
	topology_free(t);
	scenario_free(s);
}

/* "speaker": "bird" has its place in a rack, too. */
Test(bird_edge, bird_behind_it)
{
	struct scenario *s = small_scenario(RACK);
	struct topology *t = small_topology(s);
	char *config = bird_pop_config(t, small_node(t, "p1"));

	expect_text(config,
		    "protocol bgp up_1 { # p1-edge\n"
		    "\tlocal 10.201.1.2 as 64500;\n\tneighbor 10.201.1.1 as 64500;\n"
		    "\tdirect;\n\thold time 4;\n",
		    "p1");
	expect_text(config, "route 198.18.0.0/24 unreachable;", "p1");
	cr_expect_null(strstr(config, "up_2"));
	free(config);
	topology_free(t);
	scenario_free(s);
}

Test(bird_edge, bird_takes_it)
{
	struct scenario *s = small_scenario(RACK);
	struct topology *t = small_topology(s);

	expect_taken(bird_edge_config(t, small_node(t, "p1-edge")), "p1-edge");
	expect_taken(bird_pop_config(t, small_node(t, "p1")), "p1");
	expect_taken(bird_router_config(t, small_node(t, "a"), NULL), "a");
	topology_free(t);
	scenario_free(s);
}
