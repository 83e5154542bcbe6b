/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * histogram.h - counts of non-negative values, right to 1.6 % at any size.
 *
 * Log-linear: 64 buckets for each power of two, exact below 64. Fixed size, no
 * allocation: recording costs a few instructions, so it can stand on a packet's
 * path. Not thread-safe.
 */
#ifndef LIB_HISTOGRAM_H
#define LIB_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS ((64 - 6 + 1) * 64)

struct histogram {
	uint64_t count;
	int64_t max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
/* Negative values count as 0. */
void histogram_add(struct histogram *h, int64_t value);
/* Smallest recorded bucket's middle below which a share q (0 to 1) lies; 0 when empty. */
int64_t histogram_quantile(const struct histogram *h, double q);

#endif
