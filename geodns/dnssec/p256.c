/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nettle asks for random octets until 32 of them are a number below the curve's
 * order, and takes that as k. RFC 6979 makes k from just such a series (section
 * 3.2, step h), so its generator is handed to nettle in the place of chance.
 */
#include "geodns/dnssec/p256.h"

#include <nettle/bignum.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <nettle/hmac.h>
#include <string.h>

/* The order n of the curve (FIPS 186-4, D.1.2.3). */
static const uint8_t order[P256_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
					  0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

/* RFC 6979, 3.2: K and V. */
struct nonce {
	uint8_t k[SHA256_DIGEST_SIZE], v[SHA256_DIGEST_SIZE];
	bool drawn;
};

/* HMAC under K of V and what follows it, into out. */
static void nonce_hmac(const struct nonce *n, const uint8_t *more, size_t len,
		       uint8_t out[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, sizeof(n->k), n->k);
	hmac_sha256_update(&ctx, sizeof(n->v), n->v);
	if (len > 0)
		hmac_sha256_update(&ctx, len, more);
	hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
	explicit_bzero(&ctx, sizeof(ctx));
}

static void nonce_stir(struct nonce *n, const uint8_t *more, size_t len)
{
	nonce_hmac(n, more, len, n->k);
	nonce_hmac(n, NULL, 0, n->v);
}

/* bits2octets(): the digest as a number, modulo the order, which is more than half of 2^256. */
static void digest_reduce(uint8_t out[P256_SIZE], const uint8_t digest[P256_SIZE])
{
	unsigned borrow = 0;

	memcpy(out, digest, P256_SIZE);
	if (memcmp(digest, order, P256_SIZE) < 0)
		return;
	for (int i = P256_SIZE - 1; i >= 0; i--) {
		unsigned sub = order[i] + borrow;

		borrow = digest[i] < sub;
		out[i] = (uint8_t)(digest[i] - sub);
	}
}

static void nonce_init(struct nonce *n, const struct p256_key *key, const uint8_t digest[P256_SIZE])
{
	uint8_t more[1 + 2 * P256_SIZE];

	memset(n->k, 0, sizeof(n->k));
	memset(n->v, 1, sizeof(n->v));
	n->drawn = false;
	memcpy(more + 1, key->secret_octets, P256_SIZE);
	digest_reduce(more + 1 + P256_SIZE, digest);
	for (uint8_t i = 0; i < 2; i++) {
		more[0] = i;
		nonce_stir(n, more, sizeof(more));
	}
	explicit_bzero(more, sizeof(more));
}

/* A nettle_random_func. Asked again, the number before was none that can be used. */
static void nonce_draw(void *ctx, size_t len, uint8_t *out)
{
	static const uint8_t zero[1];
	struct nonce *n = ctx;

	if (n->drawn)
		nonce_stir(n, zero, sizeof(zero));
	n->drawn = true;
	while (len > 0) {
		size_t part = len < sizeof(n->v) ? len : sizeof(n->v);

		nonce_hmac(n, NULL, 0, n->v);
		memcpy(out, n->v, part);
		out += part;
		len -= part;
	}
}

bool p256_key_init(struct p256_key *key, const uint8_t secret[P256_SIZE])
{
	const struct ecc_curve *curve = nettle_get_secp_256r1();
	struct ecc_point point;
	mpz_t x, y;
	bool good;

	ecc_scalar_init(&key->secret, curve);
	nettle_mpz_init_set_str_256_u(x, P256_SIZE, secret);
	good = ecc_scalar_set(&key->secret, x);
	if (good) {
		mpz_init(y);
		ecc_point_init(&point, curve);
		ecc_point_mul_g(&point, &key->secret);
		memcpy(key->secret_octets, secret, P256_SIZE);
		mpz_set_ui(x, 0);
		ecc_point_get(&point, x, y);
		nettle_mpz_get_str_256(P256_SIZE, key->public, x);
		nettle_mpz_get_str_256(P256_SIZE, key->public + P256_SIZE, y);
		ecc_point_clear(&point);
		mpz_clear(y);
	} else {
		ecc_scalar_clear(&key->secret);
	}
	mpz_clear(x);
	return good;
}

void p256_key_fini(struct p256_key *key)
{
	explicit_bzero(key->secret.p, (size_t)ecc_size(key->secret.ecc) * sizeof(*key->secret.p));
	ecc_scalar_clear(&key->secret);
	explicit_bzero(key->secret_octets, sizeof(key->secret_octets));
}

void p256_sign(const struct p256_key *key, const uint8_t digest[P256_SIZE],
	       uint8_t signature[P256_SIGNATURE_SIZE])
{
	struct dsa_signature rs;
	struct nonce nonce;

	nonce_init(&nonce, key, digest);
	dsa_signature_init(&rs);
	ecdsa_sign(&key->secret, &nonce, nonce_draw, P256_SIZE, digest, &rs);
	nettle_mpz_get_str_256(P256_SIZE, signature, rs.r);
	nettle_mpz_get_str_256(P256_SIZE, signature + P256_SIZE, rs.s);
	dsa_signature_clear(&rs);
	explicit_bzero(&nonce, sizeof(nonce));
}
