/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lateness.h - how late the sender itself was: a histogram of sent minus planned.
 *
 * A lab whose users are late measures its own machine. Buckets have fixed
 * bounds, so that the supervisor can add the seconds of a trial up and take the
 * quantile of the whole; 5000 us, the limit of a valid trial, is one. Pure.
 */
#ifndef TESTBED_CLIENT_LATENESS_H
#define TESTBED_CLIENT_LATENESS_H

#include <stddef.h>
#include <stdint.h>

#define CLIENT_LATENESS_BUCKETS 18

struct client_lateness {
	uint64_t counts[CLIENT_LATENESS_BUCKETS];
	uint64_t total;
	int64_t max_us;
};

void client_lateness_add(struct client_lateness *l, int64_t late_us);
/* Upper bound of a bucket in us, inclusive; INT64_MAX for the last. */
int64_t client_lateness_bound(size_t bucket);
/* Upper bound of the bucket that holds the quantile, never over the maximum; 0 when empty. */
int64_t client_lateness_quantile(const struct client_lateness *l, double q);
/*
 * {"p50":20,"p99":200,"max":133,"buckets":[[20,97],[200,3]]}: bound and count of those not empty,
 * the last bound being null. Returns the length, as snprintf() does.
 */
int client_lateness_format(const struct client_lateness *l, char *buf, size_t size);

#endif
