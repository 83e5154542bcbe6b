/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/open.h"

struct row {
	const char *what;
	uint8_t body[64];
	size_t len;
	uint8_t code, subcode;
	struct bgp_open want; /* asn, families and capabilities, where code is 0 */
};

#define HEAD	 4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1
#define AS65001	 .asn = 65001
#define MP4	 1, 4, 0, 1, 0, 1
#define MP6	 1, 4, 0, 2, 0, 1
#define AS4(low) 65, 4, 0, 1, 0, low

/* clang-format off */
static const struct row rows[] = {
	{ "smallest valid means IPv4",   { HEAD, 0 }, 10, 0, 0, { AS65001, .ipv4 = true } },
	{ "one byte short",              { HEAD }, 9, 2, 0, { 0 } },
	{ "options past end",            { HEAD, 1 }, 10, 2, 0, { 0 } },
	{ "trailing byte",               { HEAD, 0, 0 }, 11, 2, 0, { 0 } },
	{ "version 3",                   { 3, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1, 0 }, 10, 2, 1, { 0 } },
	{ "version 5, options differ",   { 5, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1, 9 }, 10, 2, 1, { 0 } },
	{ "AS 0",                        { 4, 0, 0, 0, 90, 10, 0, 0, 1, 0 }, 10, 2, 2, { 0 } },
	{ "router id 0",                 { 4, 0xfd, 0xe9, 0, 90, 0, 0, 0, 0, 0 }, 10, 2, 3, { 0 } },
	{ "hold time 1",                 { 4, 0xfd, 0xe9, 0, 1, 10, 0, 0, 1, 0 }, 10, 2, 6, { 0 } },
	{ "hold time 2",                 { 4, 0xfd, 0xe9, 0, 2, 10, 0, 0, 1, 0 }, 10, 2, 6, { 0 } },
	{ "hold time 0 allowed",         { 4, 0xfd, 0xe9, 0, 0, 10, 0, 0, 1, 0 }, 10, 0, 0,
	  { AS65001, .ipv4 = true } },
	{ "both families in one param",  { HEAD, 14, 2, 12, MP4, MP6 }, 24, 0, 0,
	  { AS65001, .ipv4 = true, .ipv6 = true } },
	{ "a parameter per capability",  { HEAD, 16, 2, 6, MP4, 2, 6, MP6 }, 26, 0, 0,
	  { AS65001, .ipv4 = true, .ipv6 = true } },
	{ "IPv6 alone is not IPv4",      { HEAD, 8, 2, 6, MP6 }, 18, 0, 0, { AS65001, .ipv6 = true } },
	{ "multicast is not unicast",    { HEAD, 8, 2, 6, 1, 4, 0, 1, 0, 2 }, 18, 0, 0, { AS65001 } },
	{ "unknown capability ignored",  { HEAD, 7, 2, 5, 200, 3, 1, 2, 3 }, 17, 0, 0,
	  { AS65001, .ipv4 = true } },
	{ "unknown ones before, between and behind",
	  { HEAD, 17, 2, 15, 200, 0, MP6, 199, 1, 9, 2, 0, 255, 0 }, 27, 0, 0,
	  { AS65001, .ipv6 = true, .route_refresh = true } },
	{ "unknown one overruns",        { HEAD, 10, 2, 8, MP6, 200, 1 }, 20, 2, 0, { 0 } },
	{ "the same family twice",       { HEAD, 14, 2, 12, MP6, MP6 }, 24, 0, 0,
	  { AS65001, .ipv6 = true } },
	{ "4-octet AS",                  { HEAD, 8, 2, 6, AS4(5) }, 18, 0, 0,
	  { .asn = 65541, .ipv4 = true, .four_octet_asn = true } },
	{ "the last 4-octet AS counts",  { HEAD, 14, 2, 12, AS4(5), AS4(6) }, 24, 0, 0,
	  { .asn = 65542, .ipv4 = true, .four_octet_asn = true } },
	{ "AS_TRANS with 4-octet AS",
	  { 4, 0x5b, 0xa0, 0, 90, 10, 0, 0, 1, 8, 2, 6, AS4(5) }, 18, 0, 0,
	  { .asn = 65541, .ipv4 = true, .four_octet_asn = true } },
	{ "4-octet AS 0",                { HEAD, 8, 2, 6, 65, 4, 0, 0, 0, 0 }, 18, 2, 2, { 0 } },
	{ "4-octet AS of 2 octets",      { HEAD, 6, 2, 4, 65, 2, 0, 1 }, 16, 2, 0, { 0 } },
	{ "route refresh and restart",   { HEAD, 8, 2, 6, 2, 0, 64, 2, 0, 120 }, 18, 0, 0,
	  { AS65001, .ipv4 = true, .route_refresh = true, .graceful_restart = true,
	    .restart = { .time = 120 } } },
	{ "restart, nothing to keep",    { HEAD, 6, 2, 4, 64, 2, 0, 0 }, 16, 0, 0,
	  { AS65001, .ipv4 = true, .graceful_restart = true } },
	{ "restart of 4095 s, R and N, both families",
	  { HEAD, 14, 2, 12, 64, 10, 0xcf, 0xff, 0, 1, 1, 0x80, 0, 2, 1, 0 }, 24, 0, 0,
	  { AS65001, .ipv4 = true, .graceful_restart = true,
	    .restart = { 4095, true, true, true, true, true, false } } },
	{ "restart of other families",   { HEAD, 10, 2, 8, 64, 6, 0, 9, 0, 25, 65, 0x80 }, 20, 0, 0,
	  { AS65001, .ipv4 = true, .graceful_restart = true, .restart = { .time = 9 } } },
	{ "of two restarts the last",
	  { HEAD, 14, 2, 12, 64, 6, 0x80, 9, 0, 1, 1, 0x80, 64, 2, 0, 5 }, 24, 0, 0,
	  { AS65001, .ipv4 = true, .graceful_restart = true, .restart = { .time = 5 } } },
	{ "restart of 1 octet",          { HEAD, 5, 2, 3, 64, 1, 0 }, 15, 2, 0, { 0 } },
	{ "restart with half a family",  { HEAD, 8, 2, 6, 64, 4, 0, 9, 0, 1 }, 18, 2, 0, { 0 } },
	{ "enhanced refresh",            { HEAD, 4, 2, 2, 70, 0 }, 14, 0, 0,
	  { AS65001, .ipv4 = true, .enhanced_refresh = true } },
	{ "extended next hop",           { HEAD, 10, 2, 8, 5, 6, 0, 1, 0, 1, 0, 2 }, 20, 0, 0,
	  { AS65001, .ipv4 = true, .extended_next_hop = true } },
	{ "extended next hop, second of two",
	  { HEAD, 16, 2, 14, 5, 12, 0, 1, 0, 128, 0, 2, 0, 1, 0, 1, 0, 2 }, 26, 0, 0,
	  { AS65001, .ipv4 = true, .extended_next_hop = true } },
	{ "extended next hop of others", { HEAD, 10, 2, 8, 5, 6, 0, 2, 0, 1, 0, 1 }, 20, 0, 0,
	  { AS65001, .ipv4 = true } },
	{ "extended next hop, SAFI 257", { HEAD, 10, 2, 8, 5, 6, 0, 1, 1, 1, 0, 2 }, 20, 0, 0,
	  { AS65001, .ipv4 = true } },
	{ "extended next hop of 5",      { HEAD, 9, 2, 7, 5, 5, 0, 1, 0, 1, 0 }, 19, 2, 0, { 0 } },
	{ "role customer",               { HEAD, 5, 2, 3, 9, 1, 3 }, 15, 0, 0,
	  { AS65001, .ipv4 = true, .role = BGP_ROLE_CUSTOMER } },
	{ "the same role twice",         { HEAD, 8, 2, 6, 9, 1, 3, 9, 1, 3 }, 18, 0, 0,
	  { AS65001, .ipv4 = true, .role = BGP_ROLE_CUSTOMER } },
	{ "two roles",                   { HEAD, 8, 2, 6, 9, 1, 3, 9, 1, 4 }, 18, 2, 11, { 0 } },
	{ "unknown role",                { HEAD, 5, 2, 3, 9, 1, 5 }, 15, 2, 11, { 0 } },
	{ "role of two octets",          { HEAD, 6, 2, 4, 9, 2, 3, 3 }, 16, 2, 0, { 0 } },
	{ "capability overruns",         { HEAD, 5, 2, 3, 1, 4, 0 }, 15, 2, 0, { 0 } },
	{ "capability without length",   { HEAD, 3, 2, 1, 1 }, 13, 2, 0, { 0 } },
	{ "MP capability too long",      { HEAD, 9, 2, 7, 1, 5, 0, 1, 0, 1, 0 }, 19, 2, 0, { 0 } },
	{ "parameter overruns",          { HEAD, 2, 2, 6 }, 12, 2, 0, { 0 } },
	{ "parameter without length",    { HEAD, 1, 2 }, 11, 2, 0, { 0 } },
	{ "empty parameter",             { HEAD, 2, 2, 0 }, 12, 0, 0, { AS65001, .ipv4 = true } },
	{ "unknown parameter",           { HEAD, 2, 1, 0 }, 12, 2, 4, { 0 } },
	{ "RFC 9072",                    { HEAD, 255, 255, 0, 9, 2, 0, 6, MP6 }, 22, 0, 0,
	  { AS65001, .ipv6 = true } },
	{ "RFC 9072, other first length", { HEAD, 1, 255, 0, 9, 2, 0, 6, MP6 }, 22, 0, 0,
	  { AS65001, .ipv6 = true } },
	{ "RFC 9072 overruns",           { HEAD, 255, 255, 0, 10, 2, 0, 6, MP6 }, 22, 2, 0, { 0 } },
	{ "RFC 9072 without length",     { HEAD, 255, 255, 0 }, 12, 2, 0, { 0 } },
};
/* clang-format on */

static bool restart_equal(const struct bgp_restart *a, const struct bgp_restart *b)
{
	return a->time == b->time && a->restarting == b->restarting &&
	       a->notification == b->notification && a->ipv4 == b->ipv4 && a->ipv6 == b->ipv6 &&
	       a->ipv4_kept == b->ipv4_kept && a->ipv6_kept == b->ipv6_kept;
}

Test(bgp_open, decode)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct bgp_open open = { 0 };
		struct bgp_error err = bgp_open_decode(&open, row->body, row->len);

		cr_expect_eq(err.code, row->code, "%s: code %d", row->what, err.code);
		cr_expect_eq(err.subcode, row->subcode, "%s: subcode %d", row->what, err.subcode);
		cr_expect_eq(open.asn, row->want.asn, "%s: asn", row->what);
		cr_expect_eq(open.ipv4, row->want.ipv4, "%s: ipv4", row->what);
		cr_expect_eq(open.ipv6, row->want.ipv6, "%s: ipv6", row->what);
		cr_expect_eq(open.four_octet_asn, row->want.four_octet_asn, "%s: as4", row->what);
		cr_expect_eq(open.route_refresh, row->want.route_refresh, "%s: rr", row->what);
		cr_expect_eq(open.role, row->want.role, "%s: role", row->what);
		cr_expect_eq(open.enhanced_refresh, row->want.enhanced_refresh, "%s: err",
			     row->what);
		cr_expect(restart_equal(&open.restart, &row->want.restart), "%s: restart",
			  row->what);
		cr_expect_eq(open.extended_next_hop, row->want.extended_next_hop, "%s: hop",
			     row->what);
		cr_expect_eq(open.graceful_restart, row->want.graceful_restart, "%s: gr",
			     row->what);
	}
}

Test(bgp_open, bad_version_names_ours)
{
	struct bgp_open open;
	struct bgp_error err = bgp_open_decode(&open, (uint8_t[]){ 3, HEAD }, 10);

	cr_assert_eq(err.data_len, 2);
	cr_expect_eq(err.data[1], 4);
}

Test(bgp_open, round_trip)
{
	struct bgp_open in = { .asn = 4200000000,
			       .hold_time = 90,
			       .router_id = 0x0a000001,
			       .ipv4 = true,
			       .ipv6 = true,
			       .four_octet_asn = true,
			       .route_refresh = true,
			       .extended_next_hop = true,
			       .graceful_restart = true,
			       .restart = { 120, true, true, true, true, false, true },
			       .role = BGP_ROLE_PEER },
			out;
	uint8_t buf[BGP_OPEN_SIZE_MAX];
	size_t len = bgp_open_encode(&in, buf, sizeof(buf));

	cr_assert_eq(bgp_open_decode(&out, buf, len).code, 0);
	cr_expect_eq(buf[1] << 8 | buf[2], BGP_AS_TRANS);
	cr_expect_eq(out.asn, in.asn);
	cr_expect_eq(out.role, in.role);
	cr_expect_eq(out.hold_time, in.hold_time);
	cr_expect_eq(out.router_id, in.router_id);
	cr_expect(out.ipv4 && out.ipv6 && out.four_octet_asn && out.route_refresh);
	cr_expect(out.extended_next_hop && out.graceful_restart);
	cr_expect(restart_equal(&in.restart, &out.restart));
	for (size_t size = 0; size < len; size++) {
		cr_expect_eq(bgp_open_encode(&in, buf, size), 0, "fits in %zu", size);
		cr_expect_neq(bgp_open_decode(&out, buf, size).code, 0, "whole at %zu", size);
	}
}

Test(bgp_open, negotiate)
{
	struct bgp_open own = {
		.asn = 64500, .router_id = 1, .ipv4 = true, .four_octet_asn = true
	};
	struct bgp_open peer = { .asn = 65101, .router_id = 1, .ipv4 = true, .ipv6 = true };
	struct bgp_negotiated both;
	struct bgp_error err;

	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).code, 0,
		     "the same identifier in another AS is fine");
	cr_expect(both.ipv4 && !both.ipv6 && !both.four_octet_asn);
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65102).subcode, BGP_OPEN_BAD_ASN);
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 0).code, 0, "any but ours");
	cr_expect_eq(bgp_open_negotiate(&both, &own, &own, 0).subcode, BGP_OPEN_BAD_ASN);
	own.role = BGP_ROLE_CUSTOMER;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).code, 0, "the peer says none");
	own.role_required = true;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).subcode, BGP_OPEN_ROLE_MISMATCH);
	peer.role = BGP_ROLE_CUSTOMER;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).subcode, BGP_OPEN_ROLE_MISMATCH);
	peer.role = BGP_ROLE_PROVIDER;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).code, 0);
	peer.extended_next_hop = true;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).code, 0);
	cr_expect_not(both.extended_next_hop, "nobody has asked for it");
	own.extended_next_hop = true;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 65101).code, 0);
	cr_expect(both.extended_next_hop);
	peer.ipv4 = false;
	err = bgp_open_negotiate(&both, &own, &peer, 65101);
	cr_expect_eq(err.subcode, BGP_OPEN_BAD_CAPABILITY);
	cr_expect_arr_eq(err.data, ((uint8_t[]){ MP4 }), 6);
	peer.asn = 64500;
	cr_expect_eq(bgp_open_negotiate(&both, &own, &peer, 64500).subcode, BGP_OPEN_BAD_ROUTER_ID);
}
