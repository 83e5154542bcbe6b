/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short inputs.
 *
 * Without the key nobody can tell its values from random ones. Pure. Besides siphash24() there are
 * pieces for inputs whose length the program knows, in user space and in programs for the kernel:
 * for the same key and octets they give the same. SipHash-1-3 is the faster one for counters by
 * network, of which nobody is told; Linux has it for such a purpose.
 */
#ifndef LIB_SIPHASH_H
#define LIB_SIPHASH_H

#include <stddef.h>

#include "lib/fixed.h"

#define SIPHASH_KEY_SIZE 16

/* The key's octets, the first in the lowest bits. */
struct siphash_key {
	uint64_t k0, k1;
};

struct siphash {
	uint64_t v0, v1, v2, v3;
};

static __always_inline struct siphash_key siphash_key(const uint8_t octets[SIPHASH_KEY_SIZE])
{
	return (struct siphash_key){ FIXED_LE64(fixed_load64(octets)),
				     FIXED_LE64(fixed_load64(octets + 8)) };
}

static __always_inline uint64_t siphash_rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static __always_inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotate(s->v2, 32);
}

static __always_inline struct siphash siphash_begin(const struct siphash_key *key)
{
	/* "somepseudorandomlygeneratedbytes" */
	return (struct siphash){ key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
				 key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573 };
}

/* Eight octets of the input, the first in the lowest bits. */
static __always_inline void siphash24_add(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

/* rest: the octets, fewer than eight, behind the last whole word; len: of all the input. */
static __always_inline uint64_t siphash24_end(struct siphash *s, uint64_t rest, size_t len)
{
	siphash24_add(s, (uint64_t)len << 56 | rest);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* The same of SipHash-1-3. */
static __always_inline void siphash13_add(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

static __always_inline uint64_t siphash13_end(struct siphash *s, uint64_t rest, size_t len)
{
	siphash13_add(s, (uint64_t)len << 56 | rest);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Of so many times eight octets, a constant; in the kernel, data is aligned to 8. */
static __always_inline uint64_t siphash24_words(const struct siphash_key *key, const void *data,
						unsigned words)
{
	struct siphash s = siphash_begin(key);

	for (unsigned i = 0; i < words; i++)
		siphash24_add(&s, FIXED_LE64(fixed_load64((const uint8_t *)data + (size_t)8 * i)));
	return siphash24_end(&s, 0, (size_t)8 * words);
}

/* Of any input. The eight octets of the result, the first in the lowest bits. */
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *data, size_t len);

#endif
