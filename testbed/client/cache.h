/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache.h - the names that a user's applications remember, whatever the TTL.
 *
 * One entry per user and variant, since each asks one name only. Failures are
 * not remembered. Pure: time is an argument.
 */
#ifndef TESTBED_CLIENT_CACHE_H
#define TESTBED_CLIENT_CACHE_H

#include "lib/addr.h"
#include "testbed/client/conf.h"

struct client_cache;

struct client_cache *client_cache_new(enum client_cache_policy policy, size_t entries);
void client_cache_free(struct client_cache *cache);
/* False when the resolver has to be asked. entry < entries. */
bool client_cache_get(const struct client_cache *cache, size_t entry, struct instant now,
		      struct addr *out);
void client_cache_put(struct client_cache *cache, size_t entry, struct instant now,
		      const struct addr *addr);

#endif
