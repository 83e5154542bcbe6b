/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/rate_limit.h"

#include <string.h>

#include "lib/alloc.h"
#include "lib/wire.h"

#define SETS	  16384 /* a power of two */
#define WAYS	  4
#define LINE_SIZE 64
#define IPV4_LEN  24
#define IPV6_LEN  56

/*
 * A bucket as the instant at which it is full again: each token that is taken puts
 * this off by what a token takes to come back (GCRA of ATM, I.371).
 */
struct bucket {
	uint64_t network; /* 0: nobody's */
	int64_t full_ns;
};

struct set {
	struct bucket ways[WAYS];
};
_Static_assert(sizeof(struct set) == LINE_SIZE, "a set is a cache line");

struct rate_limit {
	const struct rate_limit_options *options;
	unsigned shares;
	int64_t token_ns, burst_ns;
	uint8_t key[SIPHASH_KEY_SIZE];
	unsigned slipped; /* answers above the limit since the last short one */
	struct set *sets; /* in memory, aligned */
	void *memory;
};

struct rate_limit *rate_limit_new(unsigned shares, const uint8_t key[SIPHASH_KEY_SIZE])
{
	struct rate_limit *limit = x_new(struct rate_limit);

	limit->shares = shares;
	memcpy(limit->key, key, sizeof(limit->key));
	limit->memory = xcalloc(SETS + 1, sizeof(struct set));
	limit->sets = (struct set *)((uint8_t *)limit->memory +
				     (-(uintptr_t)limit->memory & (LINE_SIZE - 1)));
	return limit;
}

void rate_limit_set(struct rate_limit *limit, const struct rate_limit_options *options)
{
	const int64_t tokens = options->burst / limit->shares;

	limit->options = options;
	limit->token_ns = NS_PER_S * limit->shares / options->per_second;
	limit->burst_ns = limit->token_ns * (tokens > 0 ? tokens : 1);
}

void rate_limit_free(struct rate_limit *limit)
{
	if (!limit)
		return;
	free(limit->memory);
	free(limit);
}

/* Family and network in one number. */
static uint64_t network_of(const struct addr *client)
{
	const bool ipv4 = client->family == ADDR_IPV4;
	const unsigned octets = (ipv4 ? IPV4_LEN : IPV6_LEN) / 8;
	uint64_t network = ipv4 ? 4 : 6;

	for (unsigned i = 0; i < octets; i++)
		network = network << 8 | client->bytes[i];
	return network;
}

static struct set *set_of(const struct rate_limit *limit, uint64_t network)
{
	return &limit->sets[siphash24(limit->key, (const uint8_t *)&network, sizeof(network)) &
			    (SETS - 1)];
}

static struct bucket *bucket_find(struct set *set, uint64_t network)
{
	for (unsigned i = 0; i < WAYS; i++) {
		if (set->ways[i].network == network)
			return &set->ways[i];
	}
	return NULL;
}

static struct bucket *bucket_add(struct set *set, uint64_t network)
{
	struct bucket *fullest = &set->ways[0];

	for (unsigned i = 1; i < WAYS; i++) {
		if (set->ways[i].full_ns < fullest->full_ns)
			fullest = &set->ways[i];
	}
	*fullest = (struct bucket){ .network = network, .full_ns = INT64_MIN };
	return fullest;
}

static bool is_exempt(const struct rate_limit_options *options, const struct addr *client)
{
	for (size_t i = 0; i < options->exempt_count; i++) {
		if (prefix_contains(&options->exempt[i], client))
			return true;
	}
	return false;
}

enum rate_verdict rate_limit_take(struct rate_limit *limit, const struct addr *client,
				  struct instant now)
{
	const uint64_t network = network_of(client);
	struct bucket *b;
	struct set *set;

	if (is_exempt(limit->options, client))
		return RATE_WHOLE;
	set = set_of(limit, network);
	b = bucket_find(set, network);
	if (!b)
		b = bucket_add(set, network);
	if (b->full_ns < now.ns)
		b->full_ns = now.ns;
	if (b->full_ns + limit->token_ns <= now.ns + limit->burst_ns) {
		b->full_ns += limit->token_ns;
		return RATE_WHOLE;
	}
	if (limit->options->slip == 0 || ++limit->slipped < limit->options->slip)
		return RATE_NONE;
	limit->slipped = 0;
	return RATE_SHORT;
}

void rate_limit_give_back(struct rate_limit *limit, const struct addr *client)
{
	const uint64_t network = network_of(client);
	struct bucket *b = bucket_find(set_of(limit, network), network);

	if (b)
		b->full_ns -= limit->token_ns;
}
