/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/update.h"
#include "tests/unit/lb/bgp/octets.h"

#define MP_DEF	 0x80, 14, 22, MP_HEAD, 0 /* ::/0 via 2001:db8::1 */
#define DEFAULT4 0			  /* 0.0.0.0/0 as NLRI */

struct row {
	const char *what;
	uint8_t attrs[80];
	uint8_t attrs_len;
	uint8_t nlri[8];
	uint8_t nlri_len;
	enum bgp_verdict verdict;
	uint8_t subcode; /* with BGP_UPDATE_RESET */
	int ipv4, ipv6;	 /* bgp_update_find() of the default route */
};

#define D4 { DEFAULT4 }, 1

/* clang-format off */
static const struct row rows[] = {
	{ "default route", { ORIGIN, PATH, HOP }, 20, D4, OK, 0, 1, 0 },
	{ "another prefix", { ORIGIN, PATH, HOP }, 20, { 8, 10 }, 2, OK, 0, 0, 0 },
	{ "two prefixes", { ORIGIN, PATH, HOP }, 20, { 8, 10, 0 }, 3, OK, 0, 1, 0 },
	{ "IPv6 default route", { MP_DEF, ORIGIN, PATH }, 38, { 0 }, 0, OK, 0, 0, 1 },
	{ "both families at once", { MP_DEF, ORIGIN, PATH, HOP }, 45, D4, OK, 0, 1, 1 },
	{ "IPv6 withdrawn", { 0x80, 15, 4, 0, 2, 1, 0 }, 7, { 0 }, 0, OK, 0, 0, -1 },
	{ "link-local beside global",
	  { 0x80, 14, 38, 0, 2, 1, 32, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, ORIGIN, PATH },
	  54, { 0 }, 0, OK, 0, 0, 1 },
	{ "link-local beside ::",
	  { 0x80, 14, 38, 0, 2, 1, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, ORIGIN, PATH },
	  54, { 0 }, 0, OK, 0, 0, 1 },
	{ "nothing but ::", { 0x80, 14, 22, 0, 2, 1, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, ORIGIN, PATH }, 38, { 0 }, 0, OK, 0, 0, -1 },
	{ "unknown AFI in MP_REACH", { 0x80, 14, 6, 0, 25, 65, 0, 0, 9, ORIGIN, PATH }, 22,
	  { 0 }, 0, OK, 0, 0, 0 },
	{ "own AS in path", { ORIGIN, 0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4, HOP }, 20, D4, OK, 0, -1, 0 },
	{ "next hop 0.0.0.0", { ORIGIN, PATH, 0x40, 3, 4, 0, 0, 0, 0 }, 20, D4, OK, 0, -1, 0 },
	{ "next hop multicast", { ORIGIN, PATH, 0x40, 3, 4, 224, 0, 0, 5 }, 20, D4, OK, 0, -1, 0 },
	{ "extended length", { 0x50, 1, 0, 1, 0, PATH, HOP }, 21, D4, OK, 0, 1, 0 },
	{ "partial bit is no matter", { ORIGIN, PATH, HOP, 0xe0, 8, 4, 0, 1, 0, 2 }, 27, D4,
	  OK, 0, 1, 0 },
	{ "unknown optional", { ORIGIN, PATH, HOP, 0xc0, 99, 1, 7 }, 24, D4, OK, 0, 1, 0 },
	{ "AS_SET behind the sequence",
	  { ORIGIN, 0x40, 2, 12, 2, 1, 0, 0, 0xfe, 0x4d, 1, 1, 0, 0, 0, 7, HOP }, 26, D4, OK, 0, 1, 0 },
	{ "empty AS_PATH", { ORIGIN, 0x40, 2, 0, HOP }, 14, D4, OK, 0, 1, 0 },

	{ "LOCAL_PREF from outside", { ORIGIN, PATH, HOP, 0x40, 5, 4, 0, 0, 0, 1 }, 27, D4,
	  DISCARD, 0, 1, 0 },
	{ "ATOMIC_AGGREGATE of 1", { ORIGIN, PATH, HOP, 0x40, 6, 1, 0 }, 24, D4, DISCARD, 0, 1, 0 },
	{ "AGGREGATOR of 6 with 4-octet AS", { ORIGIN, PATH, HOP, 0xc0, 7, 6, 0, 1, 1, 2, 3, 4 },
	  29, D4, DISCARD, 0, 1, 0 },
	{ "AS 0 in AGGREGATOR", { ORIGIN, PATH, HOP, 0xc0, 7, 8, 0, 0, 0, 0, 1, 2, 3, 4 },
	  31, D4, DISCARD, 0, 1, 0 },
	{ "AS 0 in AS4_PATH", { ORIGIN, PATH, HOP, 0xc0, 17, 6, 2, 1, 0, 0, 0, 0 }, 29, D4,
	  DISCARD, 0, 1, 0 },
	{ "AS 0 in AS4_AGGREGATOR", { ORIGIN, PATH, HOP, 0xc0, 18, 8, 0, 0, 0, 0, 1, 2, 3, 4 },
	  31, D4, DISCARD, 0, 1, 0 },
	{ "duplicate ORIGIN", { ORIGIN, ORIGIN, PATH, HOP }, 24, D4, DISCARD, 0, 1, 0 },
	{ "AS4_PATH of 5", { ORIGIN, PATH, HOP, 0xc0, 17, 5, 2, 1, 0, 0, 0 }, 28, D4,
	  DISCARD, 0, 1, 0 },

	{ "no attributes at all", { 0 }, 0, D4, TAW, 0, -1, 0 },
	{ "ORIGIN missing", { PATH, HOP }, 16, D4, TAW, 0, -1, 0 },
	{ "AS_PATH missing", { ORIGIN, HOP }, 11, D4, TAW, 0, -1, 0 },
	{ "NEXT_HOP missing", { ORIGIN, PATH }, 13, D4, TAW, 0, -1, 0 },
	{ "ORIGIN missing beside MP_REACH", { MP_DEF, PATH }, 34, { 0 }, 0, TAW, 0, 0, -1 },
	{ "ORIGIN 3", { 0x40, 1, 1, 3, PATH, HOP }, 20, D4, TAW, 0, -1, 0 },
	{ "ORIGIN of 2", { 0x40, 1, 2, 0, 0, PATH, HOP }, 21, D4, TAW, 0, -1, 0 },
	{ "ORIGIN of 0", { 0x40, 1, 0, PATH, HOP }, 19, D4, TAW, 0, -1, 0 },
	{ "ORIGIN flagged optional", { 0xc0, 1, 1, 0, PATH, HOP }, 20, D4, TAW, 0, -1, 0 },
	{ "AS_PATH segment overruns", { ORIGIN, 0x40, 2, 6, 2, 2, 0, 0, 0xfe, 0x4d, HOP }, 20, D4,
	  TAW, 0, -1, 0 },
	{ "AS_PATH segment of 0", { ORIGIN, 0x40, 2, 2, 2, 0, HOP }, 16, D4, TAW, 0, -1, 0 },
	{ "AS_PATH segment type 5", { ORIGIN, 0x40, 2, 6, 5, 1, 0, 0, 0xfe, 0x4d, HOP }, 20, D4,
	  TAW, 0, -1, 0 },
	{ "confederation segment", { ORIGIN, 0x40, 2, 6, 3, 1, 0, 0, 0xfe, 0x4d, HOP }, 20, D4,
	  TAW, 0, -1, 0 },
	{ "AS 0 in path", { ORIGIN, 0x40, 2, 6, 2, 1, 0, 0, 0, 0, HOP }, 20, D4, TAW, 0, -1, 0 },
	{ "NEXT_HOP of 5", { ORIGIN, PATH, 0x40, 3, 5, 10, 0, 0, 1, 0 }, 21, D4, TAW, 0, -1, 0 },
	{ "MED of 3", { ORIGIN, PATH, HOP, 0x80, 4, 3, 0, 0, 0 }, 26, D4, TAW, 0, -1, 0 },
	{ "COMMUNITIES of 5", { ORIGIN, PATH, HOP, 0xc0, 8, 5, 0, 0, 0, 0, 0 }, 28, D4, TAW, 0, -1, 0 },
	{ "COMMUNITIES of 0", { ORIGIN, PATH, HOP, 0xc0, 8, 0 }, 23, D4, TAW, 0, -1, 0 },
	{ "LARGE_COMMUNITIES of 8", { ORIGIN, PATH, HOP, 0xc0, 32, 8 }, 31, D4, TAW, 0, -1, 0 },
	{ "attribute overruns the list", { ORIGIN, PATH, HOP, 0x80, 4, 9, 0 }, 24, D4, TAW, 0, -1, 0 },
	{ "one byte after the list", { ORIGIN, PATH, HOP, 0x80 }, 21, D4, TAW, 0, -1, 0 },
	{ "MP_REACH flagged transitive", { 0xc0, 14, 22, MP_HEAD, 0, ORIGIN, PATH }, 38, { 0 }, 0,
	  TAW, 0, 0, -1 },

	{ "MP_REACH twice", { MP_DEF, MP_DEF, ORIGIN, PATH }, 63, { 0 }, 0, RESET, 1, 0, 0 },
	{ "MP_UNREACH twice", { 0x80, 15, 3, 0, 2, 1, 0x80, 15, 3, 0, 2, 1 }, 12, { 0 }, 0,
	  RESET, 1, 0, 0 },
	{ "MP_REACH next hop of 4", { 0x80, 14, 10, 0, 2, 1, 4, 1, 2, 3, 4, 0, 0, ORIGIN, PATH }, 26,
	  { 0 }, 0, RESET, 9, 0, 0 },
	{ "MP_REACH of 3", { 0x80, 14, 3, 0, 2, 1, ORIGIN, PATH }, 19, { 0 }, 0, RESET, 9, 0, 0 },
	{ "MP_REACH with /129", { 0x80, 14, 22, MP_HEAD, 129, ORIGIN, PATH }, 38, { 0 }, 0,
	  RESET, 9, 0, 0 },
	{ "MP_UNREACH of 2", { 0x80, 15, 2, 0, 2 }, 5, { 0 }, 0, RESET, 9, 0, 0 },
	{ "unknown well-known", { ORIGIN, PATH, HOP, 0x40, 99, 0 }, 23, D4, RESET, 2, 0, 0 },
	{ "NLRI /33", { ORIGIN, PATH, HOP }, 20, { 33, 1, 2, 3, 4, 5 }, 6, RESET, 10, 0, 0 },
	{ "NLRI overruns", { ORIGIN, PATH, HOP }, 20, { 24, 1, 2 }, 3, RESET, 10, 0, 0 },
	{ "worst of two wins", { 0x40, 1, 1, 3, PATH, HOP, 0x40, 99, 0 }, 23, D4, RESET, 2, 0, 0 },
};
/* clang-format on */

Test(bgp_update, decode)
{
	struct prefix default4 = { .addr = { .family = ADDR_IPV4 } };
	struct prefix default6 = { .addr = { .family = ADDR_IPV6 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		uint8_t body[128];
		struct wire_writer w = wire_writer(body, sizeof(body));
		struct bgp_update update;
		struct addr hop;
		enum bgp_verdict got;

		wire_put_u16(&w, 0);
		wire_put_u16(&w, row->attrs_len);
		wire_put_bytes(&w, row->attrs, row->attrs_len);
		wire_put_bytes(&w, row->nlri, row->nlri_len);
		got = bgp_update_decode(&update, body, wire_written(&w), BGP_FOUR_OCTET);
		cr_expect_eq(got, row->verdict, "%s: verdict %d", row->what, (int)got);
		if (got == BGP_UPDATE_RESET) {
			cr_expect_eq(update.attrs.error.code, BGP_ERR_UPDATE, "%s", row->what);
			cr_expect_eq(update.attrs.error.subcode, row->subcode, "%s: subcode %d",
				     row->what, update.attrs.error.subcode);
			continue;
		}
		cr_expect_eq(bgp_update_find(&update, &default4, 64500, &hop), row->ipv4, "%s: v4",
			     row->what);
		cr_expect_eq(bgp_update_find(&update, &default6, 64500, &hop), row->ipv6, "%s: v6",
			     row->what);
	}
}

Test(bgp_update, lengths)
{
	static const uint8_t withdrawn_over[] = { 0, 2, 0, 0 };
	static const uint8_t attrs_over[] = { 0, 0, 0, 1 };
	static const uint8_t withdrawn_bad[] = { 0, 1, 24, 0, 0 };
	static const uint8_t withdrawn[] = { 0, 1, 0, 0, 0 };
	struct prefix default4 = { .addr = { .family = ADDR_IPV4 } };
	struct bgp_update u;
	struct addr hop;

	cr_expect_eq(bgp_update_decode(&u, withdrawn_over, 4, BGP_FOUR_OCTET), BGP_UPDATE_RESET);
	cr_expect_eq(u.attrs.error.subcode, BGP_UPDATE_MALFORMED_LIST);
	cr_expect_eq(bgp_update_decode(&u, attrs_over, 4, BGP_FOUR_OCTET), BGP_UPDATE_RESET);
	cr_expect_eq(u.attrs.error.subcode, BGP_UPDATE_MALFORMED_LIST);
	cr_expect_eq(bgp_update_decode(&u, withdrawn_bad, 5, BGP_FOUR_OCTET), BGP_UPDATE_RESET);
	cr_expect_eq(u.attrs.error.subcode, BGP_UPDATE_BAD_NETWORK);
	cr_expect_eq(bgp_update_decode(&u, withdrawn, 5, BGP_FOUR_OCTET), BGP_UPDATE_OK);
	cr_expect_eq(bgp_update_find(&u, &default4, 1, &hop), -1);
}

Test(bgp_update, end_of_rib)
{
	uint8_t body[64];
	struct wire_writer w;
	struct bgp_update update;

	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += 2) {
		w = wire_writer(body, sizeof(body));
		bgp_update_put_end_of_rib(&w, family);
		cr_assert_eq(bgp_update_decode(&update, body, wire_written(&w), BGP_FOUR_OCTET),
			     BGP_UPDATE_OK);
		cr_expect_eq((int)update.end_of_rib, family);
	}
	bgp_update_decode(&update, (uint8_t[]){ 0, 1, 0, 0, 0 }, 5, BGP_FOUR_OCTET);
	cr_expect_eq(update.end_of_rib, ADDR_NONE);
}

#define LINK_LOCAL 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
#define GLOBAL	   0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1

/* RFC 8950, section 4: the length says of which family the next hop is. */
static const struct {
	const char *what;
	uint8_t attr[48];
	size_t len;
	enum bgp_verdict agreed, not_agreed;
	const char *hop, *link_local; /* where agreed */
} ipv4_in_mp[] = {
	{ "next hop of 4",
	  { 0x80, 14, 10, 0, 1, 1, 4, 10, 0, 0, 1, 0, 0 },
	  13,
	  OK,
	  OK,
	  "10.0.0.1",
	  "none" },
	{ "next hop of 16",
	  { 0x80, 14, 22, 0, 1, 1, 16, GLOBAL, 0, 0 },
	  25,
	  OK,
	  RESET,
	  "2001:db8::1",
	  "none" },
	{ "link-local of 16",
	  { 0x80, 14, 22, 0, 1, 1, 16, LINK_LOCAL, 0, 0 },
	  25,
	  OK,
	  RESET,
	  "fe80::1",
	  "none" },
	{ "next hop of 32",
	  { 0x80, 14, 38, 0, 1, 1, 32, GLOBAL, LINK_LOCAL, 0, 0 },
	  41,
	  OK,
	  RESET,
	  "2001:db8::1",
	  "fe80::1" },
	{ "next hop of 24",
	  { 0x80, 14, 30, 0, 1, 1, 24, 0, 0, 0, 0, 0, 0, 0, 0, GLOBAL, 0, 0 },
	  33,
	  RESET,
	  RESET,
	  "",
	  "" },
	{ "next hop of 0", { 0x80, 14, 6, 0, 1, 1, 0, 0, 0 }, 9, RESET, RESET, "", "" },
};

Test(bgp_update, ipv4_by_mp_reach)
{
	static const uint8_t others[] = { ORIGIN, PATH };
	const struct prefix default4 = { .addr = { .family = ADDR_IPV4 } };

	for (size_t i = 0; i < sizeof(ipv4_in_mp) / sizeof(ipv4_in_mp[0]); i++) {
		uint8_t body[128];
		char text[ADDR_TEXT_SIZE];
		struct wire_writer w = wire_writer(body, sizeof(body));
		const char *what = ipv4_in_mp[i].what;
		struct bgp_update u;
		struct addr hop;

		wire_put_u16(&w, 0);
		wire_put_u16(&w, (uint16_t)(ipv4_in_mp[i].len + sizeof(others)));
		wire_put_bytes(&w, ipv4_in_mp[i].attr, ipv4_in_mp[i].len);
		wire_put_bytes(&w, others, sizeof(others));
		cr_expect_eq(bgp_update_decode(&u, body, wire_written(&w), BGP_FOUR_OCTET),
			     ipv4_in_mp[i].not_agreed, "%s, not agreed", what);
		cr_expect_eq(bgp_update_decode(&u, body, wire_written(&w),
					       BGP_FOUR_OCTET | BGP_EXTENDED_NEXT_HOP),
			     ipv4_in_mp[i].agreed, "%s, agreed", what);
		if (ipv4_in_mp[i].agreed != OK)
			continue;
		cr_assert_eq(bgp_update_find(&u, &default4, 64500, &hop), 1, "%s", what);
		cr_expect_str_eq(addr_format(&hop, text), ipv4_in_mp[i].hop, "%s", what);
		cr_expect_str_eq(addr_format(&u.attrs.mp_link_local, text),
				 ipv4_in_mp[i].link_local, "%s", what);
	}
}

/* What we write of it is read back, and there is no NEXT_HOP beside it. */
Test(bgp_update, ipv4_by_an_ipv6_next_hop)
{
	struct bgp_route_attrs attrs = { .asn = 64500, .four_octet = true };
	struct prefix prefix;
	uint8_t body[256];
	struct bgp_update u;
	struct addr hop;

	prefix_parse(&prefix, "198.18.0.0/24");
	addr_parse(&attrs.next_hop, "2001:db8::1");
	for (int both = 0; both < 2; both++) {
		struct wire_writer w = wire_writer(body, sizeof(body));

		if (both)
			addr_parse(&attrs.link_local, "fe80::1");
		cr_assert_eq(bgp_update_put_announce(&w, &attrs, &prefix, 1), 1);
		cr_expect_eq(body[5], BGP_ATTR_MP_REACH, "first of all");
		cr_assert_eq(bgp_update_decode(&u, body, wire_written(&w),
					       BGP_FOUR_OCTET | BGP_EXTENDED_NEXT_HOP),
			     OK);
		cr_expect_not(u.attrs.has_next_hop);
		cr_assert_eq(bgp_update_find(&u, &prefix, 1, &hop), 1);
		cr_expect(addr_equal(&hop, &attrs.next_hop));
		cr_expect(addr_equal(&u.attrs.mp_link_local, &attrs.link_local));
	}
}

/* RFC 4271, sections 5.1.2 and 5.1.5: an empty AS_PATH, and LOCAL_PREF, 0 before it goes. */
Test(bgp_update, to_an_internal_peer)
{
	struct bgp_route_attrs attrs = { .asn = 4200000001, .internal = true };
	struct prefix prefix;
	uint8_t body[256];
	struct bgp_update u;

	prefix_parse(&prefix, "198.18.0.0/24");
	addr_parse(&attrs.next_hop, "10.0.0.1");
	attrs.policy.prepend = 3;
	for (uint32_t local_pref = 100;; local_pref = 0) {
		struct wire_writer w = wire_writer(body, sizeof(body));

		cr_assert_eq(bgp_update_put_announce(&w, &attrs, &prefix, 1), 1);
		cr_assert_eq(bgp_update_decode(&u, body, wire_written(&w), BGP_INTERNAL), OK);
		cr_expect_eq(u.attrs.as_path.len, 0, "no prepends either");
		cr_expect(u.attrs.has_local_pref);
		cr_expect_eq(u.attrs.local_pref, local_pref);
		if (local_pref == 0)
			break;
		bgp_policy_add_community(&attrs.policy, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	}
}

static size_t count_prefixes(const struct bgp_nlri *nlri)
{
	struct wire_reader r = wire_reader(nlri->bytes, nlri->len);
	struct prefix prefix;
	size_t n = 0;

	while (bgp_nlri_next(&r, nlri->family, &prefix))
		n++;
	return n;
}

/* 2000 prefixes fill messages of at most 4096 octets, each understood again. */
static void check_packing(enum addr_family family, bool withdraw)
{
	static struct prefix prefixes[2000];
	struct bgp_route_attrs attrs = { .asn = 64500, .four_octet = true };
	struct prefix base;
	size_t done = 0, messages = 0;

	cr_assert(prefix_parse(&base, family == ADDR_IPV4 ? "10.0.0.0/32" : "2001:db8::/128"));
	addr_parse(&attrs.next_hop, family == ADDR_IPV4 ? "192.0.2.1" : "2001:db8::1");
	attrs.policy = (struct bgp_policy){ .prepend = 2, .has_med = true, .med = 7 };
	bgp_policy_add_community(&attrs.policy, 0xfbf40064);
	for (size_t i = 0; i < 2000; i++) {
		prefixes[i] = base;
		prefixes[i].addr = addr_plus(&base.addr, (uint32_t)i);
	}
	while (done < 2000) {
		uint8_t body[BGP_BODY_MAX];
		struct wire_writer w = wire_writer(body, sizeof(body));
		size_t n = withdraw ? bgp_update_put_withdraw(&w, prefixes + done, 2000 - done)
				    : bgp_update_put_announce(&w, &attrs, prefixes + done,
							      2000 - done);
		struct bgp_update u;

		cr_assert_gt(n, 0);
		cr_assert_eq(bgp_update_decode(&u, body, wire_written(&w), BGP_FOUR_OCTET),
			     BGP_UPDATE_OK);
		if (withdraw)
			cr_assert_eq(count_prefixes(family == ADDR_IPV4 ? &u.withdrawn
									: &u.attrs.mp_unreach),
				     n);
		else
			cr_assert_eq(
				count_prefixes(family == ADDR_IPV4 ? &u.reach : &u.attrs.mp_reach),
				n);
		done += n;
		messages++;
	}
	cr_expect_lt(messages, 10);
}

Test(bgp_update, packing)
{
	check_packing(ADDR_IPV4, false);
	check_packing(ADDR_IPV4, BGP_FOUR_OCTET);
	check_packing(ADDR_IPV6, false);
	check_packing(ADDR_IPV6, BGP_FOUR_OCTET);
}

Test(bgp_update, announce_round_trip)
{
	struct bgp_route_attrs attrs = { .asn = 4200000001, .four_octet = true, .otc = true };
	struct prefix prefix;
	uint8_t body[1024];
	struct wire_writer w = wire_writer(body, sizeof(body));
	struct bgp_update u;
	size_t len;

	cr_assert(prefix_parse(&prefix, "198.18.0.0/24"));
	cr_assert(addr_parse(&attrs.next_hop, "10.0.0.1"));
	attrs.policy = (struct bgp_policy){ .prepend = 3, .has_med = true, .med = 50 };
	bgp_policy_add_community(&attrs.policy, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	for (uint32_t i = 0; i < BGP_COMMUNITIES_MAX; i++)
		bgp_policy_add_large(&attrs.policy, &(struct bgp_large_community){ 64500, i, 9 });
	cr_assert_eq(bgp_update_put_announce(&w, &attrs, &prefix, 1), 1);
	len = wire_written(&w);
	cr_assert_eq(bgp_update_decode(&u, body, len, BGP_FOUR_OCTET), BGP_UPDATE_OK);
	cr_expect_eq(u.attrs.as_path.len, 2 + 4 * 4);
	cr_expect(bgp_as_path_contains(&u.attrs.as_path, 4200000001));
	cr_expect_eq(u.attrs.med, 50);
	cr_expect(u.attrs.has_otc && u.attrs.otc == 4200000001);
	cr_expect_eq(u.attrs.community_count, 1);
	cr_expect_eq(u.attrs.large_count, BGP_COMMUNITIES_MAX, "780 octets");
	cr_expect_eq(u.attrs.large[12 + 7], 1, "the second's first number");
	cr_expect(addr_equal(&u.attrs.next_hop, &attrs.next_hop));
	for (size_t size = 0; size < len; size++) {
		w = wire_writer(body, size);
		cr_expect_eq(bgp_update_put_announce(&w, &attrs, &prefix, 1), 0, "fits in %zu",
			     size);
	}
}

/* As long as attributes get: the true path beside, and both kinds of communities, all full. */
Test(bgp_update, all_that_a_policy_can_say)
{
	struct bgp_route_attrs attrs = { .asn = 4200000001, .otc = true };
	uint8_t body[BGP_BODY_MAX];
	struct prefix prefix;
	struct wire_writer w;
	struct bgp_update u;

	attrs.policy = (struct bgp_policy){ .prepend = BGP_PREPEND_MAX, .has_med = true };
	for (uint32_t i = 0; i < BGP_COMMUNITIES_MAX; i++) {
		bgp_policy_add_community(&attrs.policy, i);
		bgp_policy_add_large(&attrs.policy, &(struct bgp_large_community){ 1, i, 9 });
	}
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		w = wire_writer(body, sizeof(body));
		prefix_parse(&prefix, ipv6 ? "2001:db8:1000::/48" : "198.18.0.0/24");
		addr_parse(&attrs.next_hop, ipv6 ? "2001:db8::1" : "10.0.0.1");
		cr_assert_eq(bgp_update_put_announce(&w, &attrs, &prefix, 1), 1);
		cr_assert_eq(bgp_update_decode(&u, body, wire_written(&w), 0), BGP_UPDATE_OK);
		cr_expect_eq(bgp_as_path_length(&u.attrs.as_path), BGP_PREPEND_MAX + 1);
		cr_expect_eq(bgp_as_path_length(&u.attrs.as4_path), BGP_PREPEND_MAX + 1);
		cr_expect_eq(u.attrs.community_count, BGP_COMMUNITIES_MAX);
		cr_expect_eq(u.attrs.large_count, BGP_COMMUNITIES_MAX);
	}
}

/* A peer of two octets sees AS_TRANS in AS_PATH and the truth in AS4_PATH (RFC 6793). */
Test(bgp_update, two_octet_peer)
{
	struct bgp_route_attrs attrs = { .asn = 4200000001, .four_octet = false };
	struct prefix prefix;
	uint8_t body[256];
	struct wire_writer w = wire_writer(body, sizeof(body));
	struct bgp_update u;

	prefix_parse(&prefix, "198.18.0.0/24");
	addr_parse(&attrs.next_hop, "10.0.0.1");
	cr_assert_eq(bgp_update_put_announce(&w, &attrs, &prefix, 1), 1);
	cr_assert_eq(bgp_update_decode(&u, body, wire_written(&w), 0), BGP_UPDATE_OK);
	cr_expect(bgp_as_path_contains(&u.attrs.as_path, 23456));
	cr_expect_arr_eq(body + wire_written(&w) - 4 - 9,
			 ((uint8_t[]){ 0xc0, 17, 6, 2, 1, 0xfa, 0x56, 0xea, 0x01 }), 9);
}

/* RFC 6793, section 4.2.3. Attributes of a route that has passed through AS 4200000001, which is
 * us. */
Test(bgp_update, as4_path_counts_unless_it_is_longer)
{
	static const struct {
		const char *what;
		unsigned options;
		uint8_t path[16], path_len, as4[24], as4_len;
		int found;
	} cases[] = {
		{ "as long",
		  0,
		  { 2, 2, 0xfd, 0xe9, 0x5b, 0xa0 },
		  6,
		  { 2, 2, 0, 0, 0xfd, 0xe9, 0xfa, 0x56, 0xea, 1 },
		  10,
		  -1 },
		{ "shorter",
		  0,
		  { 2, 2, 0xfd, 0xe9, 0x5b, 0xa0 },
		  6,
		  { 2, 1, 0xfa, 0x56, 0xea, 1 },
		  6,
		  -1 },
		{ "longer",
		  0,
		  { 2, 1, 0xfd, 0xe9 },
		  4,
		  { 2, 2, 0, 0, 0xfd, 0xe9, 0xfa, 0x56, 0xea, 1 },
		  10,
		  1 },
		{ "longer but for its set",
		  0,
		  { 2, 2, 0xfd, 0xe9, 0x5b, 0xa0 },
		  6,
		  { 1, 2, 0, 0, 0xfd, 0xe9, 0xfa, 0x56, 0xea, 1, 2, 1, 0, 0, 0xfd, 0xe9 },
		  16,
		  -1 },
		{ "somebody else's",
		  0,
		  { 2, 2, 0xfd, 0xe9, 0x5b, 0xa0 },
		  6,
		  { 2, 1, 0xfa, 0x56, 0xea, 2 },
		  6,
		  1 },
		{ "malformed",
		  0,
		  { 2, 2, 0xfd, 0xe9, 0x5b, 0xa0 },
		  6,
		  { 2, 2, 0xfa, 0x56, 0xea, 1 },
		  6,
		  1 },
		{ "of a peer of four octets",
		  BGP_FOUR_OCTET,
		  { 2, 1, 0, 0, 0xfd, 0xe9 },
		  6,
		  { 2, 1, 0xfa, 0x56, 0xea, 1 },
		  6,
		  1 },
	};
	const struct prefix all = { .addr = { .family = ADDR_IPV4 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t body[128];
		struct wire_writer w = wire_writer(body, sizeof(body));
		struct bgp_update u;
		struct addr hop;

		wire_put_u32(&w, (uint32_t)(4 + 7 + 3 + cases[i].path_len + 3 + cases[i].as4_len));
		/* AS4_PATH first: the order is the sender's. */
		wire_put_bytes(&w, ((uint8_t[]){ 0xc0, 17, cases[i].as4_len }), 3);
		wire_put_bytes(&w, cases[i].as4, cases[i].as4_len);
		wire_put_bytes(&w, ((uint8_t[]){ 0x40, 1, 1, 0, 0x40, 3, 4, 10, 0, 0, 1 }), 11);
		wire_put_bytes(&w, ((uint8_t[]){ 0x40, 2, cases[i].path_len }), 3);
		wire_put_bytes(&w, cases[i].path, cases[i].path_len);
		wire_put_u8(&w, 0);
		cr_assert_leq(bgp_update_decode(&u, body, wire_written(&w), cases[i].options),
			      DISCARD, "%s", cases[i].what);
		cr_expect_eq(bgp_update_find(&u, &all, 4200000001, &hop), cases[i].found, "%s",
			     cases[i].what);
	}
}
