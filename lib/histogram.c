/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/histogram.h"

#include <string.h>

#define SUB_BITS 6
#define SUB	 (1 << SUB_BITS)

static unsigned bucket_of(uint64_t v)
{
	unsigned shift;

	if (v < SUB)
		return (unsigned)v;
	shift = (unsigned)(63 - __builtin_clzll(v)) - SUB_BITS;
	return (shift + 1) * SUB + (unsigned)(v >> shift) - SUB;
}

static int64_t bucket_middle(unsigned bucket)
{
	unsigned shift;
	uint64_t low;

	if (bucket < SUB)
		return bucket;
	shift = bucket / SUB - 1;
	low = (uint64_t)(bucket % SUB + SUB) << shift;
	return (int64_t)(low + (((uint64_t)1 << shift) >> 1));
}

void histogram_reset(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void histogram_add(struct histogram *h, int64_t value)
{
	if (value < 0)
		value = 0;
	if (value > h->max)
		h->max = value;
	h->buckets[bucket_of((uint64_t)value)]++;
	h->count++;
}

int64_t histogram_quantile(const struct histogram *h, double q)
{
	double wanted = q * (double)h->count;
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > 0 && (double)seen >= wanted) {
			int64_t middle = bucket_middle(i);

			return middle < h->max ? middle : h->max;
		}
	}
	return h->max;
}
