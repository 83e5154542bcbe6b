/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any message to a signed zone: the reply is whole, no longer than allowed, and a validator that
 * shares no code with the signer finds every signature good.
 */
#include <stdlib.h>

#include "geodns/answer.h"
#include "geodns/dns/edns.h"
#include "geodns/dnssec/keys.h"
#include "tests/support/dnssec_verify.h"
#include "tests/support/geodns_fixture.h"

#define NOW UINT32_C(1800000000)

static const char key_text[] = "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n"
			       "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";

struct world {
	struct snapshot *snap;
	struct dnssec_signer *signer;
	struct verify_key key;
};

static struct world world_new(void)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load(fixture_conf, &err);
	struct zone **zones = xcalloc(2, sizeof(struct zone *));
	struct dnssec_keys *keys = x_new(struct dnssec_keys);
	struct zone_error zone_err;
	struct world w;

	keys->count = 1;
	keys->validity_s = 7 * 86400;
	if (dnssec_key_parse(&keys->key[0], key_text, strlen(key_text), DNSSEC_FLAGS_SEP))
		abort();
	zones[0] = fixture_zone_load("lab.test", fixture_lab);
	zones[1] = fixture_zone_load("sub.lab.test", fixture_sub);
	if (!zone_keys_set(zones[0], keys, &zone_err))
		abort();
	w.snap = snapshot_new(catalog_new(conf, zones, &err), NULL);
	w.signer = dnssec_signer_new(64);
	w.key = (struct verify_key){ keys->key[0].tag, keys->key[0].pair.public };
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct world w;
	static char text[DNS_TEXT_SIZE];
	uint8_t out[DNS_UDP_SIZE_MAX];
	struct answer_request req = {
		.packet = data, .len = len, .client = { .family = ADDR_IPV4 }, .unix_time = NOW
	};
	struct answer_result res;

	if (!w.snap)
		w = world_new();
	req.signer = w.signer;
	res = answer(w.snap, &req, out, sizeof(out));
	if (res.len > sizeof(out))
		abort();
	if (res.len == 0 || res.signatures == 0)
		return 0;
	if (strcmp(test_reply_text(out, res.len, text, sizeof(text)), "malformed") == 0)
		abort();
	/* Asked for an RRSIG, the reply has not got what it covers. */
	if (!strstr(text, " RRSIG NSEC") || strstr(text, " NSEC \\"))
		if (verify_reply(out, res.len, &w.key, 1, NOW) != (int)res.signatures)
			abort();
	return 0;
}
