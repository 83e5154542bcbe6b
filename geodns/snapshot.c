/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/snapshot.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/dnssec/keys.h"
#include "geodns/secrets.h"
#include "geodns/tls/credentials.h"
#include "geodns/zone/load.h"
#include "lib/alloc.h"

static void mistake(struct conf_error *err, const char *reason, const char *path, size_t index,
		    const char *key)
{
	err->set = true;
	snprintf(err->path, sizeof(err->path), "%s[%zu].%s", path, index, key);
	snprintf(err->reason, sizeof(err->reason), "%.199s", reason);
}

/* At most a quarter full, so that what is not there is soon known. */
static void zones_hash(struct catalog *catalog)
{
	size_t size = 4;

	while (size < 4 * catalog->conf->zone_count)
		size *= 2;
	catalog->by_apex = xcalloc(size, sizeof(*catalog->by_apex));
	catalog->by_apex_size = size;
	for (size_t i = 0; i < catalog->conf->zone_count; i++) {
		const uint32_t hash = zone_apex(catalog->zones[i])->hash;
		size_t at = hash & (size - 1);

		while (catalog->by_apex[at].zone)
			at = (at + 1) & (size - 1);
		catalog->by_apex[at] = (struct catalog_apex){ catalog->zones[i], hash };
	}
}

static struct zone *apex_find(const struct catalog *catalog, const uint8_t *name, uint32_t hash)
{
	const size_t mask = catalog->by_apex_size - 1;
	const struct catalog_apex *apex;

	for (size_t at = hash & mask; (apex = &catalog->by_apex[at])->zone; at = (at + 1) & mask) {
		if (apex->hash == hash && dns_name_equal(zone_apex(apex->zone)->name, name))
			return apex->zone;
	}
	return NULL;
}

/* The zone of the longest suffix that is an apex, of those that begin with the label or later. */
static struct zone *zone_of_path(const struct catalog *catalog, const struct dns_path *path,
				 unsigned label)
{
	for (; label < path->count; label++) {
		struct zone *zone =
			apex_find(catalog, path->name + path->at[label], path->hash[label]);

		if (zone)
			return zone;
	}
	return apex_find(catalog, (const uint8_t *)"", DNS_PATH_ROOT_HASH);
}

static bool names_place(struct catalog *catalog, struct conf_error *err)
{
	const struct geodns_conf *conf = catalog->conf;
	struct zone_error zone_err;

	for (size_t i = 0; i < conf->name_count; i++) {
		struct dns_path path;
		struct zone *zone;

		dns_path_init(&path, conf->names[i].owner);
		zone = zone_of_path(catalog, &path, 0);
		if (!zone) {
			mistake(err, "lies in none of the zones", "names", i, "name");
			return false;
		}
		if (!zone_geo_add(zone, &conf->names[i], &zone_err)) {
			mistake(err, zone_err.text, "names", i, "name");
			return false;
		}
	}
	for (size_t i = 0; i < conf->zone_count; i++) {
		if (!zone_check(catalog->zones[i], &zone_err)) {
			mistake(err, zone_err.text, "zones", i, "file");
			return false;
		}
	}
	return true;
}

/* The names that are found as they are, by the very look-up that this saves. */
static void names_index(struct catalog *catalog)
{
	size_t count = 0;

	for (size_t i = 0; i < catalog->conf->zone_count; i++)
		count += zone_name_count(catalog->zones[i]);
	catalog->index = zone_index_new(count);
	for (size_t i = 0; i < catalog->conf->zone_count; i++) {
		const struct zone *zone = catalog->zones[i];

		for (const struct zone_node *n = zone_nodes(zone); n; n = n->next_of_all) {
			struct dns_path path;

			dns_path_init(&path, n->name);
			if (zone_of_path(catalog, &path, 0) == zone &&
			    zone_path_lookup(zone, &path, false).found == ZONE_EXACT)
				zone_index_add(catalog->index, zone, n);
		}
	}
}

static bool tls_load(struct catalog *catalog, const char *folder, struct conf_error *err)
{
	const struct geodns_conf_tls *tls = &catalog->conf->tls;
	struct tls_credentials_error tls_err;

	if (tls->listen_count == 0)
		return true;
	catalog->tls = tls_credentials_load(tls->certificate, tls->key, folder, &tls_err);
	if (catalog->tls)
		return true;
	err->set = true;
	snprintf(err->path, sizeof(err->path), "tls.%s", tls_err.key);
	snprintf(err->reason, sizeof(err->reason), "%s", tls_err.text);
	return false;
}

/* A rule that no database has ever heard of would never be followed, and nobody would know why. */
static bool rule_unknown(struct conf_error *err, enum geo_source by)
{
	err->set = true;
	snprintf(err->reason, sizeof(err->reason), "none of the databases knows the %s of anybody",
		 by == GEO_BY_ASN ? "ASN" : geo_source_name(by));
	return false;
}

static bool rules_check(const struct catalog *catalog, struct conf_error *err)
{
	static const char *const keys[] = { [GEO_BY_PREFIX] = "networks",
					    [GEO_BY_ASN] = "asns",
					    [GEO_BY_COUNTRY] = "countries",
					    [GEO_BY_CONTINENT] = "continents" };
	const struct geo_places *places = &catalog->conf->places;

	for (size_t i = 0; i < places->network_count; i++) {
		const enum geo_source by = places->networks[i].clients.by;

		if (geo_map_knows(catalog->map, by))
			continue;
		snprintf(err->path, sizeof(err->path), "networks[%zu].%s", i, geo_source_name(by));
		return rule_unknown(err, by);
	}
	for (size_t i = 0; i < places->region_count; i++) {
		const struct geo_region *region = &places->regions[i];

		for (size_t k = 0; k < region->client_count; k++) {
			const enum geo_source by = region->clients[k].by;

			if (geo_map_knows(catalog->map, by))
				continue;
			snprintf(err->path, sizeof(err->path), "regions.%.120s.%s", region->name,
				 keys[by]);
			return rule_unknown(err, by);
		}
	}
	return true;
}

/* Last, as it may take seconds. */
static bool map_load(struct catalog *catalog, const char *folder, struct conf_error *err)
{
	struct geo_map_error map_err;

	catalog->map = geo_map_load(&catalog->conf->places, folder, &map_err);
	if (!catalog->map)
		mistake(err, map_err.text, "databases", map_err.database, "file");
	return catalog->map;
}

static struct catalog *catalog_build(struct geodns_conf *conf, struct zone **zones,
				     const char *folder, struct conf_error *err)
{
	struct catalog *catalog = x_new(struct catalog);

	catalog->conf = conf;
	catalog->zones = zones;
	zones_hash(catalog);
	catalog->tally = tally_new(conf);
	if (names_place(catalog, err) && tls_load(catalog, folder, err) &&
	    map_load(catalog, folder, err) && rules_check(catalog, err)) {
		names_index(catalog);
		return catalog;
	}
	catalog_free(catalog);
	return NULL;
}

struct catalog *catalog_new(struct geodns_conf *conf, struct zone **zones, struct conf_error *err)
{
	return catalog_build(conf, zones, ".", err);
}

/* The keys of a zone that is to be signed. False, and err set, when it cannot be. */
static bool keys_load(const struct geodns_conf *conf, size_t index, struct zone *zone,
		      const char *folder, struct conf_error *err)
{
	const struct dnssec_options *options = &conf->zones[index].dnssec;
	struct dnssec_keys_error keys_err;
	struct zone_error zone_err;
	struct dnssec_keys *keys;

	if (!options->enabled)
		return true;
	keys = dnssec_keys_load(options, folder, &keys_err);
	if (!keys)
		mistake(err, keys_err.text, "zones", index, keys_err.key);
	else if (!zone_keys_set(zone, keys, &zone_err))
		mistake(err, zone_err.text, "zones", index, "dnssec");
	return !err->set;
}

struct catalog *catalog_load(struct geodns_conf *conf, const char *folder, struct conf_error *err)
{
	struct zone **zones = xcalloc(conf->zone_count, sizeof(struct zone *));
	struct dns_cookie_secrets secrets = { 0 };
	struct zone_error zone_err;

	for (size_t i = 0; i < conf->zone_count && !err->set; i++) {
		const struct geodns_conf_zone *z = &conf->zones[i];
		char *path =
			z->file[0] == '/' ? xstrdup(z->file) : xasprintf("%s/%s", folder, z->file);

		zones[i] = zone_load_file(z->apex, path, &zone_err);
		free(path);
		if (!zones[i])
			mistake(err, zone_err.text, "zones", i, "file");
		else if (!keys_load(conf, i, zones[i], folder, err))
			break;
	}
	if (!err->set && conf->protection.secrets_file)
		secrets_load(&secrets, folder, conf->protection.secrets_file, err);
	if (!err->set) {
		struct catalog *catalog = catalog_build(conf, zones, folder, err);

		if (catalog)
			catalog->cookie_secrets = secrets;
		return catalog;
	}
	for (size_t i = 0; i < conf->zone_count; i++)
		zone_free(zones[i]);
	free(zones);
	geodns_conf_free(conf);
	return NULL;
}

struct catalog *catalog_read(const char *path, struct conf_error *err)
{
	struct geodns_conf *conf = geodns_conf_read(path, NULL, err);
	struct catalog *catalog = NULL;
	char *copy = xstrdup(path);

	if (conf)
		catalog = catalog_load(conf, dirname(copy), err);
	free(copy);
	return catalog;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	for (size_t i = 0; i < catalog->conf->zone_count; i++)
		zone_free(catalog->zones[i]);
	free(catalog->zones);
	free(catalog->by_apex);
	free(catalog->index);
	geo_map_free(catalog->map);
	tls_credentials_unref(catalog->tls);
	tally_free(catalog->tally);
	geodns_conf_free(catalog->conf);
	free(catalog);
}

const struct zone *catalog_path_find(const struct catalog *catalog, const struct dns_path *path,
				     bool at_parent)
{
	const struct zone *zone = zone_of_path(catalog, path, 0), *parent = NULL;

	if (zone && at_parent && path->count > 0 &&
	    dns_name_labels(zone_apex(zone)->name) == path->count)
		parent = zone_of_path(catalog, path, 1);
	return parent ? parent : zone;
}

const struct zone *catalog_zone_find(const struct catalog *catalog, const uint8_t *name,
				     bool at_parent)
{
	struct dns_path path;

	dns_path_init(&path, name);
	return catalog_path_find(catalog, &path, at_parent);
}

const struct geo_name *catalog_name_find(const struct catalog *catalog, const uint8_t *owner)
{
	const struct zone *zone = catalog_zone_find(catalog, owner, false);
	const struct zone_node *node = zone ? zone_node_find(zone, owner) : NULL;

	return node ? node->geo : NULL;
}

struct snapshot *snapshot_new(const struct catalog *catalog, const struct snapshot_state *state)
{
	size_t checks = catalog->conf->check_count, pops = catalog->conf->places.pop_count;
	size_t changes = state && state->change_s ? checks : 0;
	/* One block: what is in octets, then, aligned, what is not. */
	size_t octets = (sizeof(struct snapshot) + checks + pops + 3) / 4 * 4;
	struct snapshot *snap = xcalloc(1, octets + changes * sizeof(uint32_t));

	snap->catalog = catalog;
	snap->pops = snap->health + checks;
	if (changes > 0) {
		snap->change_s = (uint32_t *)(void *)((uint8_t *)snap + octets);
		memcpy(snap->change_s, state->change_s, changes * sizeof(uint32_t));
	}
	if (state && state->health)
		memcpy(snap->health, state->health, checks);
	if (state && state->pops)
		memcpy(snap->pops, state->pops, pops);
	return snap;
}

uint8_t snapshot_scope(const struct snapshot *snap, const struct geo_name *name,
		       const struct addr *client)
{
	return geo_name_scope(name, geo_map_lookup(snap->catalog->map, client).length,
			      client->family);
}

/* Of one that is now down, or not, as asked; 0: it stays. */
static uint32_t change_s(const struct snapshot *snap, const struct geo_target *t, bool is_down)
{
	uint8_t said;

	if (t->check == GEO_NO_CHECK || (snap->health[t->check] == HEALTH_DOWN) != is_down)
		return 0;
	said = snap->pops[t->pop];
	return said == GEO_POP_UP || said == GEO_POP_DOWN ? 0 : snap->change_s[t->check];
}

/* The answer changes when one that is in it goes down, and perhaps when another one comes up. */
static uint32_t ttl_shrunk(const struct snapshot *snap, const struct geo_name *name,
			   const struct geo_choice *choice)
{
	uint32_t ttl = name->ttl, change;

	for (unsigned i = 0; i < choice->count; i++) {
		change = change_s(snap, choice->targets[i], false);
		ttl = change > 0 && change < ttl ? change : ttl;
	}
	for (size_t i = 0; i < name->target_count; i++) {
		change = change_s(snap, &name->targets[i], true);
		ttl = change > 0 && change < ttl ? change : ttl;
	}
	return ttl > name->ttl_min ? ttl : name->ttl_min;
}

uint32_t snapshot_ttl(const struct snapshot *snap, const struct geo_name *name,
		      const struct geo_choice *choice)
{
	if (!snap->change_s || name->ttl_min >= name->ttl)
		return name->ttl;
	return ttl_shrunk(snap, name, choice);
}

uint8_t snapshot_choose_in(const struct snapshot *snap, const struct geo_name *name,
			   const struct addr *client, const struct geo_leaf *leaf,
			   struct geo_choice *to)
{
	const struct geo_client geo = {
		.order = leaf->order,
		.pop_count = snap->catalog->conf->places.pop_count,
		.regions = leaf->regions,
		.network = name->by_network ? geo_network_hash(client) : 0,
	};
	const struct geo_health health = { snap->health, snap->pops };

	geo_name_choose(to, name, &geo, &health);
	to->ttl = snapshot_ttl(snap, name, to);
	return geo_name_scope(name, leaf->length, client->family);
}

struct snapshot_choice snapshot_choose(const struct snapshot *snap, const struct geo_name *name,
				       const struct addr *client)
{
	struct snapshot_choice choice = { .leaf = geo_map_lookup(snap->catalog->map, client) };

	choice.scope = snapshot_choose_in(snap, name, client, &choice.leaf, &choice.to);
	return choice;
}
