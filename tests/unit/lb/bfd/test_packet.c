/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "lb/bfd/packet.h"

/* Up, Detect Mult 3, discriminators 1 and 2, 50 ms both ways. */
#define HEAD 0x20, 0xc0, 3, 24
#define DISC 0, 0, 0, 1, 0, 0, 0, 2
#define TIME 0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50, 0, 0, 0, 0

struct row {
	const char *name;
	enum bfd_discard want;
	size_t len;
	uint8_t bytes[56];
};

static const struct row rows[] = {
	{ "a good one", BFD_ACCEPTED, 24, { HEAD, DISC, TIME } },
	{ "octets behind its Length are not looked at", BFD_ACCEPTED, 30, { HEAD, DISC, TIME } },
	{ "nothing", BFD_TOO_SHORT, 0, { 0 } },
	{ "version 0", BFD_BAD_VERSION, 24, { 0x00, 0xc0, 3, 24, DISC, TIME } },
	{ "version 2", BFD_BAD_VERSION, 24, { 0x40, 0xc0, 3, 24, DISC, TIME } },
	{ "version goes before length", BFD_BAD_VERSION, 4, { 0x40, 0xc0, 3, 3 } },
	{ "Length 23", BFD_TOO_SHORT, 24, { 0x20, 0xc0, 3, 23, DISC, TIME } },
	{ "Length 25 with A", BFD_TOO_SHORT, 26, { 0x20, 0xc4, 3, 25, DISC, TIME, 4, 28 } },
	{ "Length 26 with A", BFD_ACCEPTED, 26, { 0x20, 0xc4, 3, 26, DISC, TIME, 4, 28 } },
	{ "Length is more than what came",
	  BFD_LENGTH_BEYOND,
	  24,
	  { 0x20, 0xc0, 3, 25, DISC, TIME } },
	{ "Detect Mult 0", BFD_ZERO_MULTIPLIER, 24, { 0x20, 0xc0, 0, 24, DISC, TIME } },
	{ "multipoint", BFD_MULTIPOINT, 24, { 0x20, 0xc1, 3, 24, DISC, TIME } },
	{ "Detect Mult goes before M", BFD_ZERO_MULTIPLIER, 24, { 0x20, 0xc1, 0, 24, DISC, TIME } },
	{ "My Discriminator 0",
	  BFD_ZERO_DISCRIMINATOR,
	  24,
	  { HEAD, 0, 0, 0, 0, 0, 0, 0, 2, TIME } },
	{ "Your Discriminator 0 in Up",
	  BFD_NO_SESSION,
	  24,
	  { HEAD, 0, 0, 0, 1, 0, 0, 0, 0, TIME } },
	{ "Your Discriminator 0 in Init",
	  BFD_NO_SESSION,
	  24,
	  { 0x20, 0x80, 3, 24, 0, 0, 0, 1, 0, 0, 0, 0, TIME } },
	{ "Your Discriminator 0 in Down",
	  BFD_ACCEPTED,
	  24,
	  { 0x20, 0x40, 3, 24, 0, 0, 0, 1, 0, 0, 0, 0, TIME } },
	{ "Your Discriminator 0 in AdminDown",
	  BFD_ACCEPTED,
	  24,
	  { 0x20, 0x00, 3, 24, 0, 0, 0, 1, 0, 0, 0, 0, TIME } },
	{ "P and F both", BFD_ACCEPTED, 24, { 0x20, 0xf0, 3, 24, DISC, TIME } },
};

Test(bfd_packet, is_judged_in_the_order_of_the_rfc)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bfd_packet packet = { .detect_mult = 99 };
		enum bfd_discard got = bfd_packet_decode(&packet, rows[i].bytes, rows[i].len);

		cr_expect_eq(got, rows[i].want, "%s: %s", rows[i].name, bfd_discard_name(got));
		cr_expect_eq(packet.detect_mult == 99, got != BFD_ACCEPTED, "%s: out",
			     rows[i].name);
	}
}

Test(bfd_packet, fields_are_read_where_they_stand)
{
	static const uint8_t bytes[] = { 0x21, 0x7e, 5, 52, 1, 2, 3, 4, 5,   6,	  7, 8,
					 0,    0,    1, 0,  0, 0, 2, 0, 0,   0,	  3, 0,
					 5,    28,   9, 0,  1, 2, 3, 4, 'a', 'b', 0 };
	uint8_t buf[BFD_PACKET_MAX] = { 0 };
	struct bfd_packet p;

	memcpy(buf, bytes, sizeof(bytes));
	cr_assert_eq(bfd_packet_decode(&p, buf, sizeof(buf)), BFD_ACCEPTED);
	cr_expect_eq(p.diag, BFD_DIAG_DETECTION_TIME_EXPIRED);
	cr_expect_eq(p.state, BFD_DOWN);
	cr_expect(p.poll && p.final && p.control_plane_independent && p.authenticated && p.demand);
	cr_expect_eq(p.detect_mult, 5);
	cr_expect_eq(p.my_discriminator, 0x01020304);
	cr_expect_eq(p.your_discriminator, 0x05060708);
	cr_expect_eq(p.desired_min_tx, 256);
	cr_expect_eq(p.required_min_rx, 512);
	cr_expect_eq(p.required_min_echo_rx, 768);
	cr_expect_eq(p.auth.type, BFD_AUTH_METICULOUS_SHA1);
	cr_expect_eq(p.auth.len, 28);
	cr_expect_eq(p.auth.key_id, 9);
	cr_expect_eq(p.auth.sequence, 0x01020304);
	cr_expect_eq(memcmp(p.auth.hash, "ab", 3), 0);
}

/* Every single flag and state, there and back. */
Test(bfd_packet, comes_back_as_it_was)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		struct bfd_packet packet = { .diag = flags % 32,
					     .state = (enum bfd_state)(flags >> 6),
					     .poll = flags & 1,
					     .final = flags & 2,
					     .control_plane_independent = flags & 4,
					     .authenticated = flags & 8,
					     .demand = flags & 16,
					     .detect_mult = 1 + flags % 255,
					     .my_discriminator = 7,
					     .your_discriminator = UINT32_MAX,
					     .desired_min_tx = 1000000,
					     .required_min_rx = 10000 };
		struct bfd_packet again;
		uint8_t buf[BFD_PACKET_MAX];
		size_t len;

		if (packet.authenticated)
			packet.auth = (struct bfd_auth_section){ 4, 28, 3, 0xdeadbeef, { 1, 2 } };
		len = bfd_packet_encode(&packet, buf, sizeof(buf));
		cr_assert_eq(len, packet.authenticated ? 52 : 24);
		memset(&again, 0, sizeof(again));
		cr_assert_eq(bfd_packet_decode(&again, buf, len), BFD_ACCEPTED);
		cr_assert_eq(again.state, packet.state);
		cr_assert_eq(again.diag, packet.diag);
		cr_assert_eq(again.poll * 1 + again.final * 2 +
				     again.control_plane_independent * 4 + again.authenticated * 8 +
				     again.demand * 16,
			     flags & 31);
		cr_assert_eq(memcmp(&again.auth, &packet.auth, sizeof(packet.auth)), 0);
		for (size_t shorter = 0; shorter < len; shorter++) {
			cr_assert_neq(bfd_packet_decode(&again, buf, shorter), BFD_ACCEPTED);
			cr_assert_eq(bfd_packet_encode(&packet, buf, shorter), 0);
			cr_assert_eq(bfd_packet_encode(&packet, buf, sizeof(buf)), len);
		}
	}
}

Test(bfd_packet, everything_has_a_name)
{
	for (int i = 0; i < BFD_DISCARDS; i++)
		cr_expect(bfd_discard_name((enum bfd_discard)i) &&
			  bfd_discard_key((enum bfd_discard)i));
	for (unsigned i = 0; i < 32; i++)
		cr_expect_eq(strcmp(bfd_diag_name((uint8_t)i), "reserved") == 0, i > 8);
	cr_expect_str_eq(bfd_state_name(BFD_ADMIN_DOWN), "AdminDown");
	cr_expect_str_eq(bfd_state_name(BFD_UP), "Up");
}
