/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "geodns/dns/query.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

/* Header fields, then the rest: a question for lab.test A where QUESTION stands. */
#define QUESTION		    "\x03lab\x04test\0\0\x01\0\x01"
#define BYTES(s)		    s, sizeof(s) - 1
#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define OPT(size, ttl, len)	    "\0\0\x29" size ttl len
#define ECS(len)		    "\0\x08\0" len

struct row {
	const char *what;
	const char *bytes;
	size_t len;
	const char *reply; /* NULL: none */
};

#define SOA_ONLY "NOERROR aa | NS lab.test 60 SOA"

/* clang-format off */
static const struct row rows[] = {
	{ "empty", BYTES(""), NULL },
	{ "shorter than a header", BYTES("\x12\x34\0\0\0\x01\0\0\0\0\0"), NULL },
	{ "a reply", BYTES(HEAD("\x80\0", "\x01", "\0", "\0", "\0") QUESTION), NULL },
	{ "plain", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\0") QUESTION), SOA_ONLY },
	{ "TC, AA, AD, CD, RA ignored, RD copied", BYTES(HEAD("\x07\xb0", "\x01", "\0", "\0", "\0") QUESTION),
	  "NOERROR aa rd | NS lab.test 60 SOA" },
	{ "no question", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\0")), "FORMERR" },
	{ "no question, with OPT", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\x01") OPT("\x04\xd0", "\0\0\0\0", "\0\0")),
	  "FORMERR | opt 1232" },
	{ "no question, EDNS version 1", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\x01")
	  OPT("\x04\xd0", "\0\x01\0\0", "\0\0")), "BADVERS | opt 1232" },
	{ "no question, a cookie, EDNS version 1", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\x01")
	  OPT("\x04\xd0", "\0\x01\0\0", "\0\x0c") "\0\x0a\0\x08" "12345678"), "BADVERS | opt 1232" },
	{ "two questions, EDNS version 1", BYTES(HEAD("\0\0", "\x02", "\0", "\0", "\x01") QUESTION QUESTION
	  OPT("\x04\xd0", "\0\x01\0\0", "\0\0")), "FORMERR | opt 1232" },
	{ "two questions", BYTES(HEAD("\0\0", "\x02", "\0", "\0", "\0") QUESTION QUESTION), "FORMERR" },
	{ "two questions, OPT answered", BYTES(HEAD("\0\0", "\x02", "\0", "\0", "\x01") QUESTION QUESTION
	  OPT("\x04\xd0", "\0\0\0\0", "\0\0")), "FORMERR | opt 1232" },
	{ "questions promised but missing", BYTES(HEAD("\0\0", "\xff", "\0", "\0", "\0") QUESTION), "FORMERR" },
	{ "question cut short", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\0") "\x03lab\x04te"), "FORMERR" },
	{ "pointer in the question", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\0") "\xc0\x0c\0\x01\0\x01"), "FORMERR" },
	{ "label type 0x40", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\0") "\x41x\0\0\x01\0\x01"), "FORMERR" },
	{ "label type 0x80", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\0") "\x81x\0\0\x01\0\x01"), "FORMERR" },
	{ "octets behind the message", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\0") QUESTION "x"), "FORMERR" },
	{ "record promised but missing", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION), "FORMERR" },
	{ "opcode STATUS, RD copied", BYTES(HEAD("\x11\0", "\x01", "\0", "\0", "\0") QUESTION), "NOTIMP rd" },
	{ "opcode NOTIFY", BYTES(HEAD("\x20\0", "\x01", "\0", "\0", "\0") QUESTION), "NOTIMP" },
	{ "opcode UPDATE", BYTES(HEAD("\x28\0", "\x01", "\0", "\0", "\0") QUESTION), "NOTIMP" },
	{ "opcode NOTIFY, OPT answered", BYTES(HEAD("\x20\0", "\x01", "\0", "\0", "\x01") QUESTION
	  OPT("\x04\xd0", "\0\0\0\0", "\0\0")), "NOTIMP | opt 1232" },
	{ "opcode UPDATE, not a query in shape", BYTES(HEAD("\x28\0", "\x02", "\xff", "\0", "\0") "\xc0"), "NOTIMP" },
	{ "opcode 15", BYTES(HEAD("\x78\0", "\x01", "\0", "\0", "\0") QUESTION), "NOTIMP" },
	{ "BADVERS", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION OPT("\x04\xd0", "\0\x01\0\0", "\0\0")),
	  "BADVERS | opt 1232" },
	{ "BADVERS, options not looked at", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION
	  OPT("\x04\xd0", "\0\x63\x80\0", "\0\x03") "\0\x08\xff"), "BADVERS | opt 1232 do" },
	{ "size 0 counts as 512, Z bits ignored", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION
	  OPT("\0\0", "\0\0\x7f\xff", "\0\0")), SOA_ONLY " | opt 1232" },
	{ "two OPT", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x02") QUESTION
	  OPT("\x04\xd0", "\0\0\0\0", "\0\0") OPT("\x04\xd0", "\0\0\0\0", "\0\0")), "FORMERR | opt 1232" },
	{ "OPT in answer", BYTES(HEAD("\0\0", "\x01", "\x01", "\0", "\0") QUESTION OPT("\x04\xd0", "\0\0\0\0", "\0\0")),
	  "FORMERR" },
	{ "OPT in authority", BYTES(HEAD("\0\0", "\x01", "\0", "\x01", "\0") QUESTION OPT("\x04\xd0", "\0\0\0\0", "\0\0")),
	  "FORMERR" },
	{ "OPT not owned by the root", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION
	  "\x01x" OPT("\x04\xd0", "\0\0\0\0", "\0\0")), "FORMERR" },
	{ "OPT cut short", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION OPT("\x04\xd0", "\0\0\0\0", "\0\x01")),
	  "FORMERR" },
	{ "option overruns OPT", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION
	  OPT("\x04\xd0", "\0\0\0\0", "\0\x05") "\xfd\xe9\0\x02x"), "FORMERR | opt 1232" },
	{ "unknown option", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION
	  OPT("\x04\xd0", "\0\0\0\0", "\0\x05") "\xfd\xe9\0\x01x"), SOA_ONLY " | opt 1232" },
	{ "other records are stepped over", BYTES(HEAD("\0\0", "\x01", "\x01", "\0", "\x01") QUESTION
	  "\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x01\x02\x03\x04" OPT("\x04\xd0", "\0\0\0\0", "\0\0")),
	  SOA_ONLY " | opt 1232" },
	{ "NSID with data", BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION
	  OPT("\x04\xd0", "\0\0\0\0", "\0\x05") "\0\x03\0\x01x"), "FORMERR | opt 1232" },
#define WITH_ECS(optlen, ecs) BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION \
	OPT("\x04\xd0", "\0\0\0\0", "\0" optlen) ecs)
	{ "ECS", WITH_ECS("\x0b", ECS("\x07") "\0\x01\x18\0\x64\x40\0"), SOA_ONLY " | opt 1232 ecs 24/0" },
	{ "ECS, not a whole octet", WITH_ECS("\x0b", ECS("\x07") "\0\x01\x12\0\x64\x40\x40"),
	  SOA_ONLY " | opt 1232 ecs 18/0" },
	{ "ECS, SCOPE not 0", WITH_ECS("\x0b", ECS("\x07") "\0\x01\x18\x18\x64\x40\0"), "FORMERR | opt 1232" },
	{ "ECS, ADDRESS too short", WITH_ECS("\x0a", ECS("\x06") "\0\x01\x18\0\x64\x40"), "FORMERR | opt 1232" },
	{ "ECS, ADDRESS too long", WITH_ECS("\x0c", ECS("\x08") "\0\x01\x18\0\x64\x40\0\0"), "FORMERR | opt 1232" },
	{ "ECS, bits behind SOURCE", WITH_ECS("\x0b", ECS("\x07") "\0\x01\x12\0\x64\x40\x60"), "FORMERR | opt 1232" },
	{ "ECS, SOURCE 33", WITH_ECS("\x0d", ECS("\x09") "\0\x01\x21\0\x64\x40\0\0\0"), "FORMERR | opt 1232" },
	{ "ECS, FAMILY 3", WITH_ECS("\x0b", ECS("\x07") "\0\x03\x18\0\x64\x40\0"), "FORMERR | opt 1232" },
	{ "ECS, FAMILY 0, SOURCE 0", WITH_ECS("\x08", ECS("\x04") "\0\0\0\0"), SOA_ONLY " | opt 1232 ecs 0/0" },
	{ "ECS, FAMILY 0, SOURCE 1", WITH_ECS("\x09", ECS("\x05") "\0\0\x01\0\x80"), "FORMERR | opt 1232" },
	{ "ECS, shorter than its fixed part", WITH_ECS("\x07", ECS("\x03") "\0\x01\0"), "FORMERR | opt 1232" },
#define WITH_COOKIE(optlen, cookie) BYTES(HEAD("\0\0", "\x01", "\0", "\0", "\x01") QUESTION \
	OPT("\x04\xd0", "\0\0\0\0", "\0" optlen) cookie)
	{ "cookie, to a server without secrets", WITH_COOKIE("\x0c", "\0\x0a\0\x08" "12345678"),
	  SOA_ONLY " | opt 1232" },
	{ "cookie of 7 octets", WITH_COOKIE("\x0b", "\0\x0a\0\x07" "1234567"), "FORMERR | opt 1232" },
	{ "cookie of 9 octets", WITH_COOKIE("\x0d", "\0\x0a\0\x09" "123456789"), "FORMERR | opt 1232" },
	{ "cookie of 41 octets",
	  WITH_COOKIE("\x2d", "\0\x0a\0\x29" "12345678901234567890123456789012345678901"),
	  "FORMERR | opt 1232" },
	{ "cookie of 40 octets", WITH_COOKIE("\x2c", "\0\x0a\0\x28" "1234567890123456789012345678901234567890"),
	  SOA_ONLY " | opt 1232" },
	{ "two cookies: the first one counts", WITH_COOKIE("\x11", "\0\x0a\0\x08" "12345678" "\0\x0a\0\x01" "x"),
	  SOA_ONLY " | opt 1232" },
	{ "opcode NOTIFY, no question, but a cookie",
	  BYTES(HEAD("\x20\0", "\0", "\0", "\0", "\x01") OPT("\x04\xd0", "\0\0\0\0", "\0\x0c")
	  "\0\x0a\0\x08" "12345678"), "NOTIMP | opt 1232" },
	{ "no question, but a cookie, to a server without secrets",
	  BYTES(HEAD("\0\0", "\0", "\0", "\0", "\x01") OPT("\x04\xd0", "\0\0\0\0", "\0\x0c")
	  "\0\x0a\0\x08" "12345678"), "FORMERR | opt 1232" },
	{ "ECS twice", WITH_ECS("\x10", ECS("\x04") "\0\x01\0\0" ECS("\x04") "\0\x01\0\0"),
	  "FORMERR | opt 1232 ecs 0/0" },
};
/* clang-format on */

Test(dns_query, replies_to_raw_messages)
{
	struct catalog *catalog = fixture_catalog("");
	struct snapshot *snap = snapshot_new(catalog, NULL);
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		/* On the heap and of that very size, for the sanitizer. */
		uint8_t *packet = xmalloc(row->len + 1), out[DNS_UDP_SIZE_MAX];
		struct answer_request req = { .packet = packet, .len = row->len };
		struct answer_result res;

		memcpy(packet, row->bytes, row->len);
		req.client = addr_from_ipv4(0x64400035);
		res = answer(snap, &req, out, sizeof(out));
		if (!row->reply)
			cr_expect_eq(res.len, 0, "%s: answered", row->what);
		else
			cr_expect_str_eq(test_reply_text(out, res.len, text, DNS_TEXT_SIZE),
					 row->reply, "%s: %s", row->what, text);
		if (res.len >= DNS_HEADER_SIZE)
			cr_expect((out[2] & 0x78) == (row->bytes[2] & 0x78), "%s: opcode echoed",
				  row->what);
		free(packet);
	}
	free(text);
	free(snap);
	catalog_free(catalog);
}

Test(dns_query, every_shorter_message_is_refused)
{
	const struct test_query q = Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "100.64.0.0/24");
	uint8_t packet[200];
	size_t len = test_query_encode(&q, packet, sizeof(packet));
	struct dns_query out;

	cr_assert(dns_query_decode(&out, packet, len));
	cr_expect_eq(out.rcode, DNS_NOERROR);
	cr_expect(out.has_edns && out.edns.has_ecs && out.edns.ecs.source_prefix == 24);
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = xmemdup(packet, n ? n : 1);

		if (dns_query_decode(&out, copy, n))
			cr_expect_eq(out.rcode, DNS_FORMERR, "%zu octets", n);
		else
			cr_expect_lt(n, DNS_HEADER_SIZE);
		free(copy);
	}
}
