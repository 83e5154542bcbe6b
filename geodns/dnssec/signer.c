/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of four entries, found by the digest, which nobody can aim; in a full
 * set the one that has not been used for longest gives way.
 */
#include "geodns/dnssec/signer.h"

#include <string.h>

#include "lib/alloc.h"

#define WAYS 4

struct entry {
	uint64_t used; /* when last, by the signer's own count; 0: free */
	uint8_t digest[P256_SIZE];
	uint8_t key[P256_SIZE]; /* x of the public key */
	uint8_t signature[P256_SIGNATURE_SIZE];
};

struct pool {
	struct entry *entries;
	size_t sets; /* a power of two */
	uint32_t second, made;
};

struct dnssec_signer {
	struct pool pools[DNSSEC_POOLS];
	uint64_t count;
};

struct dnssec_signer *dnssec_signer_new(size_t kept)
{
	struct dnssec_signer *signer = x_new(struct dnssec_signer);
	size_t wanted[DNSSEC_POOLS] = {
		[DNSSEC_POOL_ZONE] = kept,
		[DNSSEC_POOL_INVENTED] = kept / 4,
		[DNSSEC_POOL_CHOSEN] = kept / 4,
	};

	for (size_t i = 0; i < DNSSEC_POOLS; i++) {
		struct pool *pool = &signer->pools[i];

		for (pool->sets = 1; pool->sets * WAYS < wanted[i];)
			pool->sets *= 2;
		/* Large and zeroed: not resident before it is used. */
		pool->entries = xcalloc(pool->sets * WAYS, sizeof(struct entry));
	}
	return signer;
}

void dnssec_signer_free(struct dnssec_signer *signer)
{
	if (!signer)
		return;
	for (size_t i = 0; i < DNSSEC_POOLS; i++)
		free(signer->pools[i].entries);
	free(signer);
}

static struct entry *set_of(struct pool *pool, const uint8_t digest[P256_SIZE])
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return pool->entries + (hash & (pool->sets - 1)) * WAYS;
}

const uint8_t *dnssec_signer_find(struct dnssec_signer *signer, enum dnssec_pool pool,
				  const uint8_t digest[P256_SIZE], const struct p256_key *key)
{
	struct entry *set = set_of(&signer->pools[pool], digest);

	for (unsigned i = 0; i < WAYS; i++) {
		struct entry *e = &set[i];

		if (e->used > 0 && memcmp(e->digest, digest, P256_SIZE) == 0 &&
		    memcmp(e->key, key->public, P256_SIZE) == 0) {
			e->used = ++signer->count;
			return e->signature;
		}
	}
	return NULL;
}

bool dnssec_signer_allow(struct dnssec_signer *signer, enum dnssec_pool pool, uint32_t second,
			 uint32_t per_s)
{
	struct pool *p = &signer->pools[pool];

	if (p->second != second) {
		p->second = second;
		p->made = 0;
	}
	if (per_s > 0 && p->made >= per_s)
		return false;
	p->made++;
	return true;
}

void dnssec_signer_keep(struct dnssec_signer *signer, enum dnssec_pool pool,
			const uint8_t digest[P256_SIZE], const struct p256_key *key,
			const uint8_t signature[P256_SIGNATURE_SIZE])
{
	struct entry *set = set_of(&signer->pools[pool], digest), *oldest = set;

	for (unsigned i = 1; i < WAYS; i++)
		oldest = set[i].used < oldest->used ? &set[i] : oldest;
	oldest->used = ++signer->count;
	memcpy(oldest->digest, digest, P256_SIZE);
	memcpy(oldest->key, key->public, P256_SIZE);
	memcpy(oldest->signature, signature, P256_SIGNATURE_SIZE);
}
