/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signer.h - what one thread remembers of the signatures it has made, and how many more it may.
 *
 * A memo from what is signed (its digest, times of validity included, and the key) to the
 * signature. Since signatures are deterministic, an answer is the same with and without
 * it; losing an entry costs time only. Three pools that cannot displace each other: what the
 * zones hold; what clients make up: denials of random names, and names that a wildcard matches;
 * and what they choose, by naming networks: the sets of PoPs of a name that is answered
 * with several. Each pool has a budget of new signatures per second, so that none can take
 * that of another, or all of the thread's time. Fixed size, one thread, no lock.
 */
#ifndef GEODNS_DNSSEC_SIGNER_H
#define GEODNS_DNSSEC_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/dnssec/p256.h"

enum dnssec_pool { DNSSEC_POOL_ZONE, DNSSEC_POOL_INVENTED, DNSSEC_POOL_CHOSEN };
#define DNSSEC_POOLS 3

struct dnssec_signer;

/* Room for at least that many signatures of zones, and a quarter as many in each other pool. */
struct dnssec_signer *dnssec_signer_new(size_t kept);
void dnssec_signer_free(struct dnssec_signer *signer);

/* NULL when it is not remembered. Valid until the next dnssec_signer_keep(). */
const uint8_t *dnssec_signer_find(struct dnssec_signer *signer, enum dnssec_pool pool,
				  const uint8_t digest[P256_SIZE], const struct p256_key *key);
/* May one more be made in that second? Counts it if so. per_s 0: always. */
bool dnssec_signer_allow(struct dnssec_signer *signer, enum dnssec_pool pool, uint32_t second,
			 uint32_t per_s);
void dnssec_signer_keep(struct dnssec_signer *signer, enum dnssec_pool pool,
			const uint8_t digest[P256_SIZE], const struct p256_key *key,
			const uint8_t signature[P256_SIGNATURE_SIZE]);

#endif
