/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/geo/map.h"

static const struct geo_pop pops[] = { { "fra", { 50.1, 8.7 }, 0 },
				       { "nyc", { 40.7, -74.0 }, 0 },
				       { "sin", { 1.35, 103.8 }, 0 } };
static const struct geo_point paris = { 48.8, 2.3 }, boston = { 42.4, -71.1 },
			      perth = { -31.9, 115.9 };

static struct geo_network network(const char *prefix, struct geo_point at)
{
	struct geo_network net = { .at = at };

	cr_assert(prefix_parse(&net.clients.prefix, prefix));
	return net;
}

static struct addr address(const char *text)
{
	struct addr a;

	cr_assert(addr_parse(&a, text));
	return a;
}

Test(geo_map, longest_prefix_decides_and_equals_merge)
{
	const struct geo_network nets[] = {
		network("100.64.0.0/24", paris),
		network("100.64.1.0/24", (struct geo_point){ 52.5, 13.4 }),
		network("100.64.2.0/24", boston),
		network("20.0.0.0/8", boston),
		network("20.1.0.0/16", perth),
		network("20.1.2.3/32", paris),
		network("2001:db8::/32", perth),
	};
	const struct geo_places places = {
		.pops = pops, .pop_count = 3, .networks = nets, .network_count = 7
	};
	/* clang-format off */
	static const struct { const char *what, *addr; unsigned first, length; } rows[] = {
		{ "Paris", "100.64.0.9", 0, 23 },
		{ "Berlin, merged with Paris", "100.64.1.9", 0, 23 },
		{ "Boston", "100.64.2.9", 1, 24 },
		{ "in no network: order of pops", "100.64.3.9", 0, 24 },
		{ "a network", "20.200.0.0", 1, 9 },
		{ "its gap beside a longer one", "20.0.5.5", 1, 16 },
		{ "a longer one", "20.1.200.1", 2, 17 },
		{ "the longest", "20.1.2.3", 0, 32 },
		{ "beside it", "20.1.2.2", 2, 32 },
		{ "IPv6", "2001:db8:77::1", 2, 32 },
		{ "IPv6, in no network", "2001:db9::1", 0, 32 },
		{ "private is apart", "10.77.0.1", 0, 8 },
		{ "private, IPv6", "fc00::1", 0, 7 },
	};
	/* clang-format on */
	struct geo_map *map = geo_map_new(&places, NULL, NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct addr a = address(rows[i].addr);
		struct geo_leaf leaf = geo_map_lookup(map, &a);

		cr_expect_eq(leaf.order[0], rows[i].first, "%s: %u", rows[i].what, leaf.order[0]);
		cr_expect_eq(leaf.length, rows[i].length, "%s: /%u", rows[i].what, leaf.length);
	}
	geo_map_free(map);
}

Test(geo_map, one_order_needs_one_leaf)
{
	const struct geo_network nets[] = { network("100.64.0.0/24", paris),
					    network("10.0.0.0/8", paris) };
	const struct geo_places places = { .pops = pops,
					   .pop_count = 3,
					   .networks = nets,
					   .network_count = 2,
					   .has_default = true,
					   .default_at = { 48.8, 2.3 } };
	const struct addr a = address("100.64.0.1");
	struct geo_map *map = geo_map_new(&places, NULL, NULL);

	cr_expect_eq(geo_map_lookup(map, &a).length, 0);
	cr_expect_eq(geo_map_leaf_count(map), 2, "one per family");
	geo_map_free(map);
}

Test(geo_map, no_pops_and_no_networks)
{
	const struct geo_places places = { 0 };
	const struct addr a = address("::1");
	struct geo_map *map = geo_map_new(&places, NULL, NULL);

	cr_expect_eq(geo_map_lookup(map, &a).length, 0);
	geo_map_free(map);
}

/* The network that decides for an address, NULL for none. */
static const struct geo_network *network_find(const struct geo_places *places,
					      const struct addr *addr)
{
	const struct geo_network *best = NULL;

	for (size_t i = 0; i < places->network_count; i++) {
		const struct geo_network *net = &places->networks[i];

		if (prefix_contains(&net->clients.prefix, addr) &&
		    (!best || net->clients.prefix.len > best->clients.prefix.len))
			best = net;
	}
	return best;
}

/* The nearest pop of a place as the map should say it, by the plain definition. */
static unsigned nearest(const struct geo_places *places, const struct addr *addr)
{
	const struct geo_network *net = network_find(places, addr);
	const struct geo_point at = net ? net->at : places->default_at;
	unsigned best = 0;

	for (unsigned i = 1; i < places->pop_count; i++) {
		if (geo_distance_km(at, pops[i].at) < geo_distance_km(at, pops[best].at))
			best = i;
	}
	return best;
}

/*
 * Walk the leaves from the lowest address up: each must start where the one before ended,
 * hold one order, and be wholly private or wholly public.
 */
static void leaves_walk(const struct geo_places *places, const struct geo_map *map,
			enum addr_family family)
{
	unsigned bits = addr_bits(family);
	struct addr at = { .family = (uint8_t)family };
	bool more = true;

	while (more) {
		struct geo_leaf leaf = geo_map_lookup(map, &at);
		struct addr first = addr_mask(&at, leaf.length), last = at;
		struct geo_leaf end;

		cr_assert(addr_equal(&first, &at), "a leaf starts inside of another");
		for (unsigned b = leaf.length; b < bits; b++)
			last.bytes[b / 8] |= (uint8_t)(0x80 >> b % 8);
		end = geo_map_lookup(map, &last);
		cr_expect(end.order == leaf.order && end.length == leaf.length);
		cr_expect_eq(addr_is_private(&first), addr_is_private(&last));
		cr_expect_eq(leaf.order[0], nearest(places, &first));
		cr_expect_eq(leaf.order[0], nearest(places, &last));
		at = addr_plus(&last, 1);
		more = memcmp(at.bytes, first.bytes, sizeof(at.bytes)) > 0;
	}
}

/* Addresses in networks and beside them, of both families: side by side and one by one. */
static void lookups_compare(const struct geo_places *places, const struct geo_map *map)
{
	struct addr addrs[GEO_LOOKUPS_MAX];
	struct geo_leaf leaves[GEO_LOOKUPS_MAX];
	const size_t count = 1 + (size_t)rand() % GEO_LOOKUPS_MAX;

	for (size_t i = 0; i < count; i++) {
		const struct prefix *at =
			&places->networks[(size_t)rand() % places->network_count].clients.prefix;

		addrs[i] = addr_plus(&at->addr, (uint32_t)rand() % 1024);
	}
	geo_map_lookup_all(map, addrs, count, leaves);
	for (size_t i = 0; i < count; i++) {
		const struct geo_leaf leaf = geo_map_lookup(map, &addrs[i]);

		cr_expect(leaf.class == leaves[i].class && leaf.length == leaves[i].length);
		cr_expect(leaf.order == leaves[i].order && leaf.regions == leaves[i].regions);
	}
}

Test(geo_map, scopes_never_overlap_and_cover_everything)
{
	const struct geo_point cities[] = {
		paris, boston, perth, { 35.7, 139.7 }, { -23.5, -46.6 }
	};

	srand(1);
	for (unsigned round = 0; round < 20; round++) {
		struct geo_network nets[60] = { 0 };
		struct geo_places places = { .pops = pops,
					     .pop_count = 3,
					     .networks = nets,
					     .network_count = 60,
					     .has_default = true,
					     .default_at = paris };
		struct geo_map *map;

		for (unsigned i = 0; i < 60; i++) {
			struct addr a = { .family = i % 2 ? ADDR_IPV4 : ADDR_IPV6 };

			for (unsigned b = 0; b < addr_size((enum addr_family)a.family); b++)
				a.bytes[b] = (uint8_t)(rand() % 4 ? rand() % 4 : rand());
			nets[i].clients.prefix.len =
				(uint8_t)((unsigned)rand() %
					  (addr_bits((enum addr_family)a.family) + 1));
			nets[i].clients.prefix.addr = addr_mask(&a, nets[i].clients.prefix.len);
			nets[i].at = cities[rand() % 5];
			for (unsigned k = 0; k < i; k++) {
				if (prefix_equal(&nets[k].clients.prefix, &nets[i].clients.prefix))
					nets[i].at = nets[k].at;
			}
		}
		map = geo_map_new(&places, NULL, NULL);
		leaves_walk(&places, map, ADDR_IPV4);
		leaves_walk(&places, map, ADDR_IPV6);
		lookups_compare(&places, map);
		geo_map_free(map);
	}
}
