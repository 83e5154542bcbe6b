/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - numbers that look random and are the same for the same seed.
 *
 * Not a stream: what one user gets depends on nothing but the seed and him, so
 * adding users or kinds of traffic changes nobody else's times. Pure.
 */
#ifndef TESTBED_CLIENT_HASH_H
#define TESTBED_CLIENT_HASH_H

#include <stdint.h>

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t client_hash_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline uint64_t client_hash(uint64_t seed, uint64_t a, uint64_t b)
{
	return client_hash_mix(client_hash_mix(client_hash_mix(seed) ^ a) ^ b);
}

/* A hash as a number in [0, range). */
static inline uint64_t client_hash_scale(uint64_t hash, uint64_t range)
{
	return (uint64_t)(((unsigned __int128)hash * range) >> 64);
}

#endif
