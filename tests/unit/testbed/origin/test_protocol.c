/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/origin/protocol.h"

#define T32 "0123456789abcdef0123456789abcdef"
#define P63 "p23456789012345678901234567890123456789012345678901234567890123"

struct row {
	const char *what, *text;
	bool is_request, is_reply;
};

static const struct row rows[] = {
	{ "request", "catchment 7f:1\n", true, false },
	{ "reply", "catchment 7f:1 fra\n", false, true },
	{ "longest token", "catchment " T32 "\n", true, false },
	{ "token too long", "catchment " T32 "0\n", false, false },
	{ "longest reply", "catchment " T32 " " P63 "\n", false, true },
	{ "pop too long", "catchment 1 " P63 "4\n", false, false },
	{ "no newline", "catchment 1", false, false },
	{ "carriage return", "catchment 1\r\n", false, false },
	{ "newline inside", "catchment 1\n2\n", false, false },
	{ "two spaces", "catchment  1\n", false, false },
	{ "space at the end", "catchment 1 \n", false, false },
	{ "three words", "catchment 1 fra x\n", false, false },
	{ "other keyword", "Catchment 1\n", false, false },
	{ "keyword alone", "catchment \n", false, false },
	{ "keyword cut", "catch\n", false, false },
	{ "pop starts with '-'", "catchment 1 -fra\n", false, false },
	{ "quote in pop", "catchment 1 f\"a\n", false, false },
	{ "colon is not for pops", "catchment 1 f:a\n", false, false },
	{ "nothing", "", false, false },
};

Test(protocol, tells_requests_from_replies)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t len = strlen(rows[i].text);
		struct protocol_request req;
		struct protocol_reply reply;

		cr_expect_eq(protocol_request_parse(&req, rows[i].text, len), rows[i].is_request,
			     "%s as request", rows[i].what);
		cr_expect_eq(protocol_reply_parse(&reply, rows[i].text, len), rows[i].is_reply,
			     "%s as reply", rows[i].what);
	}
}

Test(protocol, zero_byte_is_not_a_token)
{
	struct protocol_request req;

	cr_expect_not(protocol_request_parse(&req, "catchment a\0b\n", 14));
}

Test(protocol, formats_what_it_parses)
{
	const char line[] = "catchment " T32 " " P63 "\n";
	struct protocol_reply reply;
	struct protocol_request req = { "9:3" };
	char buf[PROTOCOL_LINE_MAX];

	cr_assert(protocol_reply_parse(&reply, line, strlen(line)));
	cr_expect_str_eq(reply.pop, P63);
	cr_expect_eq(protocol_reply_format(&reply, buf, sizeof(buf)), strlen(line));
	cr_expect_eq(memcmp(buf, line, strlen(line)), 0);
	for (size_t size = 0; size < strlen(line); size++)
		cr_expect_eq(protocol_reply_format(&reply, buf, size), 0, "fits in %zu", size);
	cr_expect_eq(protocol_request_format(&req, buf, 14), 14);
	cr_expect_eq(memcmp(buf, "catchment 9:3\n", 14), 0);
}
