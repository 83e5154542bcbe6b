/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * p256.h - ECDSA over P-256 with SHA-256, as DNSSEC's algorithm 13 uses it (RFC 6605).
 *
 * Signatures are deterministic (RFC 6979): the same key and digest give the same octets
 * in every thread and on every node of an anycast service, and no source of randomness can
 * betray the key. The curve's arithmetic is nettle's, which neither branches nor reads memory
 * by secrets. Signing allocates and frees a few hundred octets (GMP's).
 */
#ifndef GEODNS_DNSSEC_P256_H
#define GEODNS_DNSSEC_P256_H

#include <nettle/ecc.h>
#include <stdbool.h>
#include <stdint.h>

#define P256_SIZE	    32 /* of a number, and of a digest */
#define P256_PUBLIC_SIZE    64
#define P256_SIGNATURE_SIZE 64

struct p256_key {
	struct ecc_scalar secret;
	uint8_t secret_octets[P256_SIZE];
	uint8_t public[P256_PUBLIC_SIZE]; /* x, y */
};

/* False when no key: 0, or not below the curve's order. Whoever gets true calls p256_key_fini(). */
bool p256_key_init(struct p256_key *key, const uint8_t secret[P256_SIZE]);
/* Wipes the secret. */
void p256_key_fini(struct p256_key *key);
/* signature becomes r, s. Any number of threads may sign with one key. */
void p256_sign(const struct p256_key *key, const uint8_t digest[P256_SIZE],
	       uint8_t signature[P256_SIGNATURE_SIZE]);

#endif
