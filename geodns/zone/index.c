/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/zone/index.h"

#include <string.h>

#include "geodns/dns/name.h"
#include "lib/alloc.h"

struct zone_index {
	size_t mask; /* of a hash: a power of two, less one */
	struct zone_index_entry entries[];
};

/* At most half full, so that what is not there is soon known. */
struct zone_index *zone_index_new(size_t count)
{
	struct zone_index *index;
	size_t size = 2;

	while (size < 2 * count)
		size *= 2;
	index = xcalloc(1, sizeof(*index) + size * sizeof(index->entries[0]));
	index->mask = size - 1;
	return index;
}

void zone_index_add(struct zone_index *index, const struct zone *zone, const struct zone_node *node)
{
	const size_t len = dns_name_length(node->name);
	const uint32_t hash = dns_name_hash(node->name, len);
	size_t at = hash & index->mask;

	while (index->entries[at].node)
		at = (at + 1) & index->mask;
	index->entries[at] = (struct zone_index_entry){ zone, node, hash, (uint8_t)len };
}

static bool is_named(const struct zone_index_entry *entry, const uint8_t *name, size_t len)
{
	return entry->len == len && (memcmp(entry->node->name, name, len) == 0 ||
				     dns_name_equal(entry->node->name, name));
}

const struct zone_index_entry *zone_index_find(const struct zone_index *index, const uint8_t *name,
					       size_t len)
{
	const uint32_t hash = dns_name_hash(name, len);
	const struct zone_index_entry *entry;

	for (size_t at = hash & index->mask; (entry = &index->entries[at])->node;
	     at = (at + 1) & index->mask) {
		if (entry->hash == hash && is_named(entry, name, len))
			return entry;
	}
	return NULL;
}
