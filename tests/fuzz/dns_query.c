/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any packet, over UDP and TLS: the reply is well-formed, not too long, and the same again; above
 * the rate limit not twice as long as the query.
 */
#include <stdlib.h>
#include <string.h>

#include "geodns/answer.h"
#include "geodns/dns/query.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

static void check(const struct snapshot *snap, const uint8_t *data, size_t len, bool tcp)
{
	static uint8_t out[ANSWER_SIZE_MAX], again[ANSWER_SIZE_MAX];
	static char text[DNS_TEXT_SIZE];
	struct answer_request req = {
		.packet = data, .len = len, .tcp = tcp, .encrypted = tcp, .unix_time = 1559731985
	};
	size_t limit = tcp ? ANSWER_SIZE_MAX : DNS_UDP_SIZE_MIN;
	struct answer_result res, second;
	struct dns_query q;

	req.client = addr_from_ipv4(0x64400035);
	/* What the buffers held before must not matter: at 0x1c1 there is a pointer to 0x1c1. */
	memset(out, 0xc1, 0x400);
	memset(again, 0, 0x400);
	res = answer(snap, &req, out, sizeof(out));
	second = answer(snap, &req, again, sizeof(again));
	if (second.len != res.len || memcmp(out, again, res.len) != 0)
		abort();
	if (!dns_query_decode(&q, data, len)) {
		if (res.len != 0)
			abort();
		return;
	}
	if (!tcp && q.has_edns)
		limit = dns_edns_udp_size(&q.edns);
	test_reply_text(out, res.len, text, sizeof(text));
	if (res.len > limit || strcmp(text, "malformed") == 0 || memcmp(out, data, 2) != 0)
		abort();
	if (q.has_edns != (strstr(text, "| opt") != NULL))
		abort();
	req.rate = RATE_SHORT;
	res = answer(snap, &req, out, sizeof(out));
	if (!tcp && res.limited && res.len > 2 * len)
		abort();
}

static struct snapshot *snapshot_with_secrets(void)
{
	struct catalog *catalog = fixture_catalog("");
	unsigned line;

	if (!dns_cookie_secrets_parse(&catalog->cookie_secrets, "e5e973e5a6b2a43f48e7dc849e37bfcf",
				      &line))
		abort();
	return snapshot_new(catalog, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct snapshot *snap;

	if (!snap)
		snap = snapshot_with_secrets();
	check(snap, data, len, false);
	check(snap, data, len, true);
	return 0;
}
