/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/intern.h"

#include <string.h>

#include "lib/alloc.h"

#define SLOTS_FIRST 64

void geo_intern_init(struct geo_intern *t, size_t key_size)
{
	*t = (struct geo_intern){ .key_size = key_size, .mask = SLOTS_FIRST - 1 };
	t->slots = xreallocarray(NULL, SLOTS_FIRST, sizeof(*t->slots));
	memset(t->slots, 0xff, SLOTS_FIRST * sizeof(*t->slots));
}

void geo_intern_fini(struct geo_intern *t)
{
	free(t->slots);
	free(t->keys);
	*t = (struct geo_intern){ 0 };
}

/* Multiplies and folds, eight octets at a time. */
static size_t hash(const uint8_t *key, size_t size)
{
	uint64_t h = size;

	while (size > 0) {
		size_t n = size < 8 ? size : 8;
		uint64_t word = 0;

		memcpy(&word, key, n);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		key += n;
		size -= n;
	}
	return (size_t)(h ^ h >> 32);
}

/* The slot that has the key, or the free one where it belongs. */
static uint32_t *slot_find(const struct geo_intern *t, const void *key)
{
	size_t i = hash(key, t->key_size) & t->mask;

	while (t->slots[i] != GEO_INTERN_NONE &&
	       memcmp(t->keys + t->slots[i] * t->key_size, key, t->key_size) != 0)
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

/* All keys are different: a free slot is all that is looked for. */
static void slots_grow(struct geo_intern *t)
{
	size_t size = 2 * (t->mask + 1);

	t->mask = size - 1;
	t->slots = xreallocarray(t->slots, size, sizeof(*t->slots));
	memset(t->slots, 0xff, size * sizeof(*t->slots));
	for (size_t n = 0; n < t->count; n++) {
		size_t i = hash(t->keys + n * t->key_size, t->key_size) & t->mask;

		while (t->slots[i] != GEO_INTERN_NONE)
			i = (i + 1) & t->mask;
		t->slots[i] = (uint32_t)n;
	}
}

uint32_t geo_intern_add(struct geo_intern *t, const void *key)
{
	uint32_t *slot = slot_find(t, key);
	uint32_t number = *slot;

	if (number != GEO_INTERN_NONE)
		return number;
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->keys = xreallocarray(t->keys, t->room, t->key_size + !t->key_size);
	}
	memcpy(t->keys + t->count * t->key_size, key, t->key_size);
	number = (uint32_t)t->count++;
	*slot = number;
	if (2 * t->count > t->mask)
		slots_grow(t);
	return number;
}

uint32_t geo_intern_find(const struct geo_intern *t, const void *key)
{
	return *slot_find(t, key);
}

void *geo_intern_take(struct geo_intern *t)
{
	void *keys = xreallocarray(t->keys, t->count + 1, t->key_size + !t->key_size);

	t->keys = NULL;
	geo_intern_fini(t);
	return keys;
}

size_t geo_intern_size(const struct geo_intern *t)
{
	return t->room * t->key_size + (t->mask + 1) * sizeof(*t->slots);
}
