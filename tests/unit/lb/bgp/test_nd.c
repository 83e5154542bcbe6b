/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/nd.h"

#define SOLICIT	 133, 0, 1, 2, 0, 0, 0, 0
#define ADVERT	 134, 0, 1, 2, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0
#define LINK	 1, 1, 2, 0, 0, 0, 0, 1 /* source link-layer address */
#define MTU	 5, 1, 0, 0, 0, 0, 5, 220
#define SAY_NONE BGP_ND_NONE

/* clang-format off */
static const struct {
	const char *what;
	uint8_t bytes[40];
	size_t len;
	int hop_limit;
	const char *from;
	enum bgp_nd_type want;
} rows[] = {
	{ "advertisement", { ADVERT }, 16, 255, "fe80::1", BGP_ND_ADVERT },
	{ "with options", { ADVERT, LINK, MTU }, 32, 255, "fe80::1", BGP_ND_ADVERT },
	{ "with an unknown option", { ADVERT, 200, 1, 0, 0, 0, 0, 0, 0 }, 24, 255, "fe80::1",
	  BGP_ND_ADVERT },
	{ "through a router", { ADVERT }, 16, 254, "fe80::1", SAY_NONE },
	{ "from a global address", { ADVERT }, 16, 255, "2001:db8::1", SAY_NONE },
	{ "from nobody", { ADVERT }, 16, 255, "::", SAY_NONE },
	{ "one octet short", { ADVERT }, 15, 255, "fe80::1", SAY_NONE },
	{ "code 1", { 134, 1, 1, 2, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0 }, 16, 255, "fe80::1",
	  SAY_NONE },
	{ "option of length 0", { ADVERT, 1, 0, 0, 0, 0, 0, 0, 0 }, 24, 255, "fe80::1", SAY_NONE },
	{ "option overruns", { ADVERT, 1, 2, 0, 0, 0, 0, 0, 0 }, 24, 255, "fe80::1", SAY_NONE },
	{ "half an option", { ADVERT, 1 }, 17, 255, "fe80::1", SAY_NONE },
	{ "solicitation", { SOLICIT }, 8, 255, "fe80::1", BGP_ND_SOLICIT },
	{ "solicitation from nobody yet", { SOLICIT }, 8, 255, "::", BGP_ND_SOLICIT },
	{ "from nobody, with an address", { SOLICIT, LINK }, 16, 255, "::", SAY_NONE },
	{ "solicitation through a router", { SOLICIT }, 8, 64, "fe80::1", SAY_NONE },
	{ "solicitation of 7", { SOLICIT }, 7, 255, "fe80::1", SAY_NONE },
	{ "neighbour solicitation", { 135, 0, 0, 0, 0, 0, 0, 0 }, 8, 255, "fe80::1", SAY_NONE },
	{ "nothing", { 0 }, 0, 255, "fe80::1", SAY_NONE },
};
/* clang-format on */

Test(bgp_nd, decode)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr from;

		cr_assert(addr_parse(&from, rows[i].from));
		cr_expect_eq(bgp_nd_decode(rows[i].bytes, rows[i].len, rows[i].hop_limit, &from),
			     rows[i].want, "%s", rows[i].what);
	}
}

Test(bgp_nd, round_trip)
{
	static const enum bgp_nd_type types[] = { BGP_ND_SOLICIT, BGP_ND_ADVERT };
	uint8_t buf[BGP_ND_SIZE_MAX];
	struct addr from;

	addr_parse(&from, "fe80::1");
	for (size_t i = 0; i < 2; i++) {
		size_t len = bgp_nd_encode(types[i], buf, sizeof(buf));

		cr_assert_gt(len, 0);
		cr_expect_eq(bgp_nd_decode(buf, len, 255, &from), types[i]);
		for (size_t size = 0; size < len; size++) {
			cr_expect_eq(bgp_nd_encode(types[i], buf, size), 0, "fits in %zu", size);
			cr_expect_eq(bgp_nd_decode(buf, size, 255, &from), BGP_ND_NONE);
		}
	}
	bgp_nd_encode(BGP_ND_ADVERT, buf, sizeof(buf));
	cr_expect_eq(buf[6] << 8 | buf[7], 0, "lifetime: nobody's default router");
	cr_expect_eq(bgp_nd_encode(BGP_ND_NONE, buf, sizeof(buf)), 0);
}
