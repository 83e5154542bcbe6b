/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h - what a configuration says about signing. docs/geodns.md has the keys.
 *
 * Plain values; strings borrow from the configuration's JSON.
 */
#ifndef GEODNS_DNSSEC_OPTIONS_H
#define GEODNS_DNSSEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/conf.h"

/* zones[].dnssec */
struct dnssec_options {
	bool enabled;
	const char *ksk; /* file of the key signing key, or of the one key for both */
	const char *zsk; /* NULL: there is only one key */
	uint32_t validity_s;
	uint32_t ttl; /* of DNSKEY, CDS and CDNSKEY */
};

/* dnssec: the same for all zones. */
struct dnssec_limits {
	uint32_t signatures_per_s; /* new ones that a UDP thread makes, see signer.h */
	uint32_t signatures_kept;  /* by each thread */
};

/* at may be absent: then the zone is not signed. */
void dnssec_options_load(const struct conf *at, struct dnssec_options *out);
void dnssec_limits_load(const struct conf *at, struct dnssec_limits *out);

#endif
