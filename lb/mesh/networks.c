/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/networks.h"

#include <string.h>

#include "lb/mesh/seal.h"

#define BITS_EACH   4
#define CHUNK_BITS  (MESH_CHUNK_SIZE * 8)
#define IPV4_OCTETS 15 /* of the mapped address, without the last */
#define IPV6_OCTETS 6

_Static_assert(MESH_CHUNKS *CHUNK_BITS == 65536, "16 bits of the hash are a place");

static void places(const uint8_t client[16], uint16_t out[BITS_EACH])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	bool ipv4 = memcmp(client, mapped, sizeof(mapped)) == 0;
	uint64_t hash = mesh_hash(client, ipv4 ? IPV4_OCTETS : IPV6_OCTETS);

	for (size_t i = 0; i < BITS_EACH; i++)
		out[i] = (uint16_t)(hash >> 16 * i);
}

static uint8_t *octet(struct mesh_networks *networks, uint16_t place)
{
	return &networks->chunks[place / CHUNK_BITS][place % CHUNK_BITS / 8];
}

bool mesh_networks_has(const struct mesh_networks *networks, const uint8_t client[16])
{
	uint16_t at[BITS_EACH];

	places(client, at);
	for (size_t i = 0; i < BITS_EACH; i++)
		if (!(networks->chunks[at[i] / CHUNK_BITS][at[i] % CHUNK_BITS / 8] >> at[i] % 8 &
		      1))
			return false;
	return true;
}

size_t mesh_networks_count(const struct mesh_networks *networks)
{
	size_t bits = 0;

	for (size_t i = 0; i < MESH_CHUNKS; i++)
		for (size_t j = 0; j < MESH_CHUNK_SIZE; j++)
			bits += (size_t)__builtin_popcount(networks->chunks[i][j]);
	return bits / BITS_EACH;
}

uint8_t mesh_networks_chunks(const struct mesh_networks *networks)
{
	static const uint8_t none[MESH_CHUNK_SIZE];
	unsigned chunks = 0;

	for (size_t i = 0; i < MESH_CHUNKS; i++)
		if (memcmp(networks->chunks[i], none, MESH_CHUNK_SIZE) != 0)
			chunks |= 1U << i;
	return (uint8_t)chunks;
}

void mesh_served_init(struct mesh_served *served, struct instant now)
{
	*served = (struct mesh_served){ 0 };
	served->generation_end = instant_after_s(now, MESH_GENERATION_S);
}

uint8_t mesh_served_note(struct mesh_served *served, const uint8_t client[16])
{
	uint16_t at[BITS_EACH];
	unsigned changed = 0;

	places(client, at);
	for (size_t i = 0; i < BITS_EACH; i++) {
		uint8_t bit = (uint8_t)(1U << at[i] % 8);
		uint8_t *told = octet(&served->told, at[i]);

		*octet(&served->young, at[i]) |= bit;
		if (!(*told & bit))
			changed |= 1U << at[i] / CHUNK_BITS;
		*told |= bit;
	}
	return (uint8_t)changed;
}

uint8_t mesh_served_turn(struct mesh_served *served, struct instant now)
{
	unsigned changed = 0;

	served->generation_end = instant_after_s(now, MESH_GENERATION_S);
	for (size_t i = 0; i < MESH_CHUNKS; i++)
		if (memcmp(served->told.chunks[i], served->young.chunks[i], MESH_CHUNK_SIZE) != 0)
			changed |= 1U << i;
	served->old = served->told = served->young;
	served->young = (struct mesh_networks){ 0 };
	return (uint8_t)changed;
}
