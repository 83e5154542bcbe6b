/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/bucket.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/alloc.h"

#define ROWS 2

struct bucket_sketch {
	struct siphash_key key;
	uint32_t columns;
	struct bucket buckets[]; /* ROWS x columns */
};

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

struct bucket_sketch *bucket_sketch_new(uint32_t columns, const uint8_t key[SIPHASH_KEY_SIZE])
{
	struct bucket_sketch *sketch;

	assert(columns > 0 && (columns & (columns - 1)) == 0);
	sketch = xcalloc(1, sizeof(*sketch) + (size_t)ROWS * columns * sizeof(struct bucket));
	sketch->key = siphash_key(key);
	sketch->columns = columns;
	return sketch;
}

void bucket_sketch_free(struct bucket_sketch *sketch)
{
	free(sketch);
}

bool bucket_sketch_take(struct bucket_sketch *sketch, const struct bucket_rate *rate,
			const struct flow_key *flow, struct instant now)
{
	const uint64_t hash = flow_network_hash(&sketch->key, flow_key_network(flow));
	struct bucket *mine[ROWS], fuller;

	for (unsigned row = 0; row < ROWS; row++)
		mine[row] = &sketch->buckets[row * sketch->columns +
					     (uint32_t)(hash >> 32 * row & (sketch->columns - 1))];
	fuller.full = instant_min(mine[0]->full, mine[1]->full);
	if (!bucket_take(&fuller, rate, 1, 0, now))
		return false;
	for (unsigned row = 0; row < ROWS; row++)
		if (mine[row]->full.ns < fuller.full.ns)
			*mine[row] = fuller;
	return true;
}
