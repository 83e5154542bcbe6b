/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/buckets.h"

#include <string.h>

#include "geodns/dns/name.h"
#include "lib/alloc.h"

#define SEEDS_TRIED 8 /* then there are twice as many buckets */
#define BUCKETS_MAX (UINT32_C(1) << 26)

static uint64_t name_hash(const struct xdp_name *name, uint64_t seed)
{
	const uint8_t *wire = (const uint8_t *)name->key;
	uint64_t hash = seed + (name->flags & XDP_NAME_WILDCARD);
	size_t len = dns_name_length(wire);

	for (size_t i = 0; 8 * i < len; i++)
		hash = xdp_hash_step(hash, name->key[i]);
	return xdp_hash_finish(hash);
}

static bool is_tag_free(const struct xdp_bucket *bucket, uint32_t tag)
{
	for (unsigned i = 0; i < XDP_SLOTS; i++) {
		if (bucket->slots[i].name && bucket->slots[i].tag == tag)
			return false;
	}
	return true;
}

static bool bucket_add(struct xdp_bucket *bucket, uint32_t tag, uint32_t name)
{
	unsigned i = 0;

	while (i < XDP_SLOTS && bucket->slots[i].name)
		i++;
	if (i == XDP_SLOTS || !is_tag_free(bucket, tag))
		return false;
	bucket->slots[i].tag = tag;
	bucket->slots[i].name = name + 1;
	return true;
}

static bool buckets_fill(struct xdp_bucket *buckets, const struct xdp_settings *settings,
			 const struct xdp_name *names, size_t count)
{
	memset(buckets, 0, sizeof(*buckets) * ((size_t)settings->bucket_mask + 1));
	for (size_t i = 0; i < count; i++) {
		uint64_t hash = name_hash(&names[i], settings->seed);

		if (!bucket_add(&buckets[hash & settings->bucket_mask], xdp_hash_tag(hash),
				(uint32_t)i))
			return false;
	}
	return true;
}

/* About as many buckets as names: one in a million would overflow, and then it is another seed. */
bool xdp_buckets_make(struct xdp_bucket **out, struct xdp_settings *settings,
		      const struct xdp_name *names, size_t count)
{
	uint32_t buckets = 1;

	while (buckets < count && buckets < BUCKETS_MAX)
		buckets *= 2;
	for (; buckets <= BUCKETS_MAX; buckets *= 2) {
		*out = xreallocarray(*out, buckets, sizeof(**out));
		settings->bucket_mask = buckets - 1;
		for (unsigned i = 0; i < SEEDS_TRIED; i++, settings->seed += 2) {
			if (buckets_fill(*out, settings, names, count))
				return true;
		}
	}
	return false;
}
