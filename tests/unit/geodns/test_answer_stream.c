/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered over TCP and TLS beside records: how long to stay, and padding. */
#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

#define NS1 "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | opt 1232"

enum over { UDP, TCP, TLS };

static struct answer_result ask(const struct snapshot *snap, const struct test_query *q,
				enum over over, size_t size, char *text)
{
	static uint8_t packet[600], out[ANSWER_SIZE_MAX];
	struct answer_request req = { .packet = packet,
				      .len = test_query_encode(q, packet, sizeof(packet)),
				      .client = addr_from_ipv4(0x64400035),
				      .tcp = over != UDP,
				      .encrypted = over == TLS };
	struct answer_result res = answer(snap, &req, out, size);

	test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
	return res;
}

/* clang-format off */
static const struct {
	const char *what;
	enum over over;
	struct test_query query;
	size_t len; /* 0: whatever it is */
	const char *reply;
} rows[] = {
	{ "nothing asked for", TLS, Q("ns1.lab.test", DNS_TYPE_A, .size = 1232), 0, NS1 },
	{ "keepalive", TCP, Q("ns1.lab.test", DNS_TYPE_A, .keepalive = true), 0, NS1 " keepalive 100" },
	{ "keepalive over UDP", UDP, Q("ns1.lab.test", DNS_TYPE_A, .keepalive = true), 0, NS1 },
	{ "padding", TLS, Q("ns1.lab.test", DNS_TYPE_A, .padding = true), 468, NS1 " padding 407" },
	{ "padding that all could see", TCP, Q("ns1.lab.test", DNS_TYPE_A, .padding = true), 0, NS1 },
	{ "padding over UDP", UDP, Q("ns1.lab.test", DNS_TYPE_A, .padding = true), 0, NS1 },
	{ "all options", TLS, Q("ns1.lab.test", DNS_TYPE_A, .padding = true, .keepalive = true, .nsid = true, .ecs = "100.64.1.0/24"),
	  468, NS1 " ecs 24/0 keepalive 100 nsid ns1 padding 383" },
	{ "errors, too", TLS, Q("example.org", DNS_TYPE_A, .padding = true), 468, "REFUSED | opt 1232 padding 424" },
};
/* clang-format on */

Test(answer_stream, options)
{
	struct catalog *catalog = fixture_catalog("");
	struct snapshot *snap = snapshot_new(catalog, NULL);
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_result res =
			ask(snap, &rows[i].query, rows[i].over, ANSWER_SIZE_MAX, text);

		cr_expect_str_eq(text, rows[i].reply, "%s: %s", rows[i].what, text);
		if (rows[i].len)
			cr_expect_eq(res.len, rows[i].len, "%s: %zu", rows[i].what, res.len);
	}
	free(text);
	free(snap);
	catalog_free(catalog);
}

/* Of every length: a multiple, or all the room there is, and always well-formed. */
Test(answer_stream, padding_fills_blocks)
{
	const struct test_query q = Q("long.lab.test", DNS_TYPE_TXT, .padding = true);
	char zone[20000] = "", *text = xmalloc(DNS_TEXT_SIZE);

	for (unsigned n = 1; n <= 40; n++) {
		struct catalog *catalog;
		struct snapshot *snap;

		snprintf(zone + strlen(zone), 100, "long TXT \"%02u%s\"\n", n,
			 "0123456789012345678901234567890123456789012345");
		catalog = fixture_catalog(zone);
		snap = snapshot_new(catalog, NULL);
		cr_expect_eq(ask(snap, &q, TLS, ANSWER_SIZE_MAX, text).len % 468, 0, "%u", n);
		for (size_t size = 512; size < 3000; size += 61) {
			size_t len = ask(snap, &q, TLS, size, text).len;

			cr_expect_leq(len, size);
			cr_expect(len % 468 == 0 || len > size - 4, "%u: %zu of %zu", n, len, size);
			cr_expect_null(strstr(text, "malformed"));
			cr_expect(strstr(text, "opt 1232"), "%u: %s", n, text);
		}
		free(snap);
		catalog_free(catalog);
	}
	free(text);
}
