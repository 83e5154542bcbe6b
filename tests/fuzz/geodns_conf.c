/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any text is a configuration or a mistake with a reason, never both. What loads compiles, and each
 * name chooses what it may: one target at least unless it may say none, none twice, and within a
 * scope the same for all. Read name by name it is what it is as a whole.
 */
#include <stdlib.h>
#include <string.h>

#include "geodns/conf.h"
#include "geodns/geo/map.h"
#include "lib/alloc.h"

static struct geo_choice choose(const struct geodns_conf *conf, const struct geo_map *map,
				const struct geo_name *name, const struct addr *addr,
				const struct geo_health *health)
{
	const struct geo_leaf leaf = geo_map_lookup(map, addr);
	const struct geo_client client = { leaf.order, conf->places.pop_count, leaf.regions,
					   geo_network_hash(addr) };
	struct geo_choice choice;

	geo_name_choose(&choice, name, &client, health);
	return choice;
}

static void name_try(const struct geodns_conf *conf, const struct geo_map *map,
		     const struct geo_name *name, const struct geo_health *health)
{
	const struct addr addr = addr_from_ipv4(0x64400135);
	const struct geo_leaf leaf = geo_map_lookup(map, &addr);
	const struct addr first = addr_mask(&addr, geo_name_scope(name, leaf.length, ADDR_IPV4));
	const struct geo_choice a = choose(conf, map, name, &addr, health);
	const struct geo_choice b = choose(conf, map, name, &first, health);

	if (a.count > name->answers || a.count != b.count)
		abort();
	if (a.count == 0 && name->when_all_down != GEO_ALL_DOWN_NONE)
		abort();
	for (unsigned i = 0; i < a.count; i++) {
		if (a.targets[i] != b.targets[i] || (i > 0 && a.targets[i] == a.targets[i - 1]))
			abort();
	}
}

static void conf_try(const struct geodns_conf *conf)
{
	struct geo_map *map = geo_map_new(&conf->places, NULL, NULL);
	uint8_t *checks = xcalloc(conf->check_count + 1, 1);
	uint8_t *pops = xcalloc(conf->places.pop_count + 1, 1);
	const struct geo_health health = { checks, pops };

	for (unsigned state = HEALTH_UNKNOWN; state <= HEALTH_DOWN; state++) {
		for (size_t i = 0; i < conf->check_count; i++)
			checks[i] = (uint8_t)state;
		for (size_t i = 0; i < conf->places.pop_count; i++)
			pops[i] = (uint8_t)((i + state) % (GEO_POP_DRAIN + 1));
		for (size_t i = 0; i < conf->name_count; i++)
			name_try(conf, map, &conf->names[i], &health);
	}
	free(checks);
	free(pops);
	geo_map_free(map);
}

/* What has been read name by name, beside the same as a whole. */
static void whole_compare(const uint8_t *data, size_t len, const struct geodns_conf *conf,
			  const struct conf_error *err)
{
	struct conf_error whole_err = { 0 };
	json_t *json = conf_read_text((const char *)data, len, &whole_err);
	struct geodns_conf *whole = json ? geodns_conf_load(json, &whole_err) : NULL;

	if (!whole != !conf || strcmp(whole_err.path, err->path) != 0 ||
	    strcmp(whole_err.reason, err->reason) != 0)
		abort();
	if (whole &&
	    (whole->name_count != conf->name_count || whole->check_count != conf->check_count))
		abort();
	for (size_t i = 0; whole && i < whole->name_count; i++) {
		const struct geo_name *a = &whole->names[i], *b = &conf->names[i];

		if (strcmp(a->text, b->text) != 0 || a->ttl != b->ttl || a->policy != b->policy ||
		    a->target_count != b->target_count)
			abort();
	}
	geodns_conf_free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = geodns_conf_parse((const char *)data, len, NULL, &err);

	if ((conf == NULL) != err.set || (err.set && err.reason[0] == '\0'))
		abort();
	whole_compare(data, len, conf, &err);
	if (conf && conf->places.database_count == 0)
		conf_try(conf);
	geodns_conf_free(conf);
	return 0;
}
