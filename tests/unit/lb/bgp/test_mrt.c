/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/mrt.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct timespec at = { .tv_sec = 0x5f000001, .tv_nsec = 123456789 };

#define TIME	0x5f, 0, 0, 1
#define MICRO	0, 1, 0xe2, 0x40 /* 123456 */
#define MARK8	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define KEEP	MARK8, MARK8, 0, 19, 4
#define PEER4	10, 1, 1, 2
#define LOCAL4	10, 1, 1, 3
#define ZEROS4	0, 0, 0, 0
#define PEER6	0x20, 1, 0xd, 0xb8, ZEROS4, ZEROS4, 0, 0, 0, 2
#define LOCAL6	0x20, 1, 0xd, 0xb8, ZEROS4, ZEROS4, 0, 0, 0, 3
#define AS_T1	0, 0, 0xfe, 0x4d /* 65101 */
#define AS_OWN4 0, 4, 0, 1	 /* 262145 */

static const uint8_t keepalive[] = { KEEP };

/* A message of 19 octets, or a change from OpenConfirm to Established. */
static const struct {
	const char *name, *peer, *local;
	bool four_octet, sent, state;
	size_t len;
	uint8_t bytes[100];
} rows[] = {
	/* clang-format off */
	{ "received", "10.1.1.2", "10.1.1.3", true, false, false, 12 + 4 + 12 + 8 + 19,
	  { TIME, 0, 17, 0, 4, 0, 0, 0, 43, MICRO, AS_T1, AS_OWN4, 0, 0, 0, 1, PEER4, LOCAL4, KEEP } },
	{ "sent", "10.1.1.2", "10.1.1.3", true, true, false, 12 + 4 + 12 + 8 + 19,
	  { TIME, 0, 17, 0, 7, 0, 0, 0, 43, MICRO, AS_T1, AS_OWN4, 0, 0, 0, 1, PEER4, LOCAL4, KEEP } },
	{ "received, 2 octets, ours does not fit", "10.1.1.2", "10.1.1.3", false, false, false,
	  12 + 4 + 8 + 8 + 19,
	  { TIME, 0, 17, 0, 1, 0, 0, 0, 39, MICRO, 0xfe, 0x4d, 0x5b, 0xa0, 0, 0, 0, 1, PEER4, LOCAL4, KEEP } },
	{ "sent, 2 octets", "10.1.1.2", "10.1.1.3", false, true, false, 12 + 4 + 8 + 8 + 19,
	  { TIME, 0, 17, 0, 6, 0, 0, 0, 39, MICRO, 0xfe, 0x4d, 0x5b, 0xa0, 0, 0, 0, 1, PEER4, LOCAL4, KEEP } },
	{ "over IPv6", "2001:db8::2", "2001:db8::3", true, false, false, 12 + 4 + 12 + 32 + 19,
	  { TIME, 0, 17, 0, 4, 0, 0, 0, 67, MICRO, AS_T1, AS_OWN4, 0, 0, 0, 2, PEER6, LOCAL6, KEEP } },
	{ "state", "10.1.1.2", "10.1.1.3", true, false, true, 12 + 4 + 12 + 8 + 4,
	  { TIME, 0, 17, 0, 5, 0, 0, 0, 28, MICRO, AS_T1, AS_OWN4, 0, 0, 0, 1, PEER4, LOCAL4, 0, 5, 0, 6 } },
	{ "state has four octets always, and our end may not be known", "10.1.1.2", NULL, false,
	  false, true, 12 + 4 + 12 + 8 + 4,
	  { TIME, 0, 17, 0, 5, 0, 0, 0, 28, MICRO, AS_T1, AS_OWN4, 0, 0, 0, 1, PEER4, ZEROS4, 0, 5, 0, 6 } },
	/* clang-format on */
};

static size_t encode(size_t row, uint8_t *buf, size_t size)
{
	const struct mrt_message message = { rows[row].sent, keepalive, sizeof(keepalive) };
	struct mrt_session session = { .peer_asn = 65101,
				       .local_asn = 262145,
				       .four_octet = rows[row].four_octet };

	cr_assert(addr_parse(&session.peer, rows[row].peer));
	if (rows[row].local)
		cr_assert(addr_parse(&session.local, rows[row].local));
	if (rows[row].state)
		return mrt_state_encode(&session, at, BGP_OPEN_CONFIRM, BGP_ESTABLISHED, buf, size);
	return mrt_message_encode(&session, at, &message, buf, size);
}

Test(mrt, records)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[MRT_RECORD_MAX];
		size_t len = encode(i, buf, sizeof(buf));

		cr_assert_eq(len, rows[i].len, "%s: %zu octets", rows[i].name, len);
		for (size_t j = 0; j < len; j++)
			cr_expect_eq(buf[j], rows[i].bytes[j], "%s: octet %zu is %u", rows[i].name,
				     j, buf[j]);
		for (size_t shorter = 0; shorter < len; shorter++)
			cr_expect_eq(encode(i, buf, shorter), 0, "%s in %zu octets", rows[i].name,
				     shorter);
	}
}

Test(mrt, longest_record_fits)
{
	static const uint8_t longest[BGP_MESSAGE_MAX];
	const struct mrt_message message = { true, longest, sizeof(longest) };
	struct mrt_session session = { .four_octet = true };
	uint8_t buf[MRT_RECORD_MAX];

	addr_parse(&session.peer, "2001:db8::2");
	cr_expect_eq(mrt_message_encode(&session, at, &message, buf, sizeof(buf)), sizeof(buf));
	cr_expect_eq(buf[10] << 8 | buf[11], sizeof(buf) - 12);
}
