/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The map beside a second opinion: plain loops over the configuration, libmaxminddb's own
 * look-up, the haversine of lib/geo.
 */
#include <criterion/criterion.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geodns/geo/country.h"
#include "geodns/geo/map.h"
#include "tests/support/mmdb_writer.h"

#define POPS	 5
#define NETWORKS 24
#define REGIONS	 3
#define FILES	 3

struct world {
	struct geo_pop pops[POPS];
	struct geo_network networks[NETWORKS];
	struct geo_clients members[REGIONS][6];
	struct geo_region regions[REGIONS];
	uint16_t order[2];
	struct geo_places places;
	struct geo_database *databases[FILES];
	MMDB_s files[FILES];
	struct geo_map *map;
};

static const char *const file_names[] = { "a.mmdb", "b.mmdb", "c.mmdb" };
static const char *const countries[] = { "DE", "FR", "US", "JP", "AU", "BR" };
static const struct geo_point cities[] = { { 48.8, 2.3 },   { 42.4, -71.1 },  { -31.9, 115.9 },
					   { 35.7, 139.7 }, { -23.5, -46.6 }, { 0, 0 },
					   { 52.5, 13.4 },  { 19.4, -99.1 },  { 64.1, -21.9 } };

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Prefixes that often lie in each other: octets are from a small set, or any. */
static struct prefix random_prefix(enum addr_family family)
{
	static const uint8_t heads[] = { 10, 20, 100, 192, 0x20, 0xfc };
	struct addr a = { .family = (uint8_t)family };

	a.bytes[0] = heads[pick(6)];
	for (size_t b = 1; b < addr_size(family); b++)
		a.bytes[b] = (uint8_t)(pick(4) ? pick(4) : pick(256));
	if (family == ADDR_IPV6)
		a.bytes[0] = pick(8) ? 0x20 : (uint8_t)pick(256);
	uint8_t len = (uint8_t)(1 + pick(addr_bits(family)));

	return (struct prefix){ addr_mask(&a, len), len };
}

static struct geo_clients random_clients(void)
{
	enum geo_source by = (enum geo_source)pick(4);
	struct geo_clients c = { .by = by };

	if (by == GEO_BY_PREFIX)
		c.prefix = random_prefix(pick(2) ? ADDR_IPV4 : ADDR_IPV6);
	else if (by == GEO_BY_ASN)
		c.key = 64500 + pick(4);
	else if (by == GEO_BY_COUNTRY)
		c.key = geo_code_parse(countries[pick(6)], 2);
	else
		c.key = geo_code_parse(pick(2) ? "EU" : "AS", 2);
	return c;
}

static bool clients_equal(const struct geo_clients *a, const struct geo_clients *b)
{
	return a->by == b->by &&
	       (a->by == GEO_BY_PREFIX ? prefix_equal(&a->prefix, &b->prefix) : a->key == b->key);
}

static int prefix_length_compare(const void *a, const void *b)
{
	return (int)((const struct prefix *)a)->len - (int)((const struct prefix *)b)->len;
}

static void world_database(struct world *w, unsigned index)
{
	static const unsigned sizes[] = { 24, 28, 32 };
	unsigned version = index == 2 ? 4 : 6;
	struct mmdb_writer writer = mmdb_writer_new(version, sizes[pick(3)]);
	struct prefix prefixes[60];
	struct geo_database_error err;
	char path[40], text[PREFIX_TEXT_SIZE];
	size_t len;
	uint8_t *bytes;
	int fd = memfd_create("test", 0);

	for (unsigned i = 0; i < 60; i++)
		prefixes[i] = random_prefix(version == 4 || pick(2) ? ADDR_IPV4 : ADDR_IPV6);
	qsort(prefixes, 60, sizeof(prefixes[0]), prefix_length_compare);
	for (unsigned i = 0; i < 60; i++) {
		const struct geo_point at = cities[pick(9)];
		const struct mmdb_record r = { .flat = pick(2),
					       .has_at = index != 1 && pick(4),
					       .lat = at.lat,
					       .lon = at.lon,
					       .country = pick(3) ? countries[pick(6)] : NULL,
					       .continent = pick(4) ? NULL : "AS",
					       .asn = index == 1 || !pick(4) ? 64500 + pick(8)
									     : 0 };

		mmdb_network_add(&writer, prefix_format(&prefixes[i], text), &r);
	}
	bytes = mmdb_writer_finish(&writer, &len);
	w->databases[index] = geo_database_open_bytes(file_names[index], bytes, len, &err);
	cr_assert(w->databases[index], "%s", err.text);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cr_assert_eq(MMDB_open(path, 0, &w->files[index]), MMDB_SUCCESS);
	close(fd);
	free(bytes);
}

static bool is_there(const struct world *w, size_t count, const struct geo_clients *clients)
{
	for (size_t i = 0; i < count; i++) {
		if (clients_equal(&w->networks[i].clients, clients))
			return true;
	}
	return false;
}

static void world_networks(struct world *w)
{
	for (size_t i = 0; i < NETWORKS; i++) {
		struct geo_network *n = &w->networks[i];

		do
			n->clients = random_clients();
		while (is_there(w, i, &n->clients));
		n->at = cities[pick(9)];
		if (pick(5) == 0) {
			n->pops = w->order;
			n->pop_count = 2;
		}
	}
}

static struct world *world_new(unsigned seed, bool bias)
{
	struct world *w = x_new(struct world);
	struct geo_map_error err;

	srand(seed);
	w->order[0] = 3;
	w->order[1] = 1;
	for (unsigned i = 0; i < POPS; i++)
		w->pops[i] = (struct geo_pop){ "pop", cities[pick(9)],
					       bias ? (double)pick(4000) - 2000 : 0 };
	world_networks(w);
	for (unsigned i = 0; i < REGIONS; i++) {
		for (unsigned k = 0; k < 6; k++)
			w->members[i][k] = random_clients();
		w->regions[i] = (struct geo_region){ "region", w->members[i], 6 };
	}
	for (unsigned i = 0; i < FILES; i++)
		world_database(w, i);
	w->places = (struct geo_places){ .pops = w->pops,
					 .pop_count = POPS,
					 .networks = w->networks,
					 .network_count = NETWORKS,
					 .has_default = seed % 2,
					 .default_at = cities[0],
					 .regions = w->regions,
					 .region_count = REGIONS,
					 .databases = file_names,
					 .database_count = FILES };
	w->map = geo_map_new(&w->places, w->databases, &err);
	cr_assert(w->map, "%s", err.text);
	return w;
}

static void world_free(struct world *w)
{
	geo_map_free(w->map);
	for (unsigned i = 0; i < FILES; i++) {
		geo_database_close(w->databases[i]);
		MMDB_close(&w->files[i]);
	}
	free(w);
}

/* A value at a way of one or two keys, or NULL. */
static const MMDB_entry_data_s *value(MMDB_entry_s *entry, MMDB_entry_data_s *out, const char *a,
				      const char *b)
{
	const char *path[] = { a, b, NULL };

	return MMDB_aget_value(entry, out, path) == MMDB_SUCCESS && out->has_data ? out : NULL;
}

static uint16_t code_of(MMDB_entry_s *entry, const char *flat, const char *outer, const char *inner)
{
	MMDB_entry_data_s d;

	return value(entry, &d, flat, NULL) || value(entry, &d, outer, inner)
		       ? geo_code_parse(d.utf8_string, d.data_size)
		       : 0;
}

/* What the files say by libmaxminddb's look-up; each thing from the first that has it. */
static struct geo_facts facts_of(struct world *w, const struct addr *addr)
{
	const struct endpoint ep = { .addr = *addr };
	struct geo_facts facts = { .asn = 0 };
	struct sockaddr_storage sa;
	static const uint8_t zeros[12];

	endpoint_to_sockaddr(&ep, &sa);
	/* IPv4 is what ::/96 means to libmaxminddb. */
	if (addr->family == ADDR_IPV6 && memcmp(addr->bytes, zeros, 12) == 0)
		return facts;
	for (unsigned i = 0; i < FILES; i++) {
		int status;
		MMDB_lookup_result_s r =
			MMDB_lookup_sockaddr(&w->files[i], (struct sockaddr *)&sa, &status);
		MMDB_entry_data_s lat, lon, asn;
		uint16_t country, continent;

		if (!r.found_entry)
			continue;
		if (!facts.has_at && ((value(&r.entry, &lat, "latitude", NULL) &&
				       value(&r.entry, &lon, "longitude", NULL)) ||
				      (value(&r.entry, &lat, "location", "latitude") &&
				       value(&r.entry, &lon, "location", "longitude")))) {
			facts.has_at = 1;
			facts.at = (struct geo_point){ lat.double_value, lon.double_value };
		}
		if (!facts.asn && (value(&r.entry, &asn, "asn", NULL) ||
				   value(&r.entry, &asn, "autonomous_system_number", NULL)))
			facts.asn = asn.uint32;
		country = code_of(&r.entry, "country_code", "country", "iso_code");
		continent = code_of(&r.entry, "continent_code", "continent", "code");
		facts.country = facts.country ? facts.country : country;
		continent = continent ? continent : geo_country_continent(country);
		facts.continent = facts.continent ? facts.continent : continent;
	}
	return facts;
}

static bool clients_have(const struct geo_clients *c, const struct addr *addr,
			 const struct geo_facts *facts)
{
	switch (c->by) {
	case GEO_BY_PREFIX:
		return prefix_contains(&c->prefix, addr);
	case GEO_BY_ASN:
		return c->key == facts->asn;
	case GEO_BY_COUNTRY:
		return c->key == facts->country;
	case GEO_BY_CONTINENT:
		return c->key == facts->continent;
	case GEO_BY_DATABASE:
	case GEO_BY_DEFAULT:
	case GEO_BY_NOTHING:
		break;
	}
	return false;
}

/* The strongest network: kinds in the order of their numbers, then the longest prefix. */
static const struct geo_network *network_of(const struct world *w, const struct addr *addr,
					    const struct geo_facts *facts)
{
	const struct geo_network *best = NULL;

	for (size_t i = 0; i < NETWORKS; i++) {
		const struct geo_network *n = &w->networks[i];

		if (clients_have(&n->clients, addr, facts) &&
		    (!best || n->clients.by < best->clients.by ||
		     (n->clients.by == best->clients.by &&
		      n->clients.prefix.len > best->clients.prefix.len)))
			best = n;
	}
	return best;
}

static void order_expect(const struct world *w, const uint16_t *order, const struct geo_network *n,
			 const struct geo_facts *facts)
{
	const struct geo_point at = n ? n->at : facts->has_at ? facts->at : w->places.default_at;
	bool placed = n || facts->has_at || w->places.has_default;

	if (n && n->pops) {
		cr_expect(order[0] == 3 && order[1] == 1 && order[2] == 0 && order[3] == 2 &&
			  order[4] == 4);
		return;
	}
	for (unsigned i = 1; i < POPS; i++) {
		const struct geo_pop *a = &w->pops[order[i - 1]], *b = &w->pops[order[i]];
		double near = geo_distance_km(at, a->at) - a->bias_km;
		double far = geo_distance_km(at, b->at) - b->bias_km;

		if (!placed)
			cr_expect_eq(order[i], i);
		else
			cr_expect(near < far + 1e-6 || (near == far && order[i - 1] < order[i]),
				  "%f %f", near, far);
	}
}

static void address_expect(struct world *w, const struct addr *addr, const struct geo_leaf *leaf)
{
	const struct geo_facts facts = facts_of(w, addr);
	const struct geo_network *n = network_of(w, addr, &facts);
	uint64_t regions = 0;

	for (unsigned i = 0; i < REGIONS; i++) {
		for (unsigned k = 0; k < 6; k++) {
			if (clients_have(&w->members[i][k], addr, &facts))
				regions |= UINT64_C(1) << i;
		}
	}
	cr_expect_eq(leaf->regions, regions);
	order_expect(w, leaf->order, n, &facts);
}

/*
 * From the lowest address up: each leaf starts where the one before ended, is right at
 * both of its ends, wholly private or public, and not the other half of the one before.
 */
static void leaves_walk(struct world *w, enum addr_family family)
{
	unsigned bits = addr_bits(family);
	struct addr at = { .family = (uint8_t)family }, before = at;
	uint32_t before_class = UINT32_MAX;
	uint8_t before_length = 0;

	for (bool more = true; more;) {
		struct geo_leaf leaf = geo_map_lookup(w->map, &at), end;
		struct addr first = addr_mask(&at, leaf.length), last = at, parent, sibling;

		cr_assert(addr_equal(&first, &at), "a leaf starts inside of another");
		for (unsigned b = leaf.length; b < bits; b++)
			last.bytes[b / 8] |= (uint8_t)(0x80 >> b % 8);
		end = geo_map_lookup(w->map, &last);
		cr_assert(end.class == leaf.class && end.length == leaf.length);
		cr_expect_eq(addr_is_private(&first), addr_is_private(&last));
		address_expect(w, &first, &leaf);
		address_expect(w, &last, &leaf);
		if (leaf.length > 0 && before_length == leaf.length && before_class == leaf.class) {
			parent = addr_mask(&first, leaf.length - 1u);
			sibling = addr_mask(&before, leaf.length - 1u);
			cr_expect_not(addr_equal(&parent, &sibling), "two halves of one class");
		}
		before = first;
		before_length = leaf.length;
		before_class = leaf.class;
		at = addr_plus(&last, 1);
		more = memcmp(at.bytes, first.bytes, sizeof(at.bytes)) > 0;
	}
}

Test(geo_places, the_map_agrees_with_plain_look_ups)
{
	for (unsigned seed = 1; seed <= 12; seed++) {
		struct world *w = world_new(seed, seed % 3 == 0);

		leaves_walk(w, ADDR_IPV4);
		leaves_walk(w, ADDR_IPV6);
		world_free(w);
	}
}

Test(geo_places, random_addresses_agree_too)
{
	struct world *w = world_new(99, true);

	for (unsigned i = 0; i < 20000; i++) {
		struct prefix p = random_prefix(i % 2 ? ADDR_IPV4 : ADDR_IPV6);
		struct geo_leaf leaf;

		for (size_t b = 3; b < addr_size((enum addr_family)p.addr.family); b++)
			p.addr.bytes[b] = (uint8_t)rand();
		leaf = geo_map_lookup(w->map, &p.addr);
		address_expect(w, &p.addr, &leaf);
	}
	world_free(w);
}
