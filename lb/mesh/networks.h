/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * networks.h - which networks of clients a PoP has served lately: a Bloom filter.
 *
 * Pure. A network is the /24 of an IPv4 address, the /48 of an IPv6 one. Who is in it may be known
 * there, who is not is not: whom to ask first, no more. 65536 bits, four for each network: with
 * 10000 networks one in 25 that never was here looks as if.
 *
 * What was noted is kept for one to two generations; what is told to others is both together, in
 * chunks.
 */
#ifndef LB_MESH_NETWORKS_H
#define LB_MESH_NETWORKS_H

#include "lb/mesh/message.h"
#include "lib/clock.h"

#define MESH_GENERATION_S 300

/* A PoP's, as it has told. */
struct mesh_networks {
	uint8_t chunks[MESH_CHUNKS][MESH_CHUNK_SIZE];
};

/* Our own. */
struct mesh_served {
	struct mesh_networks young, old, told; /* told: both of them */
	struct instant generation_end;
};

/* client: 16 octets, an IPv4 address as ::ffff:a.b.c.d. */
bool mesh_networks_has(const struct mesh_networks *networks, const uint8_t client[16]);

/* The chunks in which there is anything, as bits. */
uint8_t mesh_networks_chunks(const struct mesh_networks *networks);

/* How many networks are in it, at least; of few, exactly. */
size_t mesh_networks_count(const struct mesh_networks *networks);

void mesh_served_init(struct mesh_served *served, struct instant now);
/* Returns the chunks of told that are others now, as bits; so does the next one. */
uint8_t mesh_served_note(struct mesh_served *served, const uint8_t client[16]);
/* To be called at generation_end. */
uint8_t mesh_served_turn(struct mesh_served *served, struct instant now);

#endif
