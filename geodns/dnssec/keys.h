/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keys.h - the keys that a zone is signed with, and what it publishes of them.
 *
 * One key for everything, or a key signing key for DNSKEY, CDS and CDNSKEY and a zone
 * signing key for the rest (RFC 6781, 3.1). Immutable once loaded, read by all threads;
 * the zone owns it.
 */
#ifndef GEODNS_DNSSEC_KEYS_H
#define GEODNS_DNSSEC_KEYS_H

#include <stdbool.h>

#include "geodns/dnssec/key.h"
#include "geodns/dnssec/options.h"

struct dnssec_keys {
	struct dnssec_key key[2]; /* the KSK, the ZSK; or one for both */
	unsigned count;
	uint32_t validity_s, ttl;
};

struct dnssec_keys_error {
	const char *key; /* of the configuration: "dnssec.zsk" */
	char text[256];
};

/* Reads the files, relative ones from folder. NULL, and err filled in, when one is no key. */
struct dnssec_keys *dnssec_keys_load(const struct dnssec_options *options, const char *folder,
				     struct dnssec_keys_error *err);
void dnssec_keys_free(struct dnssec_keys *keys);

/* Which key signs RRsets of that type. */
const struct dnssec_key *dnssec_keys_find(const struct dnssec_keys *keys, uint16_t type);

/* "12345 13 2 A1B2...": what the parent zone must hold for zone. Returns buf. */
#define DNSSEC_DS_TEXT_SIZE 96
const char *dnssec_keys_ds_format(const struct dnssec_keys *keys, const uint8_t *zone,
				  char buf[DNSSEC_DS_TEXT_SIZE]);

#endif
