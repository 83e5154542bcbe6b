/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * intern.h - equal things get equal numbers, from 0 in the order in which they were first seen.
 *
 * A hash table of keys of one size, compared octet by octet: structures must have no padding
 * that is not zeroed. Memory belongs to the table, and to the caller after geo_intern_take().
 */
#ifndef GEODNS_GEO_INTERN_H
#define GEODNS_GEO_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define GEO_INTERN_NONE UINT32_MAX

struct geo_intern_slot {
	uint32_t hash, number;
};

struct geo_intern {
	uint8_t *keys; /* count of them, by number */
	size_t key_size, count, room;
	struct geo_intern_slot *slots;
	size_t mask;
};

void geo_intern_init(struct geo_intern *table, size_t key_size);
void geo_intern_fini(struct geo_intern *table);
/* The key's number; it was new if that is what count was before. */
uint32_t geo_intern_add(struct geo_intern *table, const void *key);
/* GEO_INTERN_NONE when it is not there. */
uint32_t geo_intern_find(const struct geo_intern *table, const void *key);
/* Ends the table; its keys, to free(). */
void *geo_intern_take(struct geo_intern *table);
/* Octets in use. */
size_t geo_intern_size(const struct geo_intern *table);

#endif
