/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/router_log.h"

#include <criterion/criterion.h>

#define FRR "BFD: [SEY1D-NT8EQ] state-change: [mhop:no peer:10.1.128.0 local:10.1.128.1 "

/* clang-format off */
static const struct {
	const char *name, *line, *peer; /* NULL: it says nothing */
	bool up;
} rows[] = {
	{ "BIRD, up", "bird: bfd1: Session to 2001:db8:f001:1:: changed state from Init to Up",
	  "2001:db8:f001:1::", true },
	{ "BIRD, straight up", "bird: bfd1: Session to 10.1.128.0 changed state from Down to Up",
	  "10.1.128.0", true },
	{ "BIRD, down", "bird: bfd1: Session to 10.1.128.0 changed state from Up to Down",
	  "10.1.128.0", false },
	{ "BIRD, by its administrator",
	  "bird: bfd1: Session to 10.1.128.0 changed state from Up to AdminDown", "10.1.128.0", false },
	{ "BIRD, on its way up", "bird: bfd1: Session to 10.1.128.0 changed state from Down to Init",
	  NULL, false },
	{ "BIRD, down from Init", "bird: bfd1: Session to 10.1.128.0 changed state from Init to Down",
	  NULL, false },
	{ "BIRD, of an interface",
	  "bird: ospf1: Interface fra changed state from Up to Down", NULL, false },
	{ "BIRD, no address", "bird: bfd1: Session to fra changed state from Up to Down", NULL, false },
	{ "BIRD, cut", "bird: bfd1: Session to 10.1.128.0 changed state from Up to", NULL, false },
	{ "BIRD, expired", "bird: bfd1: Session to 10.1.128.0 expired", NULL, false },
	{ "FRR, up", FRR "vrf:default ifname:fra] init -> up", "10.1.128.0", true },
	{ "FRR, down", FRR "vrf:default ifname:fra] up -> down reason:control-expired",
	  "10.1.128.0", false },
	{ "FRR, IPv6",
	  "state-change: [mhop:yes peer:2001:db8::1 local:2001:db8::2] up -> admin-down reason:x",
	  "2001:db8::1", false },
	{ "FRR, on its way up", FRR "ifname:fra] down -> init", NULL, false },
	{ "FRR, cut", FRR "ifname:fra", NULL, false },
	{ "something else", "bird: Started", NULL, false },
	{ "nothing", "", NULL, false },
};
/* clang-format on */

Test(router_log, what_lines_say)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct router_bfd bfd = { .up = !rows[i].up };
		char text[ADDR_TEXT_SIZE];

		cr_expect_eq(router_log_bfd(&bfd, rows[i].line), rows[i].peer != NULL, "%s",
			     rows[i].name);
		if (!rows[i].peer)
			continue;
		cr_expect_str_eq(addr_format(&bfd.peer, text), rows[i].peer, "%s", rows[i].name);
		cr_expect_eq(bfd.up, rows[i].up, "%s", rows[i].name);
	}
}
