/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/prefixes.h"

#include "lib/alloc.h"

enum kind { KIND_NETWORK, KIND_REGION, KIND_PRIVATE };

struct geo_prefix_entry {
	struct prefix prefix;
	uint8_t kind; /* enum kind */
	uint32_t index;
};

static int entry_compare(const void *a, const void *b)
{
	const struct geo_prefix_entry *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static void entry_add(struct geo_prefixes *p, const struct prefix *prefix, enum kind kind,
		      size_t index)
{
	p->entries[p->count++] =
		(struct geo_prefix_entry){ *prefix, (uint8_t)kind, (uint32_t)index };
}

static size_t room_needed(const struct geo_places *places)
{
	size_t room = places->network_count;

	for (size_t i = 0; i < places->region_count; i++)
		room += places->regions[i].client_count;
	for (size_t i = 0; addr_private_block(i); i++)
		room++;
	return room;
}

void geo_prefixes_init(struct geo_prefixes *p, const struct geo_places *places)
{
	const struct prefix *block;

	*p = (struct geo_prefixes){ 0 };
	p->entries = xcalloc(room_needed(places), sizeof(*p->entries));
	for (size_t i = 0; i < places->network_count; i++) {
		if (places->networks[i].clients.by == GEO_BY_PREFIX)
			entry_add(p, &places->networks[i].clients.prefix, KIND_NETWORK, i);
	}
	for (size_t i = 0; i < places->region_count; i++) {
		const struct geo_region *region = &places->regions[i];

		for (size_t k = 0; k < region->client_count; k++) {
			if (region->clients[k].by == GEO_BY_PREFIX)
				entry_add(p, &region->clients[k].prefix, KIND_REGION, i);
		}
	}
	for (size_t i = 0; (block = addr_private_block(i)); i++)
		entry_add(p, block, KIND_PRIVATE, i);
	qsort(p->entries, p->count, sizeof(*p->entries), entry_compare);
	while (p->ipv6 < p->count && p->entries[p->ipv6].prefix.addr.family == ADDR_IPV4)
		p->ipv6++;
}

void geo_prefixes_fini(struct geo_prefixes *p)
{
	free(p->entries);
}

struct geo_prefix_range geo_prefixes_family(const struct geo_prefixes *p, enum addr_family family)
{
	if (family == ADDR_IPV4)
		return (struct geo_prefix_range){ 0, (uint32_t)p->ipv6 };
	return (struct geo_prefix_range){ (uint32_t)p->ipv6, (uint32_t)p->count };
}

void geo_prefixes_apply(const struct geo_prefixes *p, struct geo_prefix_range *range,
			unsigned length, uint32_t *network, uint64_t *regions, uint32_t *is_private)
{
	while (range->first < range->last && p->entries[range->first].prefix.len == length) {
		const struct geo_prefix_entry *entry = &p->entries[range->first++];

		switch ((enum kind)entry->kind) {
		case KIND_NETWORK:
			*network = entry->index;
			break;
		case KIND_REGION:
			*regions |= UINT64_C(1) << entry->index;
			break;
		case KIND_PRIVATE:
			*is_private = 1;
			break;
		}
	}
}

void geo_prefixes_split(const struct geo_prefixes *p, const struct geo_prefix_range *range,
			unsigned length, struct geo_prefix_range *low,
			struct geo_prefix_range *high)
{
	uint32_t from = range->first, to = range->last;

	/* The first whose bit behind the length is set. */
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (addr_bit(&p->entries[middle].prefix.addr, length))
			to = middle;
		else
			from = middle + 1;
	}
	*low = (struct geo_prefix_range){ range->first, from };
	*high = (struct geo_prefix_range){ from, range->last };
}

uint32_t geo_prefixes_find(const struct geo_prefixes *p, const struct addr *addr, uint64_t *regions)
{
	const unsigned bits = addr_bits((enum addr_family)addr->family);
	struct geo_prefix_range range = geo_prefixes_family(p, (enum addr_family)addr->family);
	uint32_t network = GEO_PREFIX_NONE, is_private;

	*regions = 0;
	for (unsigned length = 0; length <= bits; length++) {
		struct geo_prefix_range halves[2];

		geo_prefixes_apply(p, &range, length, &network, regions, &is_private);
		if (range.first == range.last)
			break;
		geo_prefixes_split(p, &range, length, &halves[0], &halves[1]);
		range = halves[addr_bit(addr, length)];
	}
	return network;
}
