/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * buckets.h - puts names into buckets of a cache line each, where the program looks for them.
 *
 * Pure. A look-up reads one bucket and one name, whatever the names are: a seed of the hash
 * is tried after the other until no bucket overflows and no two names in one have the same tag.
 */
#ifndef GEODNS_XDP_BUCKETS_H
#define GEODNS_XDP_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "geodns/xdp/layout.h"

/*
 * Sets seed (from what it is) and bucket_mask; *out is the caller's to free, also on failure, and
 * NULL or an earlier one before. No two names may be equal. False: there are too many.
 */
bool xdp_buckets_make(struct xdp_bucket **out, struct xdp_settings *settings,
		      const struct xdp_name *names, size_t count);

#endif
