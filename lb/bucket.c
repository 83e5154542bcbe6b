/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bucket.h"

#include <assert.h>

static int64_t token_ns(const struct bucket_rate *rate)
{
	assert(rate->per_second > 0 && rate->per_second <= 1000000);
	return (NS_PER_S + rate->per_second - 1) / rate->per_second;
}

/* How long it takes to fill what is missing. */
static int64_t missing_ns(const struct bucket *bucket, struct instant now)
{
	return bucket->full.ns > now.ns ? bucket->full.ns - now.ns : 0;
}

uint32_t bucket_level(const struct bucket *bucket, const struct bucket_rate *rate,
		      struct instant now)
{
	const int64_t token = token_ns(rate);
	const int64_t missing = (missing_ns(bucket, now) + token - 1) / token;

	return missing < rate->burst ? rate->burst - (uint32_t)missing : 0;
}

bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint32_t count,
		 uint32_t keep, struct instant now)
{
	if (bucket_level(bucket, rate, now) < (uint64_t)count + keep)
		return false;
	bucket->full = instant_after_ns(now, missing_ns(bucket, now) + count * token_ns(rate));
	return true;
}
