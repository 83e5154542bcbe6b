/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnssec_rig.h - the fixture's lab.test, signed, and a validator to ask it through.
 */
#ifndef TESTS_DNSSEC_RIG_H
#define TESTS_DNSSEC_RIG_H

#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "geodns/dnssec/keys.h"
#include "tests/support/dnssec_verify.h"
#include "tests/support/geodns_fixture.h"

#define NOW UINT32_C(1800000000)
#define SOA "NS lab.test 60 SOA | NS lab.test 60 RRSIG SOA"
#define DENIES(name, types)                                                                        \
	SOA " | NS " name " 60 NSEC \\000." name " " types " | NS " name " 60 RRSIG NSEC"
#define FOR_30_S(name, types)                                                                      \
	"NS lab.test 30 SOA | NS lab.test 30 RRSIG SOA | NS " name " 30 NSEC \\000." name          \
	" " types " | NS " name " 30 RRSIG NSEC"
#define OPT " | opt 1232 do"
#define NX  "RRSIG NSEC NXNAME"

static const char ksk_text[] = "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n"
			       "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";
static const char zsk_text[] = "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n"
			       "PrivateKey: ya+p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyE=\n";

struct signed_world {
	struct catalog *catalog;
	struct snapshot *snap;
	struct verify_key keys[2];
};

/* Owned by the zone; the KSK signs all if it is alone. */
static inline struct dnssec_keys *keys_new(unsigned count)
{
	struct dnssec_keys *keys = x_new(struct dnssec_keys);

	keys->count = count;
	keys->validity_s = 7 * 86400;
	keys->ttl = 3600;
	cr_assert_null(
		dnssec_key_parse(&keys->key[0], ksk_text, strlen(ksk_text), DNSSEC_FLAGS_SEP));
	if (count == 2)
		cr_assert_null(dnssec_key_parse(&keys->key[1], zsk_text, strlen(zsk_text),
						DNSSEC_FLAGS_ZONE));
	return keys;
}

/* The fixture's lab.test, signed; sub.lab.test below it is not. */
static inline struct signed_world world_of(const char *conf_text, unsigned key_count,
					   const char *extra)
{
	struct dnssec_keys *keys = keys_new(key_count);
	struct signed_world w = { .catalog = fixture_catalog_signed(conf_text, extra, keys) };

	w.snap = snapshot_new(w.catalog, NULL);
	for (unsigned i = 0; i < 2; i++) {
		const struct dnssec_key *key = &keys->key[key_count == 2 ? i : 0];

		w.keys[i] = (struct verify_key){ key->tag, key->pair.public };
	}
	return w;
}

static inline struct signed_world world_new(unsigned key_count, const char *extra)
{
	return world_of(fixture_conf, key_count, extra);
}

static inline void world_free(struct signed_world *w)
{
	free(w->snap);
	catalog_free(w->catalog);
}

struct asked {
	struct test_query query;
	bool tcp;
	enum rate_verdict rate;
	uint32_t now;
	struct dnssec_signer *signer;
};

/* Ask, render into text, verify. Returns how many good signatures there were, -1: a bad one. */
static inline int ask(const struct signed_world *w, const struct asked *a, char *text,
		      struct answer_result *res)
{
	uint8_t packet[600], *out = xmalloc(ANSWER_SIZE_MAX);
	struct answer_request req = { .packet = packet,
				      .client = addr_from_ipv4(0x64400035),
				      .tcp = a->tcp,
				      .rate = a->rate,
				      .unix_time = a->now ? a->now : NOW,
				      .signer = a->signer };
	int good;

	req.len = test_query_encode(&a->query, packet, sizeof(packet));
	*res = answer(w->snap, &req, out, ANSWER_SIZE_MAX);
	test_reply_text(out, res->len, text, DNS_TEXT_SIZE);
	good = verify_reply(out, res->len, w->keys, 2, req.unix_time);
	free(out);
	return good;
}

#define D(n, t, ...) Q(n, t, .dnssec_ok = true, ##__VA_ARGS__)

#endif
