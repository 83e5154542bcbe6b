/* SPDX-License-Identifier: GPL-3.0-or-later */
/* front_networks.c - the networks of clients that front_networks.bpf.h has noted. */
#include "lb/dataplane/front_state.h"

#include <string.h>

/* The inverse of flow_key_network(). */
static void client_of(uint64_t network, uint8_t client[FLOW_ADDR_SIZE])
{
	const bool is_ipv4 = network >> 56 == 4;
	const uint64_t at = is_ipv4 ? network << 8 : network << 16;

	memset(client, 0, FLOW_ADDR_SIZE);
	if (is_ipv4) {
		client[10] = client[11] = 0xff;
		for (unsigned i = 0; i < 3; i++)
			client[12 + i] = (uint8_t)(at >> (24 - 8 * i));
		return;
	}
	for (unsigned i = 0; i < 6; i++)
		client[i] = (uint8_t)(at >> (56 - 8 * i));
}

void front_networks_take(struct front *front,
			 void (*each)(void *ctx, const uint8_t client[FLOW_ADDR_SIZE]), void *ctx)
{
	uint8_t client[FLOW_ADDR_SIZE];

	for (size_t i = 0; i < FRONT_NETWORKS; i++) {
		uint64_t network = __atomic_load_n(&front->networks[i], __ATOMIC_RELAXED);

		if (network == 0)
			continue;
		network = __atomic_exchange_n(&front->networks[i], 0, __ATOMIC_RELAXED);
		client_of(network, client);
		each(ctx, client);
	}
}
