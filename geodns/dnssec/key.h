/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * key.h - one key of a zone: its private file, its DNSKEY and its DS (RFC 4034, 6605).
 *
 * Only ECDSAP256SHA256 (13): short signatures that are quick to make, which is what signing
 * at the time of the question needs. Pure; the files are read by keys.c.
 */
#ifndef GEODNS_DNSSEC_KEY_H
#define GEODNS_DNSSEC_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/dnssec/p256.h"

#define DNSSEC_ALGORITHM 13
#define DNSSEC_DIGEST	 2 /* of a DS: SHA-256 */

enum dnssec_flags {
	DNSSEC_FLAGS_ZONE = 0x0100, /* a zone signing key's */
	DNSSEC_FLAGS_SEP = 0x0101,  /* a key signing key's, or that of a key for both */
};

/* Octets of record data. */
#define DNSSEC_DNSKEY_SIZE (4 + P256_PUBLIC_SIZE)
#define DNSSEC_DS_SIZE	   (4 + 32)

struct dnssec_key {
	struct p256_key pair;
	uint16_t tag;
	uint8_t dnskey[DNSSEC_DNSKEY_SIZE];
};

/*
 * Read a private key: the Private-key-format of BIND and ldns (K*.private), or PEM, as of OpenSSL
 * and Knot DNS. Returns NULL, or what is wrong with it; then there is nothing to give back.
 */
const char *dnssec_key_parse(struct dnssec_key *key, const char *text, size_t len,
			     enum dnssec_flags flags);
void dnssec_key_fini(struct dnssec_key *key);
/* The DS (or CDS) data of the key in the zone of that name. */
void dnssec_key_ds(const struct dnssec_key *key, const uint8_t *zone, uint8_t ds[DNSSEC_DS_SIZE]);
/* RFC 4034, appendix B. */
uint16_t dnssec_key_tag(const uint8_t *dnskey, size_t len);

#endif
