/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bucket.h - a token bucket that is one number: when it will be full again.
 *
 * Pure. Zeroed: full.
 */
#ifndef LB_MESH_BUCKET_H
#define LB_MESH_BUCKET_H

#include <stdbool.h>

#include "lib/clock.h"

struct mesh_bucket {
	struct instant full;
};

/* Take a token, if there is one: one comes every every_ns, there are at most burst. */
static inline bool mesh_bucket_take(struct mesh_bucket *bucket, int64_t every_ns, int64_t burst,
				    struct instant now)
{
	if (bucket->full.ns < now.ns)
		bucket->full = now;
	if (bucket->full.ns - now.ns > (burst - 1) * every_ns)
		return false;
	bucket->full = instant_after_ns(bucket->full, every_ns);
	return true;
}

#endif
