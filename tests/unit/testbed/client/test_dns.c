/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/wire.h"
#include "testbed/client/dns.h"

#define NAME "u1.g30.lab.test"

/* The reply to a query for NAME: flags, then the answers' bytes, each owned by the question's name.
 */
struct reply {
	uint16_t flags, count;
	const char *answers;
	size_t len;
};

static size_t reply_encode(const struct reply *reply, enum addr_family family, uint8_t *buf,
			   size_t size)
{
	size_t len = client_dns_query_encode(buf, size, 0x1234, NAME, family);
	struct wire_writer w = wire_writer(buf + len, size - len);

	buf[2] = (uint8_t)(reply->flags >> 8);
	buf[3] = (uint8_t)reply->flags;
	buf[7] = (uint8_t)reply->count;
	wire_put_bytes(&w, reply->answers, reply->len);
	return len + wire_written(&w);
}

#define A_RR	 "\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc6\x12\x21\1"
#define CNAME_RR "\xc0\x0c\0\5\0\1\0\0\0\x1e\0\2\xc0\x0f"
#define AAAA_RR	 "\xc0\x0c\0\x1c\0\1\0\0\0\x1e\0\x10 \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define SHORT_RR "\xc0\x0c\0\1\0\1\0\0\0\x1e\0\3\xc6\x12\x21"
#define B(x)	 (x), sizeof(x) - 1

static const struct row {
	const char *what;
	struct reply reply;
	enum client_dns_status status;
} rows[] = {
	{ "an address", { 0x8180, 1, B(A_RR) }, CLIENT_DNS_OK },
	{ "alias first", { 0x8180, 2, B(CNAME_RR A_RR) }, CLIENT_DNS_OK },
	{ "alias alone", { 0x8180, 1, B(CNAME_RR) }, CLIENT_DNS_NODATA },
	{ "nothing", { 0x8180, 0, B("") }, CLIENT_DNS_NODATA },
	{ "other type only", { 0x8180, 1, B(AAAA_RR) }, CLIENT_DNS_NODATA },
	{ "three octets", { 0x8180, 1, B(SHORT_RR) }, CLIENT_DNS_OTHER },
	{ "server failure", { 0x8182, 0, B("") }, CLIENT_DNS_SERVFAIL },
	{ "no such name", { 0x8183, 0, B("") }, CLIENT_DNS_NXDOMAIN },
	{ "refused", { 0x8185, 0, B("") }, CLIENT_DNS_REFUSED },
	{ "not implemented", { 0x8184, 0, B("") }, CLIENT_DNS_OTHER },
	{ "truncated", { 0x8380, 1, B(A_RR) }, CLIENT_DNS_TRUNCATED },
};

Test(client_dns, statuses)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[CLIENT_DNS_SIZE];
		const size_t len = reply_encode(&rows[i].reply, ADDR_IPV4, buf, sizeof(buf));
		const struct addr expected = addr_from_ipv4(0xc6122101);
		enum client_dns_status status;
		struct addr addr;

		cr_assert(client_dns_reply_decode(buf, len, NAME, ADDR_IPV4, &status, &addr), "%s",
			  rows[i].what);
		cr_expect_eq(status, rows[i].status, "%s: %s", rows[i].what,
			     client_dns_status_name(status));
		if (status == CLIENT_DNS_OK)
			cr_expect(addr_equal(&addr, &expected), "%s", rows[i].what);
		for (size_t cut = 0; cut < len; cut++)
			cr_expect_not(
				client_dns_reply_decode(buf, cut, NAME, ADDR_IPV4, &status, &addr),
				"%s cut to %zu", rows[i].what, cut);
	}
}

Test(client_dns, ipv6)
{
	const struct reply reply = { 0x8180, 1, B(AAAA_RR) };
	uint8_t buf[CLIENT_DNS_SIZE];
	const size_t len = reply_encode(&reply, ADDR_IPV6, buf, sizeof(buf));
	enum client_dns_status status;
	char text[ADDR_TEXT_SIZE];
	struct addr addr;

	cr_assert(client_dns_reply_decode(buf, len, NAME, ADDR_IPV6, &status, &addr));
	cr_expect_eq(status, CLIENT_DNS_OK);
	cr_expect_str_eq(addr_format(&addr, text), "2001:db8::1");
	/* The same bytes answer no question for A. */
	cr_expect_not(client_dns_reply_decode(buf, len, NAME, ADDR_IPV4, &status, &addr));
}

Test(client_dns, not_an_answer_to_this)
{
	const struct reply reply = { 0x8180, 1, B(A_RR) }, query = { 0x0100, 0, B("") };
	uint8_t buf[CLIENT_DNS_SIZE];
	size_t len = reply_encode(&reply, ADDR_IPV4, buf, sizeof(buf));
	enum client_dns_status status;
	struct addr addr;

	cr_expect_not(
		client_dns_reply_decode(buf, len, "u2.g30.lab.test", ADDR_IPV4, &status, &addr));
	cr_expect(client_dns_reply_decode(buf, len, "U1.G30.LAB.test", ADDR_IPV4, &status, &addr));
	len = reply_encode(&query, ADDR_IPV4, buf, sizeof(buf));
	cr_expect_not(client_dns_reply_decode(buf, len, NAME, ADDR_IPV4, &status, &addr));
}

Test(client_dns, bad_names_and_small_buffers_are_refused)
{
	uint8_t buf[CLIENT_DNS_SIZE];
	const size_t len = client_dns_query_encode(buf, sizeof(buf), 1, NAME, ADDR_IPV4);

	cr_expect_eq(len, 12 + strlen(NAME) + 2 + 4);
	for (size_t size = 0; size < len; size++)
		cr_expect_eq(client_dns_query_encode(buf, size, 1, NAME, ADDR_IPV4), 0);
	cr_expect_eq(client_dns_query_encode(buf, sizeof(buf), 1, "a..b", ADDR_IPV4), 0);
}
