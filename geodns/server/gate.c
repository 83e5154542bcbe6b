/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/gate.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "lib/alloc.h"

#define BUCKET_BITS 12
#define NETWORK_LEN 64

struct client {
	struct client *next;
	struct addr network;
	unsigned connections;
};

struct gate {
	pthread_mutex_t lock; /* of all that follows */
	struct gate_limits limits;
	uint64_t seed;
	unsigned connections;
	struct client *buckets[1 << BUCKET_BITS];
};

struct gate *gate_new(const struct gate_limits *limits, uint64_t seed)
{
	struct gate *gate = x_new(struct gate);

	pthread_mutex_init(&gate->lock, NULL);
	gate->limits = *limits;
	gate->seed = seed;
	return gate;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	assert(gate->connections == 0);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}

void gate_limits_set(struct gate *gate, const struct gate_limits *limits)
{
	pthread_mutex_lock(&gate->lock);
	gate->limits = *limits;
	pthread_mutex_unlock(&gate->lock);
}

static struct addr network_of(const struct addr *client)
{
	return client->family == ADDR_IPV6 ? addr_mask(client, NETWORK_LEN) : *client;
}

/* Mixed as by the finalizer of MurmurHash3. */
static struct client **bucket_of(struct gate *gate, const struct addr *network)
{
	uint64_t h;

	memcpy(&h, network->bytes, sizeof(h));
	h = (h ^ gate->seed) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33 ^ network->family) * UINT64_C(0xc4ceb9fe1a85ec53);
	return &gate->buckets[h >> (64 - BUCKET_BITS)];
}

/* The link to the client, or to NULL where it would be. */
static struct client **client_find(struct gate *gate, const struct addr *network)
{
	struct client **link = bucket_of(gate, network);

	while (*link && !addr_equal(&(*link)->network, network))
		link = &(*link)->next;
	return link;
}

static bool enter(struct gate *gate, const struct addr *network)
{
	struct client **link = client_find(gate, network);

	if (gate->connections >= gate->limits.connections)
		return false;
	if (*link && (*link)->connections >= gate->limits.per_client)
		return false;
	if (!*link) {
		*link = x_new(struct client);
		(*link)->network = *network;
	}
	(*link)->connections++;
	gate->connections++;
	return true;
}

static void leave(struct gate *gate, const struct addr *network)
{
	struct client **link = client_find(gate, network), *client = *link;

	assert(client);
	gate->connections--;
	if (--client->connections > 0)
		return;
	*link = client->next;
	free(client);
}

bool gate_enter(struct gate *gate, const struct addr *client, unsigned *idle_ms)
{
	const struct addr network = network_of(client);
	bool entered;

	pthread_mutex_lock(&gate->lock);
	entered = enter(gate, &network);
	*idle_ms = gate->limits.idle_ms;
	pthread_mutex_unlock(&gate->lock);
	return entered;
}

void gate_leave(struct gate *gate, const struct addr *client)
{
	const struct addr network = network_of(client);

	pthread_mutex_lock(&gate->lock);
	leave(gate, &network);
	pthread_mutex_unlock(&gate->lock);
}
