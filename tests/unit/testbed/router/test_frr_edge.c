/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "testbed/router/frr.h"
#include "tests/unit/testbed/router/written.h"
#include "tests/unit/testbed/small.h"

/* clang-format off */
static const char *const parts[] = {
	"! p1-edge\n",
	"ip prefix-list lb seq 10 permit 10.200.1.0/24\n"
	"ip prefix-list lb seq 20 permit 198.18.0.0/15 ge 19 le 24\n",
	"ipv6 prefix-list lb seq 10 permit 2001:db8:f701::/48\n",
	"router bgp 64500\n bgp router-id 10.201.1.1\n",
	/* Or two upstreams would not make one route. */
	" bgp bestpath as-path multipath-relax\n",
	" neighbor 10.201.1.2 remote-as 64500\n neighbor 10.201.1.2 description p1\n"
	" neighbor 10.201.1.2 update-source 10.201.1.1\n neighbor 10.201.1.2 timers 30 90\n"
	" neighbor 10.201.1.2 timers connect 1\n neighbor 10.201.1.2 advertisement-interval 0\n"
	" neighbor 10.201.1.2 passive\n",
	" neighbor 10.1.128.1 remote-as 65001\n neighbor 10.1.128.1 description a\n"
	" neighbor 10.1.128.1 update-source 10.1.128.0\n neighbor 10.1.128.1 timers 1 4\n"
	" neighbor 10.1.128.1 timers connect 1\n neighbor 10.1.128.1 advertisement-interval 0\n"
	" neighbor",
	" description big-frankfurt\n",
	" bgp graceful-restart-disable\n",
	" address-family ipv4 unicast\n  maximum-paths 16\n"
	"  neighbor 10.1.128.1 activate\n  neighbor 10.1.128.1 prefix-list default in\n"
	"  neighbor 10.1.128.1 prefix-list lb out\n",
	"  neighbor 10.201.1.2 activate\n  neighbor 10.201.1.2 prefix-list lb in\n"
	"  neighbor 10.201.1.2 prefix-list default out\n  neighbor 10.201.1.2 next-hop-self\n"
	" exit-address-family\n address-family ipv6 unicast\n",
};

static const char *const bfd_parts[] = {
	"ip prefix-list fast seq 20 permit 198.18.33.0/24\n"
	"ipv6 prefix-list fast seq 20 permit 2001:db8:1001::/48\n"
	"route-map slow deny 10\n match ip address prefix-list fast\nexit\n"
	"route-map slow deny 20\n match ipv6 address prefix-list fast\nexit\n"
	"route-map slow permit 30\nexit\n",
	" profile pop_1\n  detect-multiplier 3\n  receive-interval 50\n",
	" neighbor 2001:db8:f001:1::1 bfd\n neighbor 2001:db8:f001:1::1 bfd profile pop_1\n",
	" neighbor 2001:db8:f601::2 remote-as 64500\n"
	" neighbor 2001:db8:f601::2 description p1, BFD\n",
	/* What each kind of session takes and tells. */
	"  neighbor 10.1.128.1 prefix-list default in\n  neighbor 10.1.128.1 prefix-list lb out\n"
	"  neighbor 10.1.128.1 route-map slow out\n",
	"  neighbor 2001:db8:f001:1::1 prefix-list nothing in\n"
	"  neighbor 2001:db8:f001:1::1 prefix-list fast out\n",
	"  neighbor 2001:db8:f601::2 prefix-list lb in\n"
	"  neighbor 2001:db8:f601::2 prefix-list nothing out\n",
};
/* clang-format on */

/* That these are in p1-edge's, and FRR's own shell parses it. */
static void expect_config(const struct edit *edits, const char *const *want, size_t count)
{
	struct scenario *s = small_scenario(edits);
	struct topology *t = small_topology(s);
	char *config = frr_edge_config(t, small_node(t, "p1-edge"));

	for (size_t i = 0; i < count; i++)
		expect_text(config, want[i], "p1-edge");
	cr_expect(frr_takes(config), "%s", config);
	free(config);
	topology_free(t);
	scenario_free(s);
}

Test(frr_edge, between_the_lb_and_the_upstreams)
{
	expect_config(EDITS({ "hold_time", "4" }, { "pops/0/shape", "\"rack\"" },
			    { "pops/0/router", "\"frr\"" },
			    { "links/4", "{\"from\": \"big\", \"to\": \"p1\", "
					 "\"relation\": \"provider\"}" }),
		      parts, sizeof(parts) / sizeof(parts[0]));
}

Test(frr_edge, variants_with_bfd_have_sessions_of_their_own)
{
	expect_config(EDITS({ "pops/0/shape", "\"rack\"" }, { "pops/0/router", "\"frr\"" },
			    { "variants/1/bfd", "true" }),
		      bfd_parts, sizeof(bfd_parts) / sizeof(bfd_parts[0]));
}
