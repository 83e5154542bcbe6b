/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/bucket_sketch.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/alloc.h"

#define ROWS 2

struct bucket_sketch {
	struct siphash_key key;
	uint32_t columns;
	struct bucket buckets[]; /* ROWS x columns */
};

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
