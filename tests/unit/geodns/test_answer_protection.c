/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cookies, and what is left of an answer where the rate limit bites. */
#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "geodns/dns/edns.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

/* RFC 9018, A.1. */
#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define CLIENT "198.51.100.100"
#define T      1559731985U
#define HALF   "2464c4abcf10c957"
#define GOOD   "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
#define BAD    "2464c4abcf10c957010000005cf79f111f8130c3eee29481"
#define NS1    "AN ns1.lab.test 3600 A 10.1.0.53"

static struct catalog *catalog_with(const char *secrets)
{
	struct catalog *catalog = fixture_catalog("");
	unsigned line;

	if (secrets)
		cr_assert(dns_cookie_secrets_parse(&catalog->cookie_secrets, secrets, &line));
	return catalog;
}

static struct answer_result ask(const struct snapshot *snap, struct answer_request *req,
				uint8_t *out, char *text)
{
	struct answer_result res;

	req->unix_time = T;
	cr_assert(addr_parse(&req->client, CLIENT));
	res = answer(snap, req, out, DNS_UDP_SIZE_MAX);
	if (res.len > 0)
		test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
	else
		strcpy(text, "nothing");
	return res;
}

/* clang-format off */
static const struct row {
	const char *what;
	const char *secrets;
	enum rate_verdict rate;
	struct test_query query;
	const char *reply;
	enum dns_cookie_state cookie;
} rows[] = {
	{ "no secrets: no cookie back", NULL, RATE_WHOLE, Q("ns1.lab.test", DNS_TYPE_A, .cookie = GOOD),
	  "NOERROR aa | " NS1 " | opt 1232", DNS_COOKIE_NONE },
	{ "no cookie sent: none back", SECRET, RATE_WHOLE, Q("ns1.lab.test", DNS_TYPE_A, .size = 512),
	  "NOERROR aa | " NS1 " | opt 1232", DNS_COOKIE_NONE },
	{ "a new client learns one", SECRET, RATE_WHOLE, Q("ns1.lab.test", DNS_TYPE_A, .cookie = HALF),
	  "NOERROR aa | " NS1 " | opt 1232 cookie " GOOD, DNS_COOKIE_CLIENT },
	{ "a good one", SECRET, RATE_WHOLE, Q("ns1.lab.test", DNS_TYPE_A, .cookie = GOOD),
	  "NOERROR aa | " NS1 " | opt 1232 cookie " GOOD, DNS_COOKIE_GOOD },
	{ "a bad one: answered, with a good one", SECRET, RATE_WHOLE, Q("ns1.lab.test", DNS_TYPE_A, .cookie = BAD),
	  "NOERROR aa | " NS1 " | opt 1232 cookie " GOOD, DNS_COOKIE_BAD },
	{ "beside the other options", SECRET, RATE_WHOLE,
	  Q("u1.geo.lab.test", DNS_TYPE_A, .cookie = GOOD, .ecs = "100.64.1.0/24", .nsid = true),
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 24/24 cookie " GOOD " nsid ns1",
	  DNS_COOKIE_GOOD },
	{ "limited: TC, and no NSID", SECRET, RATE_SHORT, Q("ns1.lab.test", DNS_TYPE_A, .nsid = true),
	  "NOERROR tc | opt 1232", DNS_COOKIE_NONE },
	{ "limited, without EDNS: TC", SECRET, RATE_SHORT, Q("ns1.lab.test", DNS_TYPE_A), "NOERROR tc",
	  DNS_COOKIE_NONE },
	{ "limited, no secrets: a cookie is no help", NULL, RATE_SHORT,
	  Q("ns1.lab.test", DNS_TYPE_A, .cookie = GOOD), "NOERROR tc | opt 1232", DNS_COOKIE_NONE },
	{ "limited, half a cookie: BADCOOKIE", SECRET, RATE_SHORT, Q("ns1.lab.test", DNS_TYPE_A, .cookie = HALF),
	  "BADCOOKIE | opt 1232 cookie " GOOD, DNS_COOKIE_CLIENT },
	{ "limited, a bad cookie: BADCOOKIE", SECRET, RATE_SHORT, Q("ns1.lab.test", DNS_TYPE_A, .cookie = BAD),
	  "BADCOOKIE | opt 1232 cookie " GOOD, DNS_COOKIE_BAD },
	{ "limited, a good cookie: the answer", SECRET, RATE_SHORT, Q("ns1.lab.test", DNS_TYPE_A, .cookie = GOOD),
	  "NOERROR aa | " NS1 " | opt 1232 cookie " GOOD, DNS_COOKIE_GOOD },
	{ "limited, not our zone: TC too", SECRET, RATE_SHORT, Q("example.org", DNS_TYPE_A), "NOERROR tc",
	  DNS_COOKIE_NONE },
	{ "not answered", SECRET, RATE_NONE, Q("ns1.lab.test", DNS_TYPE_A), "nothing", DNS_COOKIE_NONE },
	{ "not answered, half a cookie", SECRET, RATE_NONE, Q("ns1.lab.test", DNS_TYPE_A, .cookie = HALF),
	  "nothing", DNS_COOKIE_CLIENT },
	{ "answered: a good cookie", SECRET, RATE_NONE, Q("ns1.lab.test", DNS_TYPE_A, .cookie = GOOD),
	  "NOERROR aa | " NS1 " | opt 1232 cookie " GOOD, DNS_COOKIE_GOOD },
};
/* clang-format on */

Test(answer_protection, cookies_and_limits)
{
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct catalog *catalog = catalog_with(rows[i].secrets);
		struct snapshot *snap = snapshot_new(catalog, NULL);
		uint8_t packet[600], out[DNS_UDP_SIZE_MAX];
		struct answer_request req = { .packet = packet, .rate = rows[i].rate };
		struct answer_result res;

		req.len = test_query_encode(&rows[i].query, packet, sizeof(packet));
		res = ask(snap, &req, out, text);
		cr_expect_str_eq(text, rows[i].reply, "%s: %s", rows[i].what, text);
		cr_expect_eq(res.cookie, rows[i].cookie, "%s", rows[i].what);
		cr_expect_eq(res.limited,
			     rows[i].rate != RATE_WHOLE && rows[i].cookie != DNS_COOKIE_GOOD, "%s",
			     rows[i].what);
		free(snap);
		catalog_free(catalog);
	}
	free(text);
}

/* RFC 7873, 5.4. */
Test(answer_protection, a_cookie_without_a_question)
{
	static const struct {
		const char *what, *cookie, *reply;
	} alone[] = {
		{ "wants one", HALF, "NOERROR | opt 1232 cookie " GOOD },
		{ "asks whether it is still good", GOOD, "NOERROR | opt 1232 cookie " GOOD },
		{ "it is not", BAD, "BADCOOKIE | opt 1232 cookie " GOOD },
	};
	struct catalog *catalog = catalog_with(SECRET);
	struct snapshot *snap = snapshot_new(catalog, NULL);
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		const struct test_query q = Q(".", DNS_TYPE_A, .cookie = alone[i].cookie);
		uint8_t packet[600], out[DNS_UDP_SIZE_MAX];
		struct answer_request req = { .packet = packet };

		/* Without the question that the encoder makes: root, type, class. */
		req.len = test_query_encode(&q, packet, sizeof(packet)) - 5;
		memmove(packet + DNS_HEADER_SIZE, packet + DNS_HEADER_SIZE + 5,
			req.len - DNS_HEADER_SIZE);
		packet[5] = 0;
		ask(snap, &req, out, text);
		cr_expect_str_eq(text, alone[i].reply, "%s: %s", alone[i].what, text);
		/* A record beside OPT is no question either. */
		packet[7] = 1;
		ask(snap, &req, out, text);
		cr_expect(strncmp(text, "FORMERR", 7) == 0, "%s: %s", alone[i].what, text);
	}
	free(text);
	free(snap);
	catalog_free(catalog);
}

/* Queries of all shapes, whole, cut short and damaged: at most twice as much comes back. */
Test(answer_protection, limited_answers_are_short)
{
	static const struct test_query shapes[] = {
		Q(".", DNS_TYPE_NS),
		Q(".", DNS_TYPE_NS, .size = 4096, .nsid = true),
		Q(".", DNS_TYPE_NS, .cookie = HALF),
		Q("lab.test", DNS_TYPE_ANY, .cookie = BAD, .nsid = true, .dnssec_ok = true),
		Q("u1.geo.lab.test", DNS_TYPE_AAAA, .ecs = "2001:db8::/56", .cookie = HALF),
		Q("big.lab.test", DNS_TYPE_A, .size = 4096),
		Q("id.server", DNS_TYPE_TXT, .qclass = 3, .nsid = true),
	};
	struct catalog *catalog = catalog_with(SECRET);
	struct snapshot *snap = snapshot_new(catalog, NULL);
	char *text = xmalloc(DNS_TEXT_SIZE);
	unsigned answered = 0;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		uint8_t packet[600], out[DNS_UDP_SIZE_MAX];
		size_t len = test_query_encode(&shapes[i], packet, sizeof(packet));

		for (size_t bit = 0; bit < 8 * len; bit++) {
			struct answer_request req = { .packet = packet, .rate = RATE_SHORT };

			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
			req.len = bit % 2 ? len : bit / 8;
			answered += ask(snap, &req, out, text).len > 0;
			cr_expect_leq(answer(snap, &req, out, sizeof(out)).len, 2 * req.len,
				      "shape %zu, bit %zu: %s", i, bit, text);
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	cr_expect_gt(answered, 1000);
	free(text);
	free(snap);
	catalog_free(catalog);
}
