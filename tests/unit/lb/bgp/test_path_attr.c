/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/path_attr.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lb/bgp/update.h"
#include "tests/unit/lb/bgp/octets.h"

/* RFC 7606, section 7, and the RFCs of later attributes: every kind of mistake in each. */
static const struct {
	const char *name;
	uint8_t code, flags;
	uint16_t good[2]; /* lengths that are right; of zeroes if the value matters */
	enum bgp_verdict value_of_ones, too_short, too_long, flags_wrong;
} attributes[] = {
	{ "ORIGIN", 1, 0x40, { 1, 1 }, TAW, TAW, TAW, TAW },
	{ "AS_PATH", 2, 0x40, { 0, 0 }, TAW, TAW, TAW, TAW },
	{ "NEXT_HOP", 3, 0x40, { 4, 4 }, OK, TAW, TAW, TAW },
	{ "MULTI_EXIT_DISC", 4, 0x80, { 4, 4 }, OK, TAW, TAW, TAW },
	{ "LOCAL_PREF", 5, 0x40, { 4, 4 }, DISCARD, DISCARD, DISCARD, DISCARD },
	{ "ATOMIC_AGGREGATE", 6, 0x40, { 0, 0 }, OK, OK, DISCARD, TAW },
	{ "AGGREGATOR", 7, 0xc0, { 8, 8 }, OK, DISCARD, DISCARD, TAW },
	{ "COMMUNITIES", 8, 0xc0, { 4, 252 }, OK, TAW, TAW, TAW },
	{ "ORIGINATOR_ID", 9, 0x80, { 4, 4 }, DISCARD, DISCARD, DISCARD, DISCARD },
	{ "CLUSTER_LIST", 10, 0x80, { 4, 8 }, DISCARD, DISCARD, DISCARD, DISCARD },
	{ "MP_REACH_NLRI", 14, 0x80, { 22, 22 }, OK, RESET, RESET, TAW },
	{ "MP_UNREACH_NLRI", 15, 0x80, { 3, 3 }, OK, RESET, RESET, TAW },
	{ "EXTENDED_COMMUNITIES", 16, 0xc0, { 8, 248 }, OK, TAW, TAW, TAW },
	{ "AS4_PATH", 17, 0xc0, { 6, 6 }, DISCARD, DISCARD, DISCARD, TAW },
	{ "AS4_AGGREGATOR", 18, 0xc0, { 8, 8 }, OK, DISCARD, DISCARD, TAW },
	{ "IPV6_EXTENDED_COMMUNITIES", 25, 0xc0, { 20, 240 }, OK, TAW, TAW, TAW },
	{ "AIGP", 26, 0x80, { 11, 11 }, DISCARD, DISCARD, DISCARD, DISCARD },
	{ "OTC", 35, 0xc0, { 4, 4 }, OK, TAW, TAW, TAW },
	{ "LARGE_COMMUNITIES", 32, 0xc0, { 12, 252 }, OK, TAW, TAW, TAW },
};

/* Values that are right at their length. */
static const uint8_t *good_value(uint8_t code)
{
	static const uint8_t reach[] = { MP_HEAD, 0 }, unreach[] = { 0, 2, 1 };
	static const uint8_t path[] = { 2, 1, 0, 0, 0xfe, 0x4d }, origin[] = { 0 };
	static uint8_t ones[256];

	memset(ones, 1, sizeof(ones));
	return code == 1    ? origin
	       : code == 14 ? reach
	       : code == 15 ? unreach
	       : code == 17 ? path
			    : ones;
}

static enum bgp_verdict judge_for(unsigned options, uint8_t code, uint8_t flags,
				  const uint8_t *value, size_t len)
{
	static const uint8_t others[] = { ORIGIN, PATH, HOP };
	uint8_t body[512];
	struct wire_writer w = wire_writer(body, sizeof(body));
	struct bgp_update update;
	size_t at = 0;

	wire_put_u16(&w, 0);
	wire_put_u16(&w, 0);
	while (at < sizeof(others)) { /* what must be there, but for the one in question */
		size_t size = 3U + others[at + 2];

		if (others[at + 1] != code)
			wire_put_bytes(&w, others + at, size);
		at += size;
	}
	wire_put_u8(&w, flags | 0x10);
	wire_put_u8(&w, code);
	wire_put_u16(&w, (uint16_t)len);
	wire_put_bytes(&w, value, len);
	wire_patch_u16(&w, 2, (uint16_t)(wire_written(&w) - 4));
	wire_put_u8(&w, 0); /* 0.0.0.0/0 */
	return bgp_update_decode(&update, body, wire_written(&w), options);
}

static enum bgp_verdict judge(uint8_t code, uint8_t flags, const uint8_t *value, size_t len)
{
	return judge_for(BGP_FOUR_OCTET, code, flags, value, len);
}

/* What is discarded from an external peer is judged from one of our own AS. */
Test(bgp_path_attr, attributes_of_an_internal_peer)
{
	static const struct {
		const char *what;
		uint8_t code, flags;
		size_t len;
		enum bgp_verdict want;
	} internal[] = {
		{ "LOCAL_PREF", 5, 0x40, 4, OK },
		{ "LOCAL_PREF of 3", 5, 0x40, 3, TAW },
		{ "LOCAL_PREF of 5", 5, 0x40, 5, TAW },
		{ "LOCAL_PREF flagged optional", 5, 0xc0, 4, TAW },
		{ "ORIGINATOR_ID", 9, 0x80, 4, OK },
		{ "ORIGINATOR_ID of 0", 9, 0x80, 0, TAW },
		{ "ORIGINATOR_ID of 8", 9, 0x80, 8, TAW },
		{ "CLUSTER_LIST", 10, 0x80, 8, OK },
		{ "CLUSTER_LIST of 0", 10, 0x80, 0, TAW },
		{ "CLUSTER_LIST of 6", 10, 0x80, 6, TAW },
		{ "AIGP, which nobody has asked for", 26, 0x80, 11, DISCARD },
	};
	static const uint8_t ones[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

	for (size_t i = 0; i < sizeof(internal) / sizeof(internal[0]); i++)
		cr_expect_eq(judge_for(BGP_FOUR_OCTET | BGP_INTERNAL, internal[i].code,
				       internal[i].flags, ones, internal[i].len),
			     internal[i].want, "%s", internal[i].what);
}

Test(bgp_path_attr, every_attribute_and_verdict_of_rfc_7606)
{
	static uint8_t ones[256], longer[256];

	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		const char *name = attributes[i].name;
		uint8_t code = attributes[i].code, flags = attributes[i].flags;
		uint16_t len = attributes[i].good[0];
		const uint8_t *good = good_value(code);
		enum bgp_verdict fine =
			attributes[i].flags_wrong == DISCARD ? DISCARD : OK; /* never ours */

		cr_expect_str_eq(bgp_attr_name(code), name);
		for (int j = 0; j < 2; j++)
			cr_expect_eq(judge(code, flags, good, attributes[i].good[j]), fine,
				     "%s of %u", name, attributes[i].good[j]);
		if (len > 0 && code != 14 && code != 15)
			cr_expect_eq(judge(code, flags, ones, len), attributes[i].value_of_ones,
				     "%s of ones", name);
		/* MP_REACH without prefixes is one that announces nothing. */
		if (len > 0)
			cr_expect_eq(judge(code, flags, good, len - (code == 14 ? 2U : 1U)),
				     attributes[i].too_short, "%s too short", name);
		memcpy(longer, good, len);
		longer[len] = 255; /* no prefix's length */
		cr_expect_eq(judge(code, flags, longer, len + 1U), attributes[i].too_long,
			     "%s too long", name);
		cr_expect_eq(judge(code, flags ^ 0x80, good, len), attributes[i].flags_wrong,
			     "%s optional bit", name);
		cr_expect_eq(judge(code, flags ^ 0x40, good, len), attributes[i].flags_wrong,
			     "%s transitive bit", name);
	}
	cr_expect_str_eq(bgp_attr_name(200), "attribute");
}
