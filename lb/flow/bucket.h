/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bucket.h - token buckets: how often something may be done, in all and for a network of clients.
 *
 * Pure. A bucket is one number, when it will be full again, so that a zeroed one is full and
 * nothing has to be filled as time goes by. One for every network would be more than there is
 * memory for whoever forges sources; a sketch has a fixed number of buckets in two rows, each
 * network one in either row by a keyed hash, and the fuller one counts (count-min, with
 * conservative update): a network may be taken for a busier one only where both of its buckets
 * are shared with busy ones, and never for a quieter one.
 */
#ifndef LB_FLOW_BUCKET_H
#define LB_FLOW_BUCKET_H

#include <stdbool.h>

#include "lb/flow/key.h"
#include "lib/clock.h"
#include "lib/siphash.h"

struct bucket_rate {
	uint32_t per_second; /* tokens that come; 1 to 1000000 */
	uint32_t burst;	     /* in a full bucket; at least 1 */
};

struct bucket {
	struct instant full;
};

/* Take count tokens if keep are left then. */
bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint32_t count,
		 uint32_t keep, struct instant now);
/* Tokens in it. */
uint32_t bucket_level(const struct bucket *bucket, const struct bucket_rate *rate,
		      struct instant now);

struct bucket_sketch;

/* columns: buckets in a row, a power of two. */
struct bucket_sketch *bucket_sketch_new(uint32_t columns, const uint8_t key[SIPHASH_KEY_SIZE]);
void bucket_sketch_free(struct bucket_sketch *sketch);
/* A token of the client's network: its /24 if IPv4, its /48 if IPv6. */
bool bucket_sketch_take(struct bucket_sketch *sketch, const struct bucket_rate *rate,
			const struct flow_key *flow, struct instant now);

#endif
