/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "geodns/dns/cookie.h"
#include "lib/alloc.h"

#define SECRET_A "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define SECRET_B "445536bcd2513298075a5d379663c962"
#define SECRET_C "dd3bdf9344b678b185a6f5cb60fca715"
#define IPV6	 "2001:db8:220:1:59de:d0f4:8769:82b8"
#define T	 1559731985U /* when A.1's cookie is made */
#define COOKIE	 "2464c4abcf10c957010000005cf79f111f8130c3eee29480"

static struct dns_cookie_secrets secrets_of(const char *text)
{
	struct dns_cookie_secrets secrets = { 0 };
	unsigned line;

	if (*text)
		cr_assert(dns_cookie_secrets_parse(&secrets, text, &line), "%s", text);
	return secrets;
}

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return len;
}

static void to_hex(const struct dns_cookie *c, char *out)
{
	for (unsigned i = 0; i < DNS_COOKIE_CLIENT_SIZE; i++)
		out += sprintf(out, "%02x", c->client[i]);
	for (unsigned i = 0; i < c->server_len; i++)
		out += sprintf(out, "%02x", c->server[i]);
}

/* clang-format off */
static const struct row {
	const char *what, *secrets, *client, *sent;
	uint32_t at;
	enum dns_cookie_state state;
	const char *reply; /* NULL: as sent */
} rows[] = {
	{ "A.1 learning a new cookie", SECRET_A, "198.51.100.100", "2464c4abcf10c957", T,
	  DNS_COOKIE_CLIENT, COOKIE },
	{ "A.2 renewed after 40 minutes", SECRET_A, "198.51.100.100", COOKIE, 1559734385, DNS_COOKIE_GOOD,
	  "2464c4abcf10c957010000005cf7a871d4a564a1442aca77" },
	{ "A.3 reserved octets are hashed as sent", SECRET_A, "203.0.113.203",
	  "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985, DNS_COOKIE_GOOD, NULL },
	{ "A.3 when it is too old, and none in the fresh one", SECRET_A, "203.0.113.203",
	  "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, DNS_COOKIE_BAD,
	  "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e" },
	{ "A.4 IPv6, made with the old secret", SECRET_B "\n" SECRET_C, IPV6,
	  "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, DNS_COOKIE_GOOD,
	  "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },
	{ "A.4, the old secret gone", SECRET_B, IPV6, "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
	  1559741961, DNS_COOKIE_BAD, "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },
	{ "the next secret is known already", SECRET_C "\n" SECRET_A, "198.51.100.100", COOKIE, T + 1,
	  DNS_COOKIE_GOOD, "2464c4abcf10c957010000005cf79f12" },
	{ "half an hour old: kept", SECRET_A, "198.51.100.100", COOKIE, T + 1800, DNS_COOKIE_GOOD, NULL },
	{ "a second more: renewed", SECRET_A, "198.51.100.100", COOKIE, T + 1801, DNS_COOKIE_GOOD,
	  "2464c4abcf10c957010000005cf7a61a" },
	{ "an hour old: good", SECRET_A, "198.51.100.100", COOKIE, T + 3600, DNS_COOKIE_GOOD,
	  "2464c4abcf10c957010000005cf7ad21" },
	{ "a second more: bad", SECRET_A, "198.51.100.100", COOKIE, T + 3601, DNS_COOKIE_BAD,
	  "2464c4abcf10c957010000005cf7ad22" },
	{ "clocks five minutes apart: good", SECRET_A, "198.51.100.100", COOKIE, T - 300, DNS_COOKIE_GOOD, NULL },
	{ "a second more: bad", SECRET_A, "198.51.100.100", COOKIE, T - 301, DNS_COOKIE_BAD,
	  "2464c4abcf10c957010000005cf79de4" },
	{ "another client's", SECRET_A, "198.51.100.101", COOKIE, T, DNS_COOKIE_BAD,
	  "2464c4abcf10c957010000005cf79f11" },
	{ "another client cookie", SECRET_A, "198.51.100.100",
	  "2464c4abcf10c958010000005cf79f111f8130c3eee29480", T, DNS_COOKIE_BAD,
	  "2464c4abcf10c958010000005cf79f11" },
	{ "one bit of the hash", SECRET_A, "198.51.100.100",
	  "2464c4abcf10c957010000005cf79f111f8130c3eee29481", T, DNS_COOKIE_BAD, COOKIE },
	{ "another version", SECRET_A, "198.51.100.100",
	  "2464c4abcf10c957020000005cf79f111f8130c3eee29480", T, DNS_COOKIE_BAD, COOKIE },
	{ "8 octets: somebody else's", SECRET_A, "198.51.100.100", "2464c4abcf10c9571f8130c3eee29480", T,
	  DNS_COOKIE_BAD, COOKIE },
	{ "32 octets: somebody else's", SECRET_A, "198.51.100.100",
	  COOKIE "00000000000000000000000000000000", T, DNS_COOKIE_BAD, COOKIE },
	{ "no secrets", "", "198.51.100.100", COOKIE, T, DNS_COOKIE_NONE, NULL },
};
/* clang-format on */

Test(dns_cookie, renew)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct dns_cookie_secrets secrets = secrets_of(row->secrets);
		const char *reply = row->reply ? row->reply : row->sent;
		struct dns_cookie cookie;
		struct addr client;
		uint8_t bytes[64];
		char text[100];

		cr_assert(addr_parse(&client, row->client));
		cr_assert(
			dns_cookie_decode(&cookie, wire_reader(bytes, from_hex(row->sent, bytes))));
		cr_expect_eq(dns_cookie_renew(&cookie, &secrets, &client, row->at), row->state,
			     "%s", row->what);
		to_hex(&cookie, text);
		cr_expect(strncmp(text, reply, strlen(reply)) == 0, "%s: %s", row->what, text);
		if (row->reply)
			cr_expect_eq(strlen(text), 2 * 24, "%s: %s", row->what, text);
		/* What has been handed out is good. */
		if (secrets.count > 0)
			cr_expect_eq(dns_cookie_renew(&cookie, &secrets, &client, row->at),
				     DNS_COOKIE_GOOD, "%s", row->what);
	}
}

Test(dns_cookie, lengths)
{
	for (size_t len = 0; len < 60; len++) {
		uint8_t *bytes = xcalloc(1, len + 1);
		struct dns_cookie cookie;

		cr_expect_eq(dns_cookie_decode(&cookie, wire_reader(bytes, len)),
			     len == 8 || (len >= 16 && len <= 40), "%zu octets", len);
		free(bytes);
	}
}

Test(dns_cookie, secrets)
{
	/* clang-format off */
	static const struct { const char *what, *text; unsigned count, line; } files[] = {
		{ "one", SECRET_A, 1, 0 },
		{ "two, upper case, comments and blanks",
		  "# made in June\n\n  E5E973E5A6B2A43F48E7DC849E37BFCF  # new\r\n" SECRET_B "\n\n", 2, 0 },
		{ "none", "", 0, 0 },
		{ "only a comment", "# later\n", 0, 0 },
		{ "three", SECRET_A "\n" SECRET_B "\n" SECRET_C, 0, 0 },
		{ "too short", SECRET_A "\n445536bcd2513298075a5d379663c96\n", 0, 2 },
		{ "too long", SECRET_A "0", 0, 1 },
		{ "not a digit", "\n\ng5e973e5a6b2a43f48e7dc849e37bfcf", 0, 3 },
		{ "two in a line", SECRET_A " " SECRET_B, 0, 1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct dns_cookie_secrets secrets = { 0 };
		unsigned line = 0;

		cr_expect_eq(dns_cookie_secrets_parse(&secrets, files[i].text, &line),
			     files[i].count > 0, "%s", files[i].what);
		cr_expect_eq(secrets.count, files[i].count, "%s", files[i].what);
		if (files[i].count == 0)
			cr_expect_eq(line, files[i].line, "%s: line %u", files[i].what, line);
		else
			cr_expect_eq(secrets.keys[0][0], 0xe5, "%s", files[i].what);
	}
}
