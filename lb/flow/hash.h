/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - the keyed hash that says where a flow has its place.
 *
 * Of numbers x of 32 bits, in pairs, and secret numbers k of 64: the upper half of
 *
 *	k0 + (k1 + x1)(k2 + x2) + (k3 + x3)(k4 + x4) + ...		modulo 2^64
 *
 * is strongly universal (Lemire and Kaser, Strongly universal string hashing is fast, 2014): who
 * does not know k has for any two flows the same chance of a collision as with random numbers. Two
 * of them make 64 bits. The last step, which loses nothing, scatters what differs by little. It
 * is no signature: who saw enough of its values could compute others.
 *
 * Pure, and inline, for both sides. IPv4 and IPv6 have secrets of their own.
 */
#ifndef LB_FLOW_HASH_H
#define LB_FLOW_HASH_H

#include "lib/fixed.h"

struct flow_pair {
	uint64_t a, b;
};

/* Secrets of one half of a hash. */
struct flow_half_secret {
	uint64_t from;
	struct flow_pair pairs[5];
};

/* All random; flow_secret_make() (key.h). */
struct flow_secret {
	struct flow_half_secret ipv4[2], ipv6[2];
};

static __always_inline uint64_t flow_hash_half(const struct flow_half_secret *secret,
					       const uint32_t *x, uint64_t pairs)
{
	uint64_t sum = secret->from;

	for (uint64_t i = 0; i < pairs; i++)
		sum += (secret->pairs[i].a + x[2 * i]) * (secret->pairs[i].b + x[2 * i + 1]);
	return sum >> 32;
}

static __always_inline uint64_t flow_hash(const struct flow_half_secret secret[2],
					  const uint32_t *x, uint64_t pairs)
{
	uint64_t hash = flow_hash_half(&secret[0], x, pairs) << 32;

	hash |= flow_hash_half(&secret[1], x, pairs);
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 29;
}

/* Addresses and ports as they stand in the packet; what: protocol and kind. */
static __always_inline uint64_t flow_hash_ipv4(const struct flow_secret *secret, uint32_t client,
					       uint32_t vip, uint32_t ports, uint32_t what)
{
	const uint32_t x[4] = { client, vip, ports, what };

	return flow_hash(secret->ipv4, x, 2);
}

/* client, vip: 16 octets each. */
static __always_inline uint64_t flow_hash_ipv6(const struct flow_secret *secret,
					       const uint8_t *client, const uint8_t *vip,
					       uint32_t ports, uint32_t what)
{
	const uint32_t x[10] = { fixed_load32(client),
				 fixed_load32(client + 4),
				 fixed_load32(client + 8),
				 fixed_load32(client + 12),
				 fixed_load32(vip),
				 fixed_load32(vip + 4),
				 fixed_load32(vip + 8),
				 fixed_load32(vip + 12),
				 ports,
				 what };

	return flow_hash(secret->ipv6, x, 5);
}

#endif
