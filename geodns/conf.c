/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/conf.h"

#include <string.h>

#include "geodns/conf_places.h"
#include "geodns/dns/name.h"
#include "lib/alloc.h"
#include "lib/arena.h"

#define LISTEN_MAX    16
#define ZONES_MAX     64
#define POPS_MAX      1024
#define NAMES_MAX     10000
#define ADDRESSES_MAX 16
#define TTL_MAX	      86400

static const uint8_t *name_load(struct geodns_conf *conf, const struct conf *object,
				const char **text)
{
	const struct conf at = conf_get(object, "name");
	uint8_t wire[DNS_NAME_MAX];
	size_t len;

	*text = conf_as_string(&at);
	len = dns_name_parse(wire, *text);
	if (len == 0) {
		conf_fail(&at, "'%.80s' is not a domain name", *text);
		return (const uint8_t *)"";
	}
	return arena_memdup(conf->arena, wire, len);
}

static void listen_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf list = conf_array(root, "listen", 1, LISTEN_MAX);

	conf->listen_count = conf_count(&list);
	conf->listen = arena_new_array(conf->arena, struct endpoint, conf->listen_count);
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf at = conf_item(&list, i);
		const char *text = conf_as_string(&at);

		if (!endpoint_parse(&conf->listen[i], text, 53))
			conf_fail(&at, "'%.60s' is not an address and port such as 192.0.2.1:53",
				  text);
		for (size_t k = 0; k < i; k++) {
			if (addr_equal(&conf->listen[k].addr, &conf->listen[i].addr) &&
			    conf->listen[k].port == conf->listen[i].port)
				conf_fail(&at, "'%.60s' is there twice", text);
		}
	}
}

static void server_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf api = conf_get(root, "api");
	const struct conf tcp = conf_get(root, "tcp");

	listen_load(conf, root);
	conf->threads = (unsigned)conf_int(root, "threads", 1, 64, 1);
	if (conf_has(root, "identity"))
		conf->identity = conf_name(root, "identity");
	conf->has_api = api.json;
	if (conf->has_api)
		http_options_load(&api, &conf->api, &conf->api_token);
	if (tcp.json)
		CONF_KEYS(&tcp, "connections", "per_client", "idle_ms");
	conf->tcp_connections = (unsigned)conf_int(&tcp, "connections", 1, 100000, 512);
	conf->tcp_per_client = (unsigned)conf_int(&tcp, "per_client", 1, 100000, 32);
	conf->tcp_idle_ms = (unsigned)conf_int(&tcp, "idle_ms", 100, 3600000, 10000);
}

static void zones_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf list = conf_array(root, "zones", 1, ZONES_MAX);

	conf->zone_count = conf_count(&list);
	conf->zones = arena_new_array(conf->arena, struct geodns_conf_zone, conf->zone_count);
	for (size_t i = 0; i < conf->zone_count; i++) {
		const struct conf at = conf_item(&list, i);
		struct geodns_conf_zone *zone = &conf->zones[i];

		CONF_KEYS(&at, "name", "file");
		zone->apex = name_load(conf, &at, &zone->text);
		zone->file = conf_string(&at, "file", CONF_REQUIRED_STRING);
		for (size_t k = 0; k < i; k++) {
			if (dns_name_equal(conf->zones[k].apex, zone->apex))
				conf_fail(&at, "zone '%.80s' is there twice", zone->text);
		}
	}
}

static bool strings_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool specs_equal(const struct check_spec *a, const struct check_spec *b)
{
	return addr_equal(&a->target.addr, &b->target.addr) && strings_equal(a->path, b->path) &&
	       strings_equal(a->host, b->host) && strings_equal(a->match, b->match);
}

/* The check of that name (the same entry in "checks"), PoP and question, made if it is new. */
static size_t check_intern(struct geodns_conf *conf, const struct geodns_conf_check *wanted)
{
	for (size_t i = 0; i < conf->check_count; i++) {
		const struct geodns_conf_check *c = &conf->checks[i];

		if (strcmp(c->name, wanted->name) == 0 && c->pop == wanted->pop &&
		    specs_equal(&c->spec, &wanted->spec))
			return i;
	}
	conf->checks = xreallocarray(conf->checks, conf->check_count + 1, sizeof(*conf->checks));
	conf->checks[conf->check_count] = *wanted;
	return conf->check_count++;
}

/* A target's own words on top of the check that it names. */
static size_t target_check_load(struct geodns_conf *conf, const struct conf *root,
				const struct conf *item, size_t pop)
{
	const struct conf at = conf_get(item, "check");
	const struct conf checks = conf_get(root, "checks");
	struct geodns_conf_check wanted = { .pop = pop };
	const struct addr nowhere = { .family = ADDR_IPV4 };
	struct conf check;

	if (!at.json) {
		static const char *const needless[] = { "address", "path", "match", "host" };

		for (size_t i = 0; i < 4; i++) {
			const struct conf key = conf_get(item, needless[i]);

			if (key.json)
				conf_fail(&key, "means nothing without a check");
		}
		return GEO_NO_CHECK;
	}
	wanted.name = conf_as_string(&at);
	check = conf_get(&checks, wanted.name);
	if (!check.json) {
		conf_fail(&at, "unknown check '%.60s'", wanted.name);
		return GEO_NO_CHECK;
	}
	check_spec_load(&check, &nowhere, &wanted.spec);
	wanted.spec.target.addr = conf_addr(item, "address");
	if (wanted.spec.type == CHECK_HTTP) {
		check_question_load(item, &wanted.spec);
	} else if (conf_has(item, "path") || conf_has(item, "match") || conf_has(item, "host")) {
		conf_fail(item, "check '%.60s' is of type tcp: no path, match or host",
			  wanted.name);
	}
	return check_intern(conf, &wanted);
}

static const struct addr *addresses_load(struct geodns_conf *conf, const struct conf *item,
					 const char *key, enum addr_family family, size_t *count)
{
	const struct conf list = conf_array(item, key, 0, ADDRESSES_MAX);
	struct addr *addrs;

	*count = conf_count(&list);
	addrs = arena_new_array(conf->arena, struct addr, *count);
	for (size_t i = 0; i < *count; i++) {
		const struct conf at = conf_item(&list, i);

		addrs[i] = conf_as_addr(&at);
		if (addrs[i].family != family)
			conf_fail(&at, "is not an IPv%d address", (int)family);
		for (size_t k = 0; k < i; k++) {
			if (addr_equal(&addrs[k], &addrs[i]))
				conf_fail(&at, "the same address as %s[%zu]", key, k);
		}
	}
	return addrs;
}

static void target_load(struct geodns_conf *conf, const struct conf *root, const struct conf *item,
			struct geo_target *out)
{
	const struct conf pop = conf_get(item, "pop");
	const char *pop_name = conf_as_string(&pop);

	CONF_KEYS(item, "pop", "a", "aaaa", "check", "address", "path", "match", "host");
	out->pop = geodns_conf_pop_find(conf, pop_name);
	if (out->pop == conf->places.pop_count) {
		conf_fail(&pop, "unknown pop '%.60s'", pop_name);
		out->pop = 0;
	}
	out->a = addresses_load(conf, item, "a", ADDR_IPV4, &out->a_count);
	out->aaaa = addresses_load(conf, item, "aaaa", ADDR_IPV6, &out->aaaa_count);
	if (out->a_count + out->aaaa_count == 0)
		conf_fail(item, "has neither a nor aaaa");
	out->check = target_check_load(conf, root, item, out->pop);
}

static void targets_load(struct geodns_conf *conf, const struct conf *root,
			 const struct conf *object, struct geo_name *name)
{
	const struct conf list = conf_array(object, "pops", 1, POPS_MAX);
	size_t count = conf_count(&list);
	struct geo_target *targets = arena_new_array(conf->arena, struct geo_target, count);
	int *of_pop = arena_new_array(conf->arena, int, conf->places.pop_count + 1);

	for (size_t i = 0; i < conf->places.pop_count; i++)
		of_pop[i] = GEO_NO_TARGET;
	for (size_t i = 0; i < count; i++) {
		const struct conf item = conf_item(&list, i);
		struct geo_target *t = &targets[i];

		target_load(conf, root, &item, t);
		if (of_pop[t->pop] != GEO_NO_TARGET)
			conf_fail(&item, "pop '%s' is there twice",
				  conf->places.pop_count ? conf->places.pops[t->pop].name : "");
		of_pop[t->pop] = (int)i;
		if (!t->a_count != !targets[0].a_count || !t->aaaa_count != !targets[0].aaaa_count)
			conf_fail(&item, "must have %s, as pops[0] has",
				  targets[0].a_count && targets[0].aaaa_count ? "a and aaaa"
				  : targets[0].a_count			      ? "a only"
									      : "aaaa only");
	}
	name->targets = targets;
	name->target_count = count;
	name->target_of_pop = of_pop;
}

static void names_load(struct geodns_conf *conf, const struct conf *root)
{
	static const char *const policies[] = { "nearest", NULL };
	static const char *const all_down[] = {
		[GEO_ALL_DOWN_ALL] = "all", [GEO_ALL_DOWN_NONE] = "none", NULL
	};
	const struct conf list = conf_array(root, "names", 0, NAMES_MAX);

	conf->name_count = conf_count(&list);
	conf->names = arena_new_array(conf->arena, struct geo_name, conf->name_count);
	for (size_t i = 0; i < conf->name_count; i++) {
		const struct conf at = conf_item(&list, i);
		struct geo_name *name = &conf->names[i];

		CONF_KEYS(&at, "name", "ttl", "policy", "when_all_down", "pops");
		name->owner = name_load(conf, &at, &name->text);
		name->ttl = (uint32_t)conf_int(&at, "ttl", 0, TTL_MAX, 30);
		conf_choice(&at, "policy", policies, 0);
		name->when_all_down = (enum geo_when_all_down)conf_choice(
			&at, "when_all_down", all_down, GEO_ALL_DOWN_ALL);
		targets_load(conf, root, &at, name);
	}
}

/* Those that no target names must be right too. */
static void checks_load(const struct conf *root)
{
	const struct conf checks = conf_get(root, "checks");
	const struct addr nowhere = { .family = ADDR_IPV4 };
	const char *key;
	json_t *value;

	if (!checks.json)
		return;
	if (!json_is_object(checks.json)) {
		conf_fail(&checks, "expected an object");
		return;
	}
	json_object_foreach (checks.json, key, value) {
		const struct conf at = conf_get(&checks, key);
		const struct conf address = conf_get(&at, "address");
		struct check_spec spec;

		if (address.json)
			conf_fail(&address, "belongs to each entry of names[].pops");
		check_spec_load(&at, &nowhere, &spec);
	}
}

struct geodns_conf *geodns_conf_load(json_t *json, struct conf_error *err)
{
	struct geodns_conf *conf = x_new(struct geodns_conf);
	const struct conf root = conf_root(json, err);

	conf->json = json;
	conf->arena = arena_new();
	CONF_KEYS(&root, "version", "listen", "threads", "identity", "api", "tcp", "zones", "pops",
		  "networks", "default_at", "databases", "regions", "checks", "names");
	conf_int(&root, "version", 1, 1, CONF_REQUIRED);
	server_load(conf, &root);
	zones_load(conf, &root);
	geodns_conf_places_load(conf, &root);
	checks_load(&root);
	if (!err->set)
		names_load(conf, &root);
	if (!err->set)
		return conf;
	geodns_conf_free(conf);
	return NULL;
}

struct geodns_conf *geodns_conf_read(const char *path, struct conf_error *err)
{
	json_t *json = conf_read_file(path, err);

	return json ? geodns_conf_load(json, err) : NULL;
}

void geodns_conf_free(struct geodns_conf *conf)
{
	if (!conf)
		return;
	json_decref(conf->json);
	arena_free(conf->arena);
	free(conf->checks);
	free(conf->api_token);
	free(conf);
}
