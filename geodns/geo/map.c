/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/map.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "geodns/geo/compile.h"
#include "lib/alloc.h"

struct geo_map {
	struct geo_compiled compiled;
	const struct geo_places *places;
	struct geo_rules rules;
	struct geo_prefixes prefixes;
	struct geo_database_info *databases;
};

static unsigned family_index(uint8_t family)
{
	return family == ADDR_IPV6;
}

struct geo_map *geo_map_new(const struct geo_places *places, struct geo_database *const *databases,
			    struct geo_map_error *err)
{
	struct geo_map *map = x_new(struct geo_map);

	map->places = places;
	map->databases = xcalloc(places->database_count + 1, sizeof(*map->databases));
	for (size_t i = 0; i < places->database_count; i++)
		map->databases[i] = *geo_database_info(databases[i]);
	geo_rules_init(&map->rules, places);
	geo_prefixes_init(&map->prefixes, places);
	if (geo_compile(&map->rules, &map->prefixes, databases, &map->compiled, err))
		return map;
	map->compiled = (struct geo_compiled){ 0 };
	geo_map_free(map);
	return NULL;
}

struct geo_map *geo_map_load(const struct geo_places *places, const char *folder,
			     struct geo_map_error *err)
{
	struct geo_database *open[GEO_DATABASES_MAX] = { NULL };
	struct geo_map *map = NULL;
	struct geo_database_error why;
	size_t count = 0;

	while (count < places->database_count) {
		const char *file = places->databases[count];
		char *path = file[0] == '/' ? xstrdup(file) : xasprintf("%s/%s", folder, file);

		open[count] = geo_database_open(path, GEO_DATABASE_WALK, &why);
		free(path);
		if (!open[count]) {
			err->database = count;
			memcpy(err->text, why.text, sizeof(err->text));
			break;
		}
		count++;
	}
	if (count == places->database_count)
		map = geo_map_new(places, open, err);
	while (count > 0)
		geo_database_close(open[--count]);
	return map;
}

void geo_map_free(struct geo_map *map)
{
	if (!map)
		return;
	geo_tree_free(map->compiled.trees[0]);
	geo_tree_free(map->compiled.trees[1]);
	free(map->compiled.classes);
	free(map->compiled.orders);
	geo_rules_fini(&map->rules);
	geo_prefixes_fini(&map->prefixes);
	free(map->databases);
	free(map);
}

static uint64_t word(const struct addr *addr, unsigned index)
{
	uint64_t w;

	memcpy(&w, addr->bytes + index * sizeof(w), sizeof(w));
	return be64toh(w);
}

static struct geo_leaf leaf_of(const struct geo_map *map, uint32_t leaf)
{
	const struct geo_class *class = &map->compiled.classes[geo_tree_leaf_class(leaf)];

	return (struct geo_leaf){ .order = map->compiled.orders +
					   (size_t) class->order * map->places->pop_count,
				  .regions = class->regions,
				  .class = geo_tree_leaf_class(leaf),
				  .length = (uint8_t)geo_tree_leaf_length(leaf) };
}

struct geo_leaf geo_map_lookup(const struct geo_map *map, const struct addr *addr)
{
	return leaf_of(map, geo_tree_lookup(map->compiled.trees[family_index(addr->family)],
					    word(addr, 0), word(addr, 1)));
}

/* Each a step on, until none is under way. */
static void walks_walk(struct geo_tree_walk *walks, size_t count)
{
	uint8_t under_way[GEO_LOOKUPS_MAX];

	for (size_t i = 0; i < count; i++)
		under_way[i] = (uint8_t)i;
	while (count > 0) {
		size_t left = 0;

		for (size_t i = 0; i < count; i++) {
			struct geo_tree_walk *walk = &walks[under_way[i]];

			under_way[left] = under_way[i];
			left += geo_tree_walk_step(walk);
			__builtin_prefetch(geo_tree_walk_at(walk));
		}
		count = left;
	}
}

void geo_map_lookup_all(const struct geo_map *map, const struct addr *addrs, size_t count,
			struct geo_leaf *leaves)
{
	struct geo_tree_walk walks[GEO_LOOKUPS_MAX];

	for (size_t i = 0; i < count; i++) {
		walks[i] = geo_tree_walk_begin(map->compiled.trees[family_index(addrs[i].family)],
					       word(&addrs[i], 0), word(&addrs[i], 1));
		__builtin_prefetch(geo_tree_walk_at(&walks[i]));
	}
	walks_walk(walks, count);
	for (size_t i = 0; i < count; i++)
		__builtin_prefetch(&map->compiled.classes[geo_tree_leaf_class(*walks[i].entry)]);
	for (size_t i = 0; i < count; i++) {
		leaves[i] = leaf_of(map, *walks[i].entry);
		__builtin_prefetch(leaves[i].order);
	}
}

const struct geo_tree *geo_map_tree(const struct geo_map *map, enum addr_family family)
{
	return map->compiled.trees[family_index((uint8_t)family)];
}

const struct geo_class *geo_map_classes(const struct geo_map *map, size_t *count)
{
	*count = map->compiled.class_count;
	return map->compiled.classes;
}

const uint16_t *geo_map_orders(const struct geo_map *map, size_t *count)
{
	*count = map->compiled.order_count;
	return map->compiled.orders;
}

size_t geo_map_leaf_count(const struct geo_map *map)
{
	return (size_t)map->compiled.trees[0]->prefix_count + map->compiled.trees[1]->prefix_count;
}

size_t geo_map_order_count(const struct geo_map *map)
{
	return map->compiled.order_count;
}

size_t geo_map_class_count(const struct geo_map *map)
{
	return map->compiled.class_count;
}

size_t geo_map_size(const struct geo_map *map)
{
	return geo_tree_size(map->compiled.trees[0]) + geo_tree_size(map->compiled.trees[1]) +
	       map->compiled.class_count * sizeof(struct geo_class) +
	       map->compiled.order_count * map->places->pop_count * sizeof(uint16_t);
}

const struct geo_database_info *geo_map_database(const struct geo_map *map, size_t index)
{
	return &map->databases[index];
}

bool geo_map_knows(const struct geo_map *map, enum geo_source by)
{
	switch (by) {
	case GEO_BY_ASN:
		return map->compiled.facts & GEO_FACTS_ASN;
	case GEO_BY_COUNTRY:
		return map->compiled.facts & GEO_FACTS_COUNTRY;
	case GEO_BY_CONTINENT: /* countries lie in one */
		return map->compiled.facts & (GEO_FACTS_CONTINENT | GEO_FACTS_COUNTRY);
	case GEO_BY_DATABASE:
		return map->compiled.facts & GEO_FACTS_PLACE;
	case GEO_BY_PREFIX:
	case GEO_BY_DEFAULT:
	case GEO_BY_NOTHING:
		break;
	}
	return true;
}

/* What one database has to add; false when its file is not what it was. */
static bool database_ask(const struct geo_map *map, size_t index, const struct addr *addr,
			 struct geo_reason *reason, struct geo_facts *reduced)
{
	const struct geo_database_info *info = &map->databases[index];
	struct geo_database_error err;
	struct geo_database *db = geo_database_open(info->path, GEO_DATABASE_LOOK, &err);
	struct geo_facts facts;
	bool known =
		db && geo_database_is(db, info, &err) && geo_database_find(db, addr, &facts, &err);

	geo_database_close(db);
	if (!known) {
		reason->err.database = index;
		memcpy(reason->err.text, err.text, sizeof(reason->err.text));
		return false;
	}
	geo_facts_complete(&reason->facts, &facts);
	geo_rules_reduce(&map->rules, &facts);
	geo_facts_complete(reduced, &facts);
	return true;
}

struct geo_reason geo_map_explain(const struct geo_map *map, const struct addr *addr)
{
	struct geo_reason reason = { .facts_known = true };
	struct geo_facts reduced = { .asn = 0 };
	uint64_t regions;
	uint32_t network = geo_prefixes_find(&map->prefixes, addr, &regions);

	for (size_t i = 0; i < map->places->database_count; i++) {
		if (!database_ask(map, i, addr, &reason, &reduced))
			reason.facts_known = false;
	}
	reason.decision = geo_rules_decide(
		&map->rules, network == GEO_PREFIX_NONE ? NULL : &map->places->networks[network],
		&reduced);
	reason.decision.regions = geo_map_lookup(map, addr).regions;
	return reason;
}
