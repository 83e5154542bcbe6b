/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - the hash of a client's network, and what is decided by it.
 *
 * Two decisions are made by hash, so that they hold for a network as long as the configuration
 * does, on every server alike: whether a PoP that is dialled down accepts it, and which of
 * several weighted PoPs is its own (rendezvous hashing: each PoP draws a number for the network,
 * the best one wins; a PoP that leaves or comes moves its own networks and no others).
 *
 * What is hashed is always the /24 or /48 around the address, however long a leaf of the map is, so
 * that new location data moves nobody, and the names of PoPs, so that their order does not
 * matter either. Integers only, no memory, no loops without bound: a BPF program can include it.
 */
#ifndef GEODNS_GEO_HASH_H
#define GEODNS_GEO_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

#define GEO_HASH_IPV4 24
#define GEO_HASH_IPV6 48

/* For whom a seed is: a PoP and a group of one name draw different numbers. */
#define GEO_SEED_POP   UINT64_C(0)
#define GEO_SEED_GROUP UINT64_C(0x67726f7570000000)
/* A PoP's draws for its dial have nothing to do with those for its weight. */
#define GEO_SALT_DIAL UINT64_C(0x6469616c00000000)

/* Bits of the log's fraction. */
#define GEO_COST_BITS 30

/* The finalizer of SplitMix64: every bit of x changes half of the result's. */
static inline uint64_t geo_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline uint64_t geo_seed(const char *name, uint64_t kind)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ kind; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
	return geo_mix(hash);
}

/* Length of the network that is hashed: the least ECS scope of an answer that depends on it. */
static inline uint8_t geo_network_length(uint8_t family)
{
	return family == ADDR_IPV4 ? GEO_HASH_IPV4 : GEO_HASH_IPV6;
}

static inline uint64_t geo_network_hash(const struct addr *addr)
{
	uint64_t key = addr->family;

	for (unsigned i = 0; i < geo_network_length(addr->family) / 8u; i++)
		key = key << 8 | addr->bytes[i];
	return geo_mix(key);
}

/* Is that network among the percent (0 to 100) of networks that are accepted? */
static inline bool geo_dial_accepts(uint64_t network, uint64_t seed, unsigned percent)
{
	uint64_t draw = geo_mix(network ^ seed ^ GEO_SALT_DIAL);

	return ((draw >> 32) * 100 >> 32) < percent;
}

/*
 * What a network has drawn for the holder of a seed: -log2 of a number between 0 and 1, in units of
 * 2^-GEO_COST_BITS, at least 1 and at most 64. Divided by the holder's weight it is
 * exponentially distributed with a rate in proportion to the weight; so the smallest quotient of
 * several belongs to each of them in proportion to its weight.
 */
static inline uint64_t geo_cost(uint64_t network, uint64_t seed)
{
	/* log2(1 + i/64) * 2^30, with straight lines between: 5e-5 off at most. */
	static const uint32_t log2_table[65] = {
		0,	    24017256,  47667823,  70962728,   93912511,	  116527248,  138816582,
		160789745,  182455581, 203822568, 224898839,  245692198,  266210141,  286459867,
		306448299,  326182095, 345667660, 364911162,  383918542,  402695523,  421247625,
		439580170,  457698295, 475606957, 493310944,  510814882,  528123241,  545240343,
		562170370,  578917365, 595485245, 611877800,  628098702,  644151509,  660039669,
		675766525,  691335320, 706749198, 722011213,  737124328,  752091421,  766915285,
		781598637,  796144114, 810554283, 824831638,  838978604,  852997541,  866890747,
		880660455,  894308843, 907838029, 921250079,  934547002,  947730758,  960803257,
		973766362,  986621888, 999371606, 1012017244, 1024560487, 1037002979, 1049346328,
		1061592099, 1073741824
	};
	uint64_t draw = geo_mix(network ^ seed) | 1; /* the log of 0 is none */
	unsigned zeros = (unsigned)__builtin_clzll(draw);
	uint64_t fraction = draw << zeros << 1; /* behind the leading 1 */
	unsigned i = (unsigned)(fraction >> 58);
	uint64_t rest = fraction >> 26 & UINT32_MAX;
	uint64_t log = log2_table[i] + ((log2_table[i + 1] - log2_table[i]) * rest >> 32);

	return ((uint64_t)(zeros + 1) << GEO_COST_BITS) - log;
}

struct geo_score {
	uint64_t cost;
	uint16_t weight; /* 0: behind all that have one */
};

/* Does a win over b? Compares cost/weight; of two equals, as of two weights of 0, neither does. */
static inline bool geo_score_wins(const struct geo_score *a, const struct geo_score *b)
{
	return a->cost * b->weight < b->cost * a->weight;
}

#endif
