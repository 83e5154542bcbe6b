/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geo_walk CONFIG: compiles the places of a catchment-geodns and walks all leaves of both families
 * by look-ups, from the lowest address up. Each leaf must begin where the one before ended, be the
 * same at its end as at its begin, lie wholly in a private block or wholly in none, and not
 * be the other half of one with the same class. Prints what it has seen as JSON; status 1 and the
 * leaf that is wrong otherwise.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/conf.h"
#include "geodns/geo/map.h"
#include "lib/alloc.h"

struct seen {
	unsigned long leaves;
	unsigned long lengths[129];
};

static void complain(const struct addr *first, const struct geo_leaf *leaf, const char *what)
{
	struct prefix prefix = { *first, leaf->length };
	char text[PREFIX_TEXT_SIZE];

	printf("%s, class %u: %s\n", prefix_format(&prefix, text), leaf->class, what);
	exit(1);
}

static struct addr last_of(const struct addr *first, unsigned length)
{
	struct addr last = *first;

	for (unsigned b = length; b < addr_bits((enum addr_family)first->family); b++)
		last.bytes[b / 8] |= (uint8_t)(0x80 >> b % 8);
	return last;
}

static void leaf_check(const struct geo_map *map, const struct addr *at,
		       const struct geo_leaf *leaf, const struct addr *last)
{
	struct addr first = addr_mask(at, leaf->length);
	struct geo_leaf end = geo_map_lookup(map, last);

	if (!addr_equal(&first, at))
		complain(&first, leaf, "begins inside of the one before");
	if (end.class != leaf->class || end.length != leaf->length)
		complain(&first, leaf, "is another at its end");
	if (addr_is_private(&first) != addr_is_private(last))
		complain(&first, leaf, "is private in part");
}

static void family_walk(const struct geo_map *map, enum addr_family family, struct seen *seen)
{
	struct addr at = { .family = (uint8_t)family }, before = at;
	struct geo_leaf left = { .class = UINT32_MAX };

	for (;;) {
		struct geo_leaf leaf = geo_map_lookup(map, &at);
		struct addr last = last_of(&at, leaf.length);

		leaf_check(map, &at, &leaf, &last);
		if (leaf.length > 0 && left.class == leaf.class && left.length == leaf.length) {
			struct addr a = addr_mask(&before, leaf.length - 1u);
			struct addr b = addr_mask(&at, leaf.length - 1u);

			if (addr_equal(&a, &b))
				complain(&at, &leaf, "should be one with the one before");
		}
		seen->leaves++;
		seen->lengths[leaf.length]++;
		before = at;
		left = leaf;
		at = addr_plus(&last, 1);
		if (memcmp(at.bytes, before.bytes, sizeof(at.bytes)) <= 0)
			return;
	}
}

int main(int argc, char **argv)
{
	struct conf_error err = { 0 };
	struct geo_map_error map_err;
	struct geodns_conf *conf;
	struct seen seen = { 0 };
	struct geo_map *map;
	char text[400], *copy;

	if (argc != 2)
		return 2;
	conf = geodns_conf_read(argv[1], NULL, &err);
	if (!conf) {
		printf("%s\n", conf_error_format(&err, text, sizeof(text)));
		return 1;
	}
	copy = xstrdup(argv[1]);
	map = geo_map_load(&conf->places, dirname(copy), &map_err);
	free(copy);
	if (!map) {
		printf("%s\n", map_err.text);
		return 1;
	}
	family_walk(map, ADDR_IPV4, &seen);
	family_walk(map, ADDR_IPV6, &seen);
	printf("{\"leaves\": %lu, \"classes\": %zu, \"lengths\": [", seen.leaves,
	       geo_map_class_count(map));
	for (unsigned i = 0; i <= 128; i++)
		printf("%s%lu", i ? ", " : "", seen.lengths[i]);
	printf("]}\n");
	geo_map_free(map);
	geodns_conf_free(conf);
	return 0;
}
