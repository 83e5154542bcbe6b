/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/conf_places.h"

#include <string.h>

#include "geodns/geo/country.h"
#include "lib/alloc.h"
#include "lib/arena.h"

#define POPS_MAX     1024
#define NETWORKS_MAX 1000000
#define MEMBERS_MAX  100000
#define BIAS_MAX_KM  40000

static size_t pop_find(const struct geo_pop *pops, size_t count, const char *name)
{
	size_t i = 0;

	while (i < count && strcmp(pops[i].name, name) != 0)
		i++;
	return i;
}

size_t geodns_conf_pop_find(const struct geodns_conf *conf, const char *name)
{
	return pop_find(conf->places.pops, conf->places.pop_count, name);
}

static void pops_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf list = conf_array(root, "pops", 0, POPS_MAX);
	size_t count = conf_count(&list);
	struct geo_pop *pops = arena_new_array(conf->arena, struct geo_pop, count);
	uint8_t *dials = arena_new_array(conf->arena, uint8_t, count);

	conf->dials = dials;
	conf->places.pops = pops;
	conf->places.pop_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct conf item = conf_item(&list, i);
		const struct conf at = conf_require(&item, "at");

		CONF_KEYS(&item, "name", "at", "bias_km", "dial");
		pops[i].name = conf_name(&item, "name");
		pops[i].at = geo_point_load(&at);
		pops[i].bias_km = conf_number(&item, "bias_km", -BIAS_MAX_KM, BIAS_MAX_KM, 0);
		dials[i] = (uint8_t)conf_int(&item, "dial", 0, GEO_DIAL_MAX, GEO_DIAL_MAX);
		if (pop_find(pops, i, pops[i].name) < i)
			conf_fail(&item, "pop '%s' is there twice", pops[i].name);
	}
}

static void databases_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf list = conf_array(root, "databases", 0, GEO_DATABASES_MAX);
	size_t count = conf_count(&list);
	const char **files = arena_new_array(conf->arena, const char *, count);

	for (size_t i = 0; i < count; i++) {
		const struct conf item = conf_item(&list, i);

		CONF_KEYS(&item, "file");
		files[i] = conf_string(&item, "file", CONF_REQUIRED_STRING);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(files[k], files[i]) == 0)
				conf_fail(&item, "the same file as databases[%zu]", k);
		}
	}
	conf->places.databases = files;
	conf->places.database_count = count;
}

static uint32_t country_load(const struct conf *at)
{
	const char *text = conf_as_string(at);
	uint16_t code = geo_code_parse(text, strlen(text));

	if (geo_country_continent(code) == 0)
		conf_fail(at, "'%.20s' is not a country such as DE (ISO 3166)", text);
	return code;
}

static uint32_t continent_load(const struct conf *at)
{
	const char *text = conf_as_string(at);
	uint16_t code = geo_code_parse(text, strlen(text));

	if (!geo_continent_is_known(code))
		conf_fail(at, "'%.20s' is not one of AF, AN, AS, EU, NA, OC and SA", text);
	return code;
}

/* The clients that a value of that kind means. */
static struct geo_clients clients_load(const struct geodns_conf *conf, const struct conf *at,
				       enum geo_source by)
{
	struct geo_clients clients = { .by = by };

	if (by == GEO_BY_PREFIX)
		clients.prefix = conf_as_prefix(at);
	else if (by == GEO_BY_ASN)
		clients.key = (uint32_t)conf_as_int(at, 1, UINT32_MAX - 1);
	else if (by == GEO_BY_COUNTRY)
		clients.key = country_load(at);
	else
		clients.key = continent_load(at);
	if (by != GEO_BY_PREFIX && conf->places.database_count == 0)
		conf_fail(at, "there are no databases that tell it of a client");
	return clients;
}

/* Of the keys that say whose network it is, the one that is there. */
static struct geo_clients network_clients_load(const struct geodns_conf *conf,
					       const struct conf *item)
{
	static const char *const keys[] = { [GEO_BY_PREFIX] = "prefix",
					    [GEO_BY_ASN] = "asn",
					    [GEO_BY_COUNTRY] = "country",
					    [GEO_BY_CONTINENT] = "continent" };
	struct geo_clients clients = { .by = GEO_BY_PREFIX };
	unsigned found = 0;

	for (enum geo_source by = GEO_BY_PREFIX; by <= GEO_BY_CONTINENT; by++) {
		const struct conf at = conf_get(item, keys[by]);

		if (at.json && found++ == 0)
			clients = clients_load(conf, &at, by);
	}
	if (found != 1)
		conf_fail(item, "needs one of prefix, asn, country and continent");
	return clients;
}

static void network_pops_load(struct geodns_conf *conf, const struct conf *item,
			      struct geo_network *network)
{
	const struct conf list = conf_array(item, "pops", 1, POPS_MAX);
	size_t count = conf_count(&list);
	uint16_t *pops = arena_new_array(conf->arena, uint16_t, count);

	for (size_t i = 0; i < count; i++) {
		const struct conf at = conf_item(&list, i);
		const char *name = conf_as_string(&at);
		size_t pop = geodns_conf_pop_find(conf, name);

		if (pop == conf->places.pop_count)
			conf_fail(&at, "unknown pop '%.60s'", name);
		pops[i] = (uint16_t)pop;
		for (size_t k = 0; k < i; k++) {
			if (pops[k] == pops[i])
				conf_fail(&at, "pop '%.60s' is there twice", name);
		}
	}
	network->pops = pops;
	network->pop_count = count;
}

static int clients_compare(const struct geo_clients *a, const struct geo_clients *b)
{
	if (a->by != b->by)
		return a->by < b->by ? -1 : 1;
	if (a->by == GEO_BY_PREFIX)
		return prefix_compare(&a->prefix, &b->prefix);
	return a->key < b->key ? -1 : a->key > b->key;
}

static int network_compare(const void *a, const void *b)
{
	const struct geo_network *const *x = a, *const *y = b;

	return clients_compare(&(*x)->clients, &(*y)->clients);
}

static void networks_unique(const struct conf *list, const struct geo_network *networks,
			    size_t count)
{
	const struct geo_network **sorted = xcalloc(count + 1, sizeof(const struct geo_network *));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &networks[i];
	qsort(sorted, count, sizeof(const struct geo_network *), network_compare);
	for (size_t i = 1; i < count; i++) {
		const struct geo_network *a = sorted[i - 1], *b = sorted[i];

		if (clients_compare(&a->clients, &b->clients) == 0) {
			const struct conf at =
				conf_item(list, (size_t)((a > b ? a : b) - networks));

			conf_fail(&at, "the same %s as networks[%zu]",
				  geo_source_name(a->clients.by),
				  (size_t)((a > b ? b : a) - networks));
		}
	}
	free(sorted);
}

static void networks_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf list = conf_array(root, "networks", 0, NETWORKS_MAX);
	size_t count = conf_count(&list);
	struct geo_network *networks = arena_new_array(conf->arena, struct geo_network, count);

	for (size_t i = 0; i < count; i++) {
		const struct conf item = conf_item(&list, i);
		const struct conf at = conf_get(&item, "at");

		CONF_KEYS(&item, "prefix", "asn", "country", "continent", "at", "pops");
		networks[i].clients = network_clients_load(conf, &item);
		if (!at.json == !conf_has(&item, "pops"))
			conf_fail(&item, "needs one of at and pops");
		else if (at.json)
			networks[i].at = geo_point_load(&at);
		else
			network_pops_load(conf, &item, &networks[i]);
	}
	networks_unique(&list, networks, count);
	conf->places.networks = networks;
	conf->places.network_count = count;
}

static void region_load(struct geodns_conf *conf, const struct conf *at, struct geo_region *region)
{
	static const char *const keys[] = { [GEO_BY_PREFIX] = "networks",
					    [GEO_BY_ASN] = "asns",
					    [GEO_BY_COUNTRY] = "countries",
					    [GEO_BY_CONTINENT] = "continents" };
	struct geo_clients *clients;
	size_t room = 0;

	CONF_KEYS(at, "networks", "asns", "countries", "continents");
	for (enum geo_source by = GEO_BY_PREFIX; by <= GEO_BY_CONTINENT; by++) {
		const struct conf list = conf_array(at, keys[by], 0, MEMBERS_MAX);

		room += conf_count(&list);
	}
	if (room == 0)
		conf_fail(at, "is empty");
	clients = arena_new_array(conf->arena, struct geo_clients, room);
	for (enum geo_source by = GEO_BY_PREFIX; by <= GEO_BY_CONTINENT; by++) {
		const struct conf list = conf_array(at, keys[by], 0, MEMBERS_MAX);

		for (size_t i = 0; i < conf_count(&list); i++) {
			const struct conf item = conf_item(&list, i);

			clients[region->client_count++] = clients_load(conf, &item, by);
		}
	}
	region->clients = clients;
}

static void regions_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf object = conf_get(root, "regions");
	struct geo_region *regions;
	const char *key;
	json_t *value;

	if (!object.json)
		return;
	if (!json_is_object(object.json) || json_object_size(object.json) > GEO_REGIONS_MAX) {
		conf_fail(&object, "expected an object with up to %d regions", GEO_REGIONS_MAX);
		return;
	}
	regions = arena_new_array(conf->arena, struct geo_region, json_object_size(object.json));
	conf->places.regions = regions;
	json_object_foreach (object.json, key, value) {
		const struct conf at = conf_get(&object, key);
		struct geo_region *region = &regions[conf->places.region_count++];

		region->name = key;
		region_load(conf, &at, region);
	}
}

void geodns_conf_places_load(struct geodns_conf *conf, const struct conf *root)
{
	pops_load(conf, root);
	databases_load(conf, root);
	networks_load(conf, root);
	regions_load(conf, root);
	conf->places.has_default = conf_has(root, "default_at");
	if (conf->places.has_default) {
		const struct conf at = conf_get(root, "default_at");

		conf->places.default_at = geo_point_load(&at);
	}
}
