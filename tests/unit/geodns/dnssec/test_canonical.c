/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/dns/rr.h"
#include "geodns/dnssec/canonical.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

Test(canonical, names_in_data)
{
	/* clang-format off */
	static const struct { const char *what; uint16_t type; const uint8_t *in; size_t in_len; const uint8_t *out; size_t out_len; } rows[] = {
		{ "A is left alone", DNS_TYPE_A, BYTES("ABCD"), BYTES("ABCD") },
		{ "TXT too", DNS_TYPE_TXT, BYTES("\x03" "ABC"), BYTES("\x03" "ABC") },
		{ "NS", DNS_TYPE_NS, BYTES("\x02Ns\x01X\0"), BYTES("\x02ns\x01x\0") },
		{ "MX", DNS_TYPE_MX, BYTES("AB\x01M\0"), BYTES("AB\x01m\0") },
		{ "SOA", DNS_TYPE_SOA, BYTES("\x01N\0\x01H\0AAAABBBBCCCCDDDDEEEE"), BYTES("\x01n\0\x01h\0AAAABBBBCCCCDDDDEEEE") },
		{ "SRV", DNS_TYPE_SRV, BYTES("ABCDEF\x01T\0"), BYTES("ABCDEF\x01t\0") },
		{ "RP", 17, BYTES("\x01M\0\x01T\0"), BYTES("\x01m\0\x01t\0") },
		{ "NAPTR", 35, BYTES("ABCD\x01U\x00\x02RE\x01N\0"), BYTES("ABCD\x01U\x00\x02RE\x01n\0") },
		{ "DNAME", DNS_TYPE_DNAME, BYTES("\x01T\0"), BYTES("\x01t\0") },
		{ "HINFO has strings", 13, BYTES("\x03" "CPU\x02OS"), BYTES("\x03" "CPU\x02OS") },
		{ "NSEC's next name is left alone", DNS_TYPE_NSEC, BYTES("\x01N\0\0\x01@"), BYTES("\x01N\0\0\x01@") },
		{ "a type of tomorrow", 65000, BYTES("\x01N\0"), BYTES("\x01N\0") },
		{ "no name at all in raw RP", 17, BYTES("\xc0\x00"), BYTES("\xc0\x00") },
		{ "cut short", 36, BYTES("AB\x05X"), BYTES("AB\x05X") },
		{ "cut within a string", 35, BYTES("ABCD\x09U"), BYTES("ABCD\x09U") },
		{ "empty", DNS_TYPE_SRV, BYTES(""), BYTES("") },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct canonical_rdata c;

		canonical_rdata_init(&c, NULL, rows[i].type, rows[i].in, rows[i].in_len);
		cr_assert_eq(c.len, rows[i].out_len, "%s: %zu", rows[i].what, c.len);
		cr_expect(memcmp(c.data, rows[i].out, c.len) == 0, "%s", rows[i].what);
	}
}

Test(canonical, compressed_names_are_written_out)
{
	/* At 0: Lab.tesT; at 10: Mail, then back to 0. */
	static const uint8_t message[] = "\x03Lab\x04tesT\0\x04Mail\xc0\0\x01N\xc0\x0a\0\5\xc0\xc0";
	static const struct {
		const char *what;
		uint16_t type;
		size_t at, len;
		const char *wanted;
		size_t wanted_len;
	} rows[] = {
		{ "one jump", DNS_TYPE_NS, 10, 7, "\x04mail\x03lab\x04test", 15 },
		{ "two", DNS_TYPE_CNAME, 17, 4, "\x01n\x04mail\x03lab\x04test", 17 },
		{ "not of RFC 1035: as it is", DNS_TYPE_TXT, 17, 4, "\x01N\xc0\x0a", 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct canonical_rdata c;

		canonical_rdata_init(&c, message, rows[i].type, message + rows[i].at, rows[i].len);
		cr_assert_eq(c.len, rows[i].wanted_len, "%s: %zu", rows[i].what, c.len);
		cr_expect(memcmp(c.data, rows[i].wanted, c.len) == 0, "%s", rows[i].what);
	}
}

Test(canonical, order_of_records)
{
	/* RFC 4034, 6.3: as left-justified octets, a missing one before 0. */
	static const struct {
		const char *a, *b;
		size_t a_len, b_len;
	} rows[] = {
		{ "", "\0", 0, 1 },	{ "\0", "\1", 1, 1 },	  { "\x7f", "\x80", 1, 1 },
		{ "\1", "\1\0", 1, 2 }, { "\1\xff", "\2", 2, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct canonical_rdata a, b;

		canonical_rdata_init(&a, NULL, 65000, (const uint8_t *)rows[i].a, rows[i].a_len);
		canonical_rdata_init(&b, NULL, 65000, (const uint8_t *)rows[i].b, rows[i].b_len);
		cr_expect_lt(canonical_rdata_compare(&a, &b), 0, "row %zu", i);
		cr_expect_gt(canonical_rdata_compare(&b, &a), 0, "row %zu", i);
		cr_expect_eq(canonical_rdata_compare(&a, &a), 0, "row %zu", i);
	}
}
