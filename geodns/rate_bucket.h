/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rate_bucket.h - a network's tokens, in user space and in the program on the interface.
 *
 * A bucket is the instant at which it is full again: each token that is taken puts this off by
 * what a token takes to come back (GCRA of ATM, I.371). Buckets stand in sets of a cache line;
 * in its set a network that is new replaces the one that has most tokens: a bucket that is not
 * there is a full one.
 *
 * In user space a set belongs to one thread. On the interface all processors share them: a token
 * is taken by compare-and-swap, and whoever replaces a bucket that another one replaces at that
 * moment may find the other one's tokens in it, once.
 */
#ifndef GEODNS_RATE_BUCKET_H
#define GEODNS_RATE_BUCKET_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define RATE_IPV4_LEN 24
#define RATE_IPV6_LEN 56
#define RATE_SETS     16384 /* a power of two */
#define RATE_WAYS     4
#define RATE_TRIES    4

struct rate_bucket {
	uint64_t network; /* 0: nobody's */
	int64_t full_ns;
};

struct rate_set {
	struct rate_bucket ways[RATE_WAYS];
};
_Static_assert(sizeof(struct rate_set) == 64, "a set is a cache line");

/* What a token costs and a full bucket has, in time. */
struct rate_pace {
	int64_t token_ns, burst_ns;
};

static inline struct rate_pace rate_pace(uint32_t per_second, uint32_t burst, uint32_t shares)
{
	const int64_t token_ns = 1000000000LL * shares / per_second;
	const int64_t tokens = burst / shares;

	return (struct rate_pace){ token_ns, token_ns * (tokens > 0 ? tokens : 1) };
}

/* Family and network of an address whose first bits are these, the most significant ones first. */
static inline uint64_t rate_network(int is_ipv4, uint64_t hi)
{
	if (is_ipv4)
		return (uint64_t)4 << RATE_IPV4_LEN | hi >> (64 - RATE_IPV4_LEN);
	return (uint64_t)6 << RATE_IPV6_LEN | hi >> (64 - RATE_IPV6_LEN);
}

/* The network's, or 0. */
static inline struct rate_bucket *rate_bucket_find(struct rate_set *set, uint64_t network)
{
	for (int i = 0; i < RATE_WAYS; i++) {
		if (set->ways[i].network == network)
			return &set->ways[i];
	}
	return 0;
}

static inline struct rate_bucket *rate_bucket_add(struct rate_set *set, uint64_t network)
{
	struct rate_bucket *fullest = &set->ways[0];

	for (int i = 1; i < RATE_WAYS; i++) {
		if (set->ways[i].full_ns < fullest->full_ns)
			fullest = &set->ways[i];
	}
	fullest->network = network;
	fullest->full_ns = 0;
	return fullest;
}

/* A token of that network, if there is one: says whether. */
static inline int rate_token_take(struct rate_set *set, const struct rate_pace *pace,
				  uint64_t network, int64_t now_ns)
{
	struct rate_bucket *b = rate_bucket_find(set, network);

	if (!b)
		b = rate_bucket_add(set, network);
	for (int i = 0; i < RATE_TRIES; i++) {
		const int64_t was = b->full_ns;
		const int64_t next = (was < now_ns ? now_ns : was) + pace->token_ns;

		if (next > now_ns + pace->burst_ns)
			return 0;
		if (__sync_val_compare_and_swap(&b->full_ns, was, next) == was)
			return 1;
	}
	/* So many others of its network at this very moment are a flood. */
	return 0;
}

/* It was not needed. */
static inline void rate_token_give_back(struct rate_set *set, const struct rate_pace *pace,
					uint64_t network)
{
	struct rate_bucket *b = rate_bucket_find(set, network);

	if (b)
		b->full_ns -= pace->token_ns;
}

#endif
