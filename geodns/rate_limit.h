/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rate_limit.h - how many answers a network may be sent before it must show that it asks for them.
 *
 * Answers are longer than queries, and a query's source is easily forged: whoever is the source
 * gets what somebody else has asked for. So each network (an IPv4 /24, an IPv6 /56) has a bucket
 * of tokens: one for an answer, per_second come back, burst is a full one. Who finds it empty
 * gets a short answer or none. A client with a good cookie is no forgery and takes no token.
 *
 * The buckets of all networks (rate_bucket.h) are one table of fixed size. Places in it follow
 * from a secret key, so that nobody can choose sources that replace one another.
 *
 * Pure: the time is an argument. One thread per table.
 */
#ifndef GEODNS_RATE_LIMIT_H
#define GEODNS_RATE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/siphash.h"

struct rate_limit_options {
	unsigned per_second; /* 1 to 1000000 */
	unsigned burst;
	unsigned slip; /* every so-manieth answer above the limit is a short one; 0: none is */
	const struct prefix *exempt;
	size_t exempt_count;
};

/* What a client that may be a forgery gets. */
enum rate_verdict {
	RATE_WHOLE,
	RATE_SHORT, /* TC or BADCOOKIE and no records: not even twice as long as the query */
	RATE_NONE,
};

struct rate_limit;

/* One of shares tables that together allow what the options say, which are to be set first. */
struct rate_limit *rate_limit_new(unsigned shares, const uint8_t key[SIPHASH_KEY_SIZE]);
void rate_limit_free(struct rate_limit *limit);
/* These options from now on; they must outlive their use. Buckets stay as they are. */
void rate_limit_set(struct rate_limit *limit, const struct rate_limit_options *options);
/* A query of that client: takes a token, if there is one, and says what the client is to get. */
enum rate_verdict rate_limit_take(struct rate_limit *limit, const struct addr *client,
				  struct instant now);
/* The token of a client that has turned out to have a good cookie. */
void rate_limit_give_back(struct rate_limit *limit, const struct addr *client);

#endif
