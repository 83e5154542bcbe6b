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

/*
 * Multiplies and folds, eight octets at a time. Keys of four octets are only shuffled
 * (every step can be undone), so that equal hashes are equal keys.
 */
static uint32_t hash_of(const uint8_t *key, size_t size)
{
	uint64_t h = size;
	uint32_t four;

	if (size == sizeof(four)) {
		memcpy(&four, key, sizeof(four));
		four = (four ^ four >> 16) * UINT32_C(0x85ebca6b);
		four = (four ^ four >> 13) * UINT32_C(0xc2b2ae35);
		return four ^ four >> 16;
	}
	while (size > 0) {
		size_t n = size < 8 ? size : 8;
		uint64_t word = 0;

		memcpy(&word, key, n);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		key += n;
		size -= n;
	}
	return (uint32_t)(h ^ h >> 32);
}

/* The slot that has the key, or the free one where it belongs. */
static struct geo_intern_slot *slot_find(const struct geo_intern *t, const void *key, uint32_t hash)
{
	for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		struct geo_intern_slot *slot = &t->slots[i];

		if (slot->number == GEO_INTERN_NONE)
			return slot;
		if (slot->hash != hash)
			continue;
		if (t->key_size == sizeof(hash) ||
		    memcmp(t->keys + slot->number * t->key_size, key, t->key_size) == 0)
			return slot;
	}
}

static void slots_grow(struct geo_intern *t)
{
	struct geo_intern_slot *old = t->slots;
	size_t old_size = t->mask + 1;

	t->mask = 2 * old_size - 1;
	t->slots = xreallocarray(NULL, 2 * old_size, sizeof(*t->slots));
	memset(t->slots, 0xff, 2 * old_size * sizeof(*t->slots));
	for (size_t n = 0; n < old_size; n++) {
		size_t i = old[n].hash & t->mask;

		if (old[n].number == GEO_INTERN_NONE)
			continue;
		while (t->slots[i].number != GEO_INTERN_NONE)
			i = (i + 1) & t->mask;
		t->slots[i] = old[n];
	}
	free(old);
}

uint32_t geo_intern_add(struct geo_intern *t, const void *key)
{
	uint32_t hash = hash_of(key, t->key_size);
	struct geo_intern_slot *slot = slot_find(t, key, hash);
	uint32_t number = slot->number;

	if (number != GEO_INTERN_NONE)
		return number;
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->keys = xreallocarray(t->keys, t->room, t->key_size + !t->key_size);
	}
	memcpy(t->keys + t->count * t->key_size, key, t->key_size);
	number = (uint32_t)t->count++;
	*slot = (struct geo_intern_slot){ hash, number };
	if (2 * t->count > t->mask)
		slots_grow(t);
	return number;
}

uint32_t geo_intern_find(const struct geo_intern *t, const void *key)
{
	return slot_find(t, key, hash_of(key, t->key_size))->number;
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
