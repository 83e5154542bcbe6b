/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bucket_sketch.h - token buckets (lb/bucket.h) for networks of clients.
 *
 * Pure. A bucket for every network would be more than there is memory for whoever forges sources;
 * a sketch has a fixed number of them in two rows, each network one in either row by a keyed hash,
 * and the fuller one counts (count-min, with conservative update): a network may be taken for a
 * busier one only where both of its buckets are shared with busy ones, and never for a quieter one.
 */
#ifndef LB_FLOW_BUCKET_SKETCH_H
#define LB_FLOW_BUCKET_SKETCH_H

#include <stdbool.h>

#include "lb/bucket.h"
#include "lb/flow/key.h"
#include "lib/siphash.h"

struct bucket_sketch;

/* columns: buckets in a row, a power of two. */
struct bucket_sketch *bucket_sketch_new(uint32_t columns, const uint8_t key[SIPHASH_KEY_SIZE]);
void bucket_sketch_free(struct bucket_sketch *sketch);
/* A token of the client's network: its /24 if IPv4, its /48 if IPv6. */
bool bucket_sketch_take(struct bucket_sketch *sketch, const struct bucket_rate *rate,
			const struct flow_key *flow, struct instant now);

#endif
