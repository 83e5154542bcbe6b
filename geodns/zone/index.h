/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * index.h - names that are there, of all zones, found at once.
 *
 * What zone.h finds by walking down from the apex, for the names where that walk meets no
 * delegation, no DNAME and no end: most of what is asked for. A name that is not in the index may
 * exist all the same. Built once, then read by all threads.
 */
#ifndef GEODNS_ZONE_INDEX_H
#define GEODNS_ZONE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/zone/zone.h"

struct zone_index;

struct zone_index_entry {
	const struct zone *zone;
	const struct zone_node *node; /* NULL: none */
	uint32_t hash;
	uint8_t len; /* octets of the name */
};

/* For that many names at most; free() it. */
struct zone_index *zone_index_new(size_t count);
/* Each name once. zone must outlive the index. */
void zone_index_add(struct zone_index *index, const struct zone *zone,
		    const struct zone_node *node);
/* len: of the name, 1 to DNS_NAME_MAX. NULL: it has not been added. */
const struct zone_index_entry *zone_index_find(const struct zone_index *index, const uint8_t *name,
					       size_t len);

#endif
