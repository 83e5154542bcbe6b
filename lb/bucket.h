/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bucket.h - a token bucket: how often something may be done.
 *
 * Pure. A bucket is one number, when it will be full again, so that a zeroed one is full and
 * nothing has to be filled as time goes by.
 */
#ifndef LB_BUCKET_H
#define LB_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"

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

#endif
