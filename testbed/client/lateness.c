/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/lateness.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

int64_t client_lateness_bound(size_t bucket)
{
	static const int64_t bounds[CLIENT_LATENESS_BUCKETS] = {
		10,    20,    50,    100,    200,    500,    1000,    2000,    5000,
		10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, INT64_MAX
	};

	return bounds[bucket];
}

void client_lateness_add(struct client_lateness *l, int64_t late_us)
{
	size_t bucket = 0;

	while (late_us > client_lateness_bound(bucket))
		bucket++;
	l->counts[bucket]++;
	l->total++;
	if (late_us > l->max_us)
		l->max_us = late_us;
}

int64_t client_lateness_quantile(const struct client_lateness *l, double q)
{
	const uint64_t rank = (uint64_t)ceil(q * (double)l->total);
	uint64_t seen = 0;

	for (size_t i = 0; i < CLIENT_LATENESS_BUCKETS && l->total > 0; i++) {
		seen += l->counts[i];
		if (seen >= rank && seen > 0) {
			const int64_t bound = client_lateness_bound(i);

			return bound < l->max_us ? bound : l->max_us;
		}
	}
	return 0;
}

int client_lateness_format(const struct client_lateness *l, char *buf, size_t size)
{
	const char *comma = "";
	int len = snprintf(
		buf, size,
		"{\"p50\":%" PRId64 ",\"p99\":%" PRId64 ",\"max\":%" PRId64 ",\"buckets\":[",
		client_lateness_quantile(l, 0.5), client_lateness_quantile(l, 0.99), l->max_us);

	for (size_t i = 0; i < CLIENT_LATENESS_BUCKETS; i++) {
		const size_t used = (size_t)len < size ? (size_t)len : size;
		char bound[24] = "null";

		if (l->counts[i] == 0)
			continue;
		if (i < CLIENT_LATENESS_BUCKETS - 1)
			snprintf(bound, sizeof(bound), "%" PRId64, client_lateness_bound(i));
		len += snprintf(buf + used, size - used, "%s[%s,%" PRIu64 "]", comma, bound,
				l->counts[i]);
		comma = ",";
	}
	len += snprintf(buf + ((size_t)len < size ? (size_t)len : size),
			(size_t)len < size ? size - (size_t)len : 0, "]}");
	return len;
}
