/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/cache.h"

#include <stdlib.h>

#include "lib/alloc.h"

struct cached {
	struct addr addr;
	struct instant until;
};

struct client_cache {
	enum client_cache_policy policy;
	struct cached *entries;
};

struct client_cache *client_cache_new(enum client_cache_policy policy, size_t entries)
{
	struct client_cache *cache = x_new(struct client_cache);

	cache->policy = policy;
	cache->entries = xcalloc(entries, sizeof(*cache->entries));
	return cache;
}

void client_cache_free(struct client_cache *cache)
{
	if (!cache)
		return;
	free(cache->entries);
	free(cache);
}

static struct instant kept_until(enum client_cache_policy policy, struct instant now)
{
	switch (policy) {
	case CLIENT_CACHE_NONE:
		return now;
	case CLIENT_CACHE_BROWSER:
		return instant_after_s(now, 60);
	case CLIENT_CACHE_JVM:
		return instant_after_s(now, 30);
	case CLIENT_CACHE_UNTIL_RESTART:
		return INSTANT_NEVER;
	}
	return now;
}

bool client_cache_get(const struct client_cache *cache, size_t entry, struct instant now,
		      struct addr *out)
{
	const struct cached *cached = &cache->entries[entry];

	if (cached->addr.family == ADDR_NONE || instant_reached(cached->until, now))
		return false;
	*out = cached->addr;
	return true;
}

void client_cache_put(struct client_cache *cache, size_t entry, struct instant now,
		      const struct addr *addr)
{
	cache->entries[entry] = (struct cached){ *addr, kept_until(cache->policy, now) };
}
