/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/next_hop.h"

#define NONE NULL

static const struct {
	const char *what;
	const char *local, *if4, *if6; /* the session's end, the interface's addresses */
	const char *conf4, *conf6;
	bool ipv4, ipv6, extended; /* negotiated */
	const char *want4, *want6, *want_ll;
} rows[] = {
	{ "over IPv4", "10.0.0.1", "10.0.0.9", "2001:db8::1", NONE, NONE, true, true, false,
	  "10.0.0.1", "2001:db8::1", "none" },
	{ "over IPv4, which stays so", "10.0.0.1", "10.0.0.9", "2001:db8::1", NONE, NONE, true,
	  true, true, "10.0.0.1", "2001:db8::1", "none" },
	{ "over IPv6", "2001:db8::2", "10.0.0.9", "2001:db8::1", NONE, NONE, true, true, false,
	  "10.0.0.9", "2001:db8::2", "none" },
	{ "over IPv6 for both", "2001:db8::2", "10.0.0.9", "2001:db8::1", NONE, NONE, true, true,
	  true, "2001:db8::2", "2001:db8::2", "none" },
	{ "over IPv6 for IPv4 alone", "2001:db8::2", NONE, "2001:db8::2", NONE, NONE, true, false,
	  true, "2001:db8::2", "none", "none" },
	{ "unnumbered", "fe80::1", NONE, NONE, NONE, NONE, true, true, true, "fe80::1", "fe80::1",
	  "none" },
	{ "unnumbered, RFC 8950 refused", "fe80::1", NONE, NONE, NONE, NONE, true, true, false,
	  "none", "fe80::1", "none" },
	{ "link-local beside global", "fe80::1", NONE, "2001:db8::1", NONE, NONE, true, true, true,
	  "2001:db8::1", "2001:db8::1", "fe80::1" },
	{ "as configured, and nothing beside it", "fe80::1", NONE, "2001:db8::1", NONE,
	  "2001:db8::7", true, true, true, "2001:db8::7", "2001:db8::7", "none" },
	{ "IPv4 as configured", "fe80::1", NONE, NONE, "192.0.2.1", NONE, true, true, true,
	  "192.0.2.1", "fe80::1", "none" },
	{ "one family", "10.0.0.1", "10.0.0.1", "2001:db8::1", NONE, NONE, true, false, false,
	  "10.0.0.1", "none", "none" },
	{ "from lo", "192.0.2.9", NONE, NONE, NONE, NONE, true, true, false, "192.0.2.9", "none",
	  "none" },
};

static struct addr addr_of(const char *text)
{
	struct addr addr = { 0 };

	cr_assert(!text || addr_parse(&addr, text), "%s", text);
	return addr;
}

Test(bgp_next_hop, choose)
{
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct bgp_peer_conf conf = { .next_hop4 = addr_of(rows[i].conf4),
						    .next_hop6 = addr_of(rows[i].conf6) };
		const struct bgp_negotiated both = { .ipv4 = rows[i].ipv4,
						     .ipv6 = rows[i].ipv6,
						     .extended_next_hop = rows[i].extended };
		const struct bgp_interface interface = { 1, addr_of(rows[i].if4),
							 addr_of(rows[i].if6) };
		const struct addr local = addr_of(rows[i].local);
		struct bgp_next_hops got = bgp_next_hops_choose(&conf, &both, &local, &interface);

		cr_expect_str_eq(addr_format(&got.ipv4, text), rows[i].want4, "%s: IPv4 by %s",
				 rows[i].what, text);
		cr_expect_str_eq(addr_format(&got.ipv6, text), rows[i].want6, "%s: IPv6 by %s",
				 rows[i].what, text);
		cr_expect_str_eq(addr_format(&got.link_local, text), rows[i].want_ll,
				 "%s: beside it %s", rows[i].what, text);
	}
}

Test(bgp_next_hop, of_an_interface)
{
	struct addr loopback = addr_of("127.0.0.1"), nowhere = addr_of("192.0.2.1");
	struct bgp_interface by_addr = bgp_interface_find(NULL, &loopback);
	struct bgp_interface by_name = bgp_interface_find("lo", &nowhere);

	cr_expect_gt(by_addr.index, 0);
	cr_expect_eq(by_addr.index, by_name.index);
	cr_expect(by_name.ipv4.family == ADDR_NONE && by_addr.ipv4.family == ADDR_NONE &&
			  by_name.ipv6.family == ADDR_NONE,
		  "nobody else reaches what is on lo");
	cr_expect_eq(bgp_interface_find(NULL, &nowhere).index, 0);
}
