/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnssec_verify.h - for tests: are the signatures of a reply good?
 *
 * A validator of its own (RFC 4035, 5.3): it takes a message apart, puts each signed RRset
 * into canonical form and asks nettle. It shares no code with what signs but the names.
 */
#ifndef TESTS_SUPPORT_DNSSEC_VERIFY_H
#define TESTS_SUPPORT_DNSSEC_VERIFY_H

#include <gmp.h>
#include <nettle/bignum.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <nettle/sha2.h>

#include "tests/support/dns_message.h"

#define VERIFY_RECORDS_MAX 512

struct verify_record {
	uint8_t owner[DNS_NAME_MAX]; /* in lower case */
	uint16_t type;
	uint32_t ttl;
	unsigned section;
	uint8_t rdata[1200]; /* canonical; of RRSIG as it is */
	size_t len;
};

static inline void verify_lower(uint8_t *name)
{
	for (size_t i = 0, len = dns_name_length(name); i < len; i++)
		name[i] = dns_octet_lower(name[i]);
}

/* The types that the fixtures have. */
static inline void verify_rdata(const uint8_t *msg, struct wire_reader r, struct verify_record *v)
{
	struct wire_writer w = wire_writer(v->rdata, sizeof(v->rdata));
	unsigned skip = v->type == DNS_TYPE_MX ? 2 : v->type == DNS_TYPE_SRV ? 6 : 0;
	unsigned names = v->type == DNS_TYPE_SOA ? 2 : 0;
	uint8_t name[DNS_NAME_MAX];

	if (v->type == DNS_TYPE_NS || v->type == DNS_TYPE_CNAME || v->type == DNS_TYPE_PTR ||
	    v->type == DNS_TYPE_MX || v->type == DNS_TYPE_SRV || v->type == DNS_TYPE_DNAME)
		names = 1;
	wire_put_bytes(&w, wire_get_bytes(&r, skip), skip);
	for (unsigned i = 0; i < names; i++) {
		if (!test_name_read(msg, &r, name))
			abort();
		verify_lower(name);
		wire_put_bytes(&w, name, dns_name_length(name));
	}
	wire_put_bytes(&w, r.pos, wire_left(&r));
	v->len = wire_written(&w);
}

static inline size_t verify_read(const uint8_t *msg, size_t len, struct verify_record *out)
{
	struct wire_reader r = wire_reader(msg, len);
	uint8_t name[DNS_NAME_MAX];
	uint16_t counts[4];
	size_t n = 0;

	wire_get_u32(&r);
	for (unsigned i = 0; i < 4; i++)
		counts[i] = wire_get_u16(&r);
	for (unsigned i = 0; i < counts[0]; i++) {
		test_name_read(msg, &r, name);
		wire_get_u32(&r);
	}
	for (unsigned s = 1; s < 4; s++) {
		for (unsigned i = 0; i < counts[s] && n < VERIFY_RECORDS_MAX; i++) {
			struct verify_record *v = &out[n];
			uint16_t rdlen;
			const uint8_t *rdata;

			if (!test_name_read(msg, &r, v->owner))
				abort();
			verify_lower(v->owner);
			v->type = wire_get_u16(&r);
			wire_get_u16(&r);
			v->ttl = wire_get_u32(&r);
			v->section = s;
			rdlen = wire_get_u16(&r);
			rdata = wire_get_bytes(&r, rdlen);
			if (v->type == DNS_TYPE_OPT)
				continue;
			verify_rdata(msg, (struct wire_reader){ rdata, rdata + rdlen, false }, v);
			n++;
		}
	}
	return n;
}

static inline int verify_compare(const void *a, const void *b)
{
	const struct verify_record *x = a, *y = b;
	size_t both = x->len < y->len ? x->len : y->len;
	int diff = memcmp(x->rdata, y->rdata, both);

	return diff != 0 ? diff : (x->len > y->len) - (x->len < y->len);
}

static inline bool verify_ecdsa(const uint8_t pub[64], const uint8_t digest[32],
				const uint8_t signature[64])
{
	struct ecc_point point;
	struct dsa_signature rs;
	mpz_t x, y;
	bool good;

	ecc_point_init(&point, nettle_get_secp_256r1());
	dsa_signature_init(&rs);
	nettle_mpz_init_set_str_256_u(x, 32, pub);
	nettle_mpz_init_set_str_256_u(y, 32, pub + 32);
	nettle_mpz_set_str_256_u(rs.r, 32, signature);
	nettle_mpz_set_str_256_u(rs.s, 32, signature + 32);
	good = ecc_point_set(&point, x, y) && ecdsa_verify(&point, 32, digest, &rs);
	mpz_clear(x);
	mpz_clear(y);
	dsa_signature_clear(&rs);
	ecc_point_clear(&point);
	return good;
}

/* One RRSIG against the records that it covers. now: its validity must reach around it. */
static inline bool verify_rrsig(const struct verify_record *all, size_t count,
				const struct verify_record *sig, const uint8_t pub[64],
				uint32_t now)
{
	struct verify_record *set = calloc(count, sizeof(*set));
	struct wire_reader r = wire_reader(sig->rdata, sig->len);
	uint16_t type = wire_get_u16(&r);
	uint8_t digest[32], fixed[10], wild = dns_name_is_wildcard(sig->owner);
	struct sha256_ctx ctx;
	size_t n = 0, name_len;
	uint32_t ttl, end, begin;
	bool good;

	for (size_t i = 0; i < count; i++) {
		if (all[i].type == type && all[i].section == sig->section &&
		    dns_name_equal(all[i].owner, sig->owner))
			set[n++] = all[i];
	}
	good = n > 0 && wire_get_u8(&r) == 13 &&
	       wire_get_u8(&r) == dns_name_labels(sig->owner) - wild;
	ttl = wire_get_u32(&r);
	end = wire_get_u32(&r);
	begin = wire_get_u32(&r);
	wire_get_u16(&r);
	good = good && begin <= now && now < end && dns_name_decode(&r, &name_len) &&
	       wire_left(&r) == 64;
	qsort(set, n, sizeof(*set), verify_compare);
	for (size_t i = n; i-- > 1;) { /* the same twice counts once */
		if (verify_compare(&set[i - 1], &set[i]) == 0)
			memmove(&set[i], &set[i + 1], (--n - i) * sizeof(*set));
	}
	sha256_init(&ctx);
	sha256_update(&ctx, sig->len - 64, sig->rdata);
	for (size_t i = 0; good && i < n; i++) {
		struct wire_writer w = wire_writer(fixed, sizeof(fixed));

		good = set[i].ttl <= ttl && set[i].ttl == sig->ttl;
		wire_put_u16(&w, type);
		wire_put_u16(&w, 1);
		wire_put_u32(&w, ttl);
		wire_put_u16(&w, (uint16_t)set[i].len);
		sha256_update(&ctx, dns_name_length(set[i].owner), set[i].owner);
		sha256_update(&ctx, sizeof(fixed), fixed);
		sha256_update(&ctx, set[i].len, set[i].rdata);
	}
	sha256_digest(&ctx, sizeof(digest), digest);
	free(set);
	return good && verify_ecdsa(pub, digest, sig->rdata + sig->len - 64);
}

/* How many RRSIGs there are; -1 if one of them is not good. keys: by tag's order in pubs. */
struct verify_key {
	uint16_t tag;
	const uint8_t *pub;
};
static inline int verify_reply(const uint8_t *msg, size_t len, const struct verify_key *keys,
			       size_t key_count, uint32_t now)
{
	struct verify_record *all = calloc(VERIFY_RECORDS_MAX, sizeof(*all));
	size_t count = verify_read(msg, len, all);
	int found = 0;

	for (size_t i = 0; i < count && found >= 0; i++) {
		const uint8_t *pub = NULL;

		if (all[i].type != DNS_TYPE_RRSIG)
			continue;
		for (size_t k = 0; k < key_count; k++) {
			if (keys[k].tag == (all[i].rdata[16] << 8 | all[i].rdata[17]))
				pub = keys[k].pub;
		}
		found = pub && verify_rrsig(all, count, &all[i], pub, now) ? found + 1 : -1;
	}
	free(all);
	return found;
}

#endif
