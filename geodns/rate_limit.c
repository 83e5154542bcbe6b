/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/rate_limit.h"

#include <endian.h>
#include <string.h>

#include "geodns/rate_bucket.h"
#include "lib/alloc.h"

struct rate_limit {
	const struct rate_limit_options *options;
	unsigned shares;
	struct rate_pace pace;
	uint8_t key[SIPHASH_KEY_SIZE];
	unsigned slipped;      /* answers above the limit since the last short one */
	struct rate_set *sets; /* in memory, aligned */
	void *memory;
};

struct rate_limit *rate_limit_new(unsigned shares, const uint8_t key[SIPHASH_KEY_SIZE])
{
	struct rate_limit *limit = x_new(struct rate_limit);

	limit->shares = shares;
	memcpy(limit->key, key, sizeof(limit->key));
	limit->memory = xcalloc(RATE_SETS + 1, sizeof(struct rate_set));
	limit->sets =
		(struct rate_set *)((uint8_t *)limit->memory +
				    (-(uintptr_t)limit->memory & (sizeof(struct rate_set) - 1)));
	return limit;
}

void rate_limit_set(struct rate_limit *limit, const struct rate_limit_options *options)
{
	limit->options = options;
	limit->pace = rate_pace(options->per_second, options->burst, limit->shares);
}

void rate_limit_free(struct rate_limit *limit)
{
	if (!limit)
		return;
	free(limit->memory);
	free(limit);
}

static uint64_t network_of(const struct addr *client)
{
	uint64_t hi;

	memcpy(&hi, client->bytes, sizeof(hi));
	return rate_network(client->family == ADDR_IPV4, be64toh(hi));
}

static struct rate_set *set_of(const struct rate_limit *limit, uint64_t network)
{
	return &limit->sets[siphash24(limit->key, (const uint8_t *)&network, sizeof(network)) &
			    (RATE_SETS - 1)];
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

	if (is_exempt(limit->options, client))
		return RATE_WHOLE;
	if (rate_token_take(set_of(limit, network), &limit->pace, network, now.ns))
		return RATE_WHOLE;
	if (limit->options->slip == 0 || ++limit->slipped < limit->options->slip)
		return RATE_NONE;
	limit->slipped = 0;
	return RATE_SHORT;
}

void rate_limit_give_back(struct rate_limit *limit, const struct addr *client)
{
	const uint64_t network = network_of(client);

	rate_token_give_back(set_of(limit, network), &limit->pace, network);
}
