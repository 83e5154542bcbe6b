/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any file is refused with a reason, or it compiles, and then its map covers the begin and the
 * end of each family and agrees with looks into the file.
 */
#include <stdlib.h>
#include <string.h>

#include "geodns/geo/map.h"

static const struct geo_pop pops[] = { { "fra", { 50.1, 8.7 }, 0 },
				       { "nyc", { 40.7, -74.0 }, 100 },
				       { "sin", { 1.35, 103.8 }, 0 } };
static const struct geo_clients members[] = { { .by = GEO_BY_COUNTRY, .key = 'D' << 8 | 'E' },
					      { .by = GEO_BY_CONTINENT, .key = 'A' << 8 | 'S' },
					      { .by = GEO_BY_ASN, .key = 64500 } };
static const struct geo_region regions[] = { { "region", members, 3 } };
static const char *const files[] = { "fuzz" };
static const struct geo_places places = { .pops = pops,
					  .pop_count = 3,
					  .regions = regions,
					  .region_count = 1,
					  .databases = files,
					  .database_count = 1 };

static void look(const struct geo_map *map, struct geo_database *db, struct addr addr)
{
	struct geo_leaf leaf = geo_map_lookup(map, &addr);
	struct geo_database_error err;
	struct geo_facts facts;

	if (leaf.length > addr_bits((enum addr_family)addr.family) || leaf.order[0] > 2)
		abort();
	/* The order of pops can follow from a place, too, but no region from nothing. */
	if (geo_database_find(db, &addr, &facts, &err) && !facts.country && !facts.continent &&
	    !facts.asn && leaf.regions)
		abort();
}

/*
 * MMDB_open() of libmaxminddb 1.7 keeps 4640 octets when it refuses a file for its languages or
 * its description, and leaves nothing by which they could be freed.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct geo_database_error why;
	struct geo_map_error err = { .text = "" };
	struct geo_database *db = geo_database_open_bytes(files[0], data, len, &why);
	struct geo_map *map;
	struct addr last;

	if (!db) {
		if (why.text[0] == '\0')
			abort();
		return 0;
	}
	map = geo_map_new(&places, &db, &err);
	if ((map == NULL) != (err.text[0] != '\0'))
		abort();
	for (unsigned i = 0; map && i < 2; i++) {
		memset(&last, 0, sizeof(last));
		last.family = i ? ADDR_IPV6 : ADDR_IPV4;
		look(map, db, last);
		memset(last.bytes, 0xff, addr_size((enum addr_family)last.family));
		look(map, db, last);
	}
	geo_map_free(map);
	geo_database_close(db);
	return 0;
}
