/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "geodns/geo/country.h"
#include "geodns/geo/database.h"
#include "geodns/geo/map.h"
#include "tests/support/mmdb_writer.h"

static struct geo_database *open_bytes(const uint8_t *bytes, size_t len)
{
	struct geo_database_error err;
	struct geo_database *db = geo_database_open_bytes("x.mmdb", bytes, len, &err);

	cr_assert(db, "%s", err.text);
	return db;
}

static struct geo_database *open_writer(struct mmdb_writer *w)
{
	size_t len;
	uint8_t *bytes = mmdb_writer_finish(w, &len);
	struct geo_database *db = open_bytes(bytes, len);

	free(bytes);
	return db;
}

static struct geo_facts find(struct geo_database *db, const char *text)
{
	struct geo_database_error err;
	struct geo_facts facts;
	struct addr addr;

	cr_assert(addr_parse(&addr, text));
	cr_assert(geo_database_find(db, &addr, &facts, &err), "%s", err.text);
	return facts;
}

Test(geo_database, records_of_all_layouts)
{
	/* clang-format off */
	static const struct { const char *what; struct mmdb_record record; } rows[] = {
		{ "MaxMind's, a city", { .has_at = true, .lat = 48.85, .lon = 2.35, .country = "FR", .continent = "EU" } },
		{ "flat, a city", { .flat = true, .has_at = true, .lat = -31.95, .lon = 115.86, .country = "AU" } },
		{ "flat, numbers of four octets", { .flat = true, .as_float = true, .has_at = true, .lat = 40.5, .lon = -74.25 } },
		{ "a country", { .country = "DE", .continent = "EU" } },
		{ "an ASN", { .asn = 4200000000 } },
		{ "a flat ASN", { .flat = true, .asn = 64500 } },
		{ "nothing that we know", { .flat = true } },
		{ "a pole", { .has_at = true, .lat = -90, .lon = 180 } },
	};
	/* clang-format on */
	static const unsigned sizes[] = { 24, 28, 32 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mmdb_record *r = &rows[i].record;

		for (unsigned k = 0; k < 6; k++) {
			struct mmdb_writer w = mmdb_writer_new(k < 3 ? 4 : 6, sizes[k % 3]);
			struct geo_database *db;
			struct geo_facts f;

			mmdb_network_add(&w, "192.0.2.0/24", r);
			db = open_writer(&w);
			f = find(db, "192.0.2.200");
			cr_expect_eq(f.has_at, r->has_at, "%s", rows[i].what);
			cr_expect_eq(f.at.lat, r->lat, "%s: %f", rows[i].what, f.at.lat);
			cr_expect_eq(f.at.lon, r->lon, "%s: %f", rows[i].what, f.at.lon);
			cr_expect_eq(f.asn, r->asn, "%s", rows[i].what);
			cr_expect_eq(f.country, r->country ? geo_code_parse(r->country, 2) : 0);
			cr_expect_eq(f.continent,
				     r->continent ? geo_code_parse(r->continent, 2) : 0);
			f = find(db, "192.0.3.0");
			cr_expect(!f.has_at && !f.asn && !f.country, "%s: beside it", rows[i].what);
			f = find(db, "2001:db8::1");
			cr_expect(!f.has_at && !f.asn && !f.country, "%s: IPv6", rows[i].what);
			geo_database_close(db);
		}
	}
}

Test(geo_database, what_is_no_place_is_none)
{
	static const double bad[][2] = { { 91, 0 }, { 0, -181 }, { NAN, 0 }, { 0, INFINITY } };

	for (size_t i = 0; i < 4; i++) {
		const struct mmdb_record r = { .flat = i % 2 == 0,
					       .has_at = true,
					       .lat = bad[i][0],
					       .lon = bad[i][1],
					       .country = "FRA" };
		struct mmdb_writer w = mmdb_writer_new(4, 24);
		struct geo_database *db;
		struct geo_facts f;

		mmdb_network_add(&w, "10.0.0.0/8", &r);
		db = open_writer(&w);
		f = find(db, "10.1.1.1");
		cr_expect_eq(f.has_at, 0, "%f %f", bad[i][0], bad[i][1]);
		cr_expect_eq(f.country, 0, "a code has two letters");
		geo_database_close(db);
	}
}

Test(geo_database, ipv4_in_ipv6_is_walked_once)
{
	const struct mmdb_record four = { .asn = 4 }, six = { .asn = 6 };
	struct mmdb_writer w = mmdb_writer_new(6, 28);
	struct geo_database *db;

	mmdb_network_add(&w, "192.0.2.0/24", &four);
	mmdb_network_add(&w, "2001:db8::/32", &six);
	mmdb_alias_add(&w, "::ffff:0:0/96", "0.0.0.0/0");
	mmdb_alias_add(&w, "2002::/16", "0.0.0.0/0");
	db = open_writer(&w);
	cr_expect_eq(find(db, "192.0.2.1").asn, 4);
	cr_expect_eq(find(db, "2001:db8::1").asn, 6);
	cr_expect_eq(find(db, "2002:c000:0201::1").asn, 0);
	cr_expect_eq(find(db, "::ffff:192.0.2.1").asn, 0);
	cr_expect_eq(find(db, "::192.0.2.1").asn, 0);
	geo_database_close(db);
}

/* A good file to damage: a few networks of both families. */
static uint8_t *good_bytes(size_t *len, uint32_t *nodes)
{
	const struct mmdb_record r = { .has_at = true, .lat = 1, .lon = 2, .country = "DE" };
	const struct mmdb_record flat = {
		.flat = true, .has_at = true, .lat = 3, .lon = 4, .asn = 5
	};
	struct mmdb_writer w = mmdb_writer_new(6, 24);

	mmdb_network_add(&w, "192.0.2.0/24", &r);
	mmdb_network_add(&w, "198.51.100.0/25", &flat);
	mmdb_network_add(&w, "2001:db8::/32", &r);
	*nodes = (uint32_t)w.node_count;
	return mmdb_writer_finish(&w, len);
}

/* Compile a map of that file. What came of it: "" or the reason. */
static const char *load(const uint8_t *bytes, size_t len, struct geo_map_error *err)
{
	static const struct geo_pop pops[] = { { "a", { 0, 0 }, 0 }, { "b", { 50, 9 }, 0 } };
	static const char *const files[] = { "x.mmdb" };
	const struct geo_places places = {
		.pops = pops, .pop_count = 2, .databases = files, .database_count = 1
	};
	struct geo_database_error why;
	struct geo_database *db = geo_database_open_bytes(files[0], bytes, len, &why);
	struct geo_map *map;

	err->text[0] = '\0';
	if (!db) {
		memcpy(err->text, why.text, sizeof(err->text));
		return err->text;
	}
	map = geo_map_new(&places, &db, err);
	cr_expect_eq(map == NULL, err->text[0] != '\0');
	geo_map_free(map);
	geo_database_close(db);
	return err->text;
}

/* Every part of the file's tree leads to that: 24 bits a branch. */
static void node_set(uint8_t *bytes, uint32_t node, uint32_t left, uint32_t right)
{
	for (unsigned i = 0; i < 3; i++) {
		bytes[6 * node + i] = (uint8_t)(left >> 8 * (2 - i));
		bytes[6 * node + 3 + i] = (uint8_t)(right >> 8 * (2 - i));
	}
}

Test(geo_database, damage_has_a_reason)
{
	struct geo_map_error err;
	struct mmdb_writer empty = mmdb_writer_new(6, 28);
	size_t len, other;
	uint32_t nodes;
	uint8_t *bytes = good_bytes(&len, &nodes), *copy = malloc(len);

	cr_expect_str_eq(load(bytes, len, &err), "");
	cr_expect_str_neq(load(bytes, 0, &err), "", "no octets");
	cr_expect_str_neq(load((const uint8_t *)"hello", 5, &err), "", "some text");
	cr_expect_str_neq(load(bytes, len - 20, &err), "", "its end is missing");
	cr_expect_str_neq(load(bytes + 600, len - 600, &err), "", "its begin is missing");

	memcpy(copy, bytes, len);
	node_set(copy, 1, 2, 1);
	cr_expect(strstr(load(copy, len, &err), "x.mmdb: "), "%s", err.text);
	memcpy(copy, bytes, len);
	for (uint32_t i = 0; i < 100; i++)
		node_set(copy, i, i + 1, i + 1);
	node_set(copy, 100, nodes, nodes);
	cr_expect(strstr(load(copy, len, &err), "loops"), "2^101 leaves: %s", err.text);
	node_set(copy, 100, 100, 100);
	cr_expect(strstr(load(copy, len, &err), "deeper"), "for ever: %s", err.text);
	memcpy(copy, bytes, len);
	node_set(copy, 0, 0xffffff, 1);
	cr_expect(strstr(load(copy, len, &err), "x.mmdb: "), "far outside: %s", err.text);
	free(copy);
	free(bytes);

	bytes = mmdb_writer_finish(&empty, &other);
	cr_expect(strstr(load(bytes, other, &err), "no networks"), "%s", err.text);
	free(bytes);
}

/* Whatever octet is whatever else: a map or a reason, and nothing worse. */
Test(geo_database, every_octet_may_be_damaged)
{
	size_t len;
	uint32_t nodes;
	uint8_t *bytes = good_bytes(&len, &nodes);
	struct geo_map_error err;
	unsigned refused = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint8_t was = bytes[i];

		bytes[i] = (uint8_t)~was;
		refused += *load(bytes, len, &err) != '\0';
		bytes[i] = was;
	}
	cr_expect_gt(refused, 10);
	free(bytes);
}

Test(geo_database, a_file_is_known_again)
{
	char path[] = "/tmp/test_database_XXXXXX";
	struct geo_database_error err;
	struct geo_database_info info;
	struct geo_database *db;
	size_t len;
	uint32_t nodes;
	uint8_t *bytes = good_bytes(&len, &nodes);
	int fd = mkstemp(path);

	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	db = geo_database_open(path, GEO_DATABASE_WALK, &err);
	cr_assert(db, "%s", err.text);
	info = *geo_database_info(db);
	cr_expect_str_eq(info.type, "Test-City");
	cr_expect_eq(info.built, 1700000000);
	/* Written over, it is another one, but the copy that was opened still is what it was. */
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_expect_eq(find(db, "198.51.100.1").asn, 5);
	cr_expect(geo_database_is(db, &info, &err));
	geo_database_close(db);
	cr_expect_null(geo_database_open(path, GEO_DATABASE_LOOK, &err));
	cr_assert_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
	cr_assert_eq(pwrite(fd, "\n", 1, (off_t)len), 1);
	db = geo_database_open(path, GEO_DATABASE_LOOK, &err);
	cr_assert(db, "%s", err.text);
	cr_expect_not(geo_database_is(db, &info, &err));
	geo_database_close(db);
	unlink(path);
	close(fd);
	cr_expect_null(geo_database_open(path, GEO_DATABASE_WALK, &err));
	cr_expect(strstr(err.text, "No such file"), "%s", err.text);
	cr_expect_null(geo_database_open("/dev/zero", GEO_DATABASE_WALK, &err));
	free(bytes);
}
