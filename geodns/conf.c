/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/conf.h"

#include "geodns/conf_parts.h"
#include "geodns/dns/name.h"
#include "lib/alloc.h"
#include "lib/arena.h"

#define LISTEN_MAX 16
#define ZONES_MAX  64

const uint8_t *geodns_conf_domain_load(struct geodns_conf *conf, const struct conf *at,
				       const char **text)
{
	const char *string = conf_as_string(at);
	uint8_t wire[DNS_NAME_MAX];
	size_t len = dns_name_parse(wire, string);

	if (text)
		*text = arena_strdup(conf->arena, string);
	if (len == 0) {
		conf_fail(at, "'%.80s' is not a domain name", string);
		return (const uint8_t *)"";
	}
	return arena_memdup(conf->arena, wire, len);
}

static bool is_among(const struct endpoint *list, size_t count, const struct endpoint *ep)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_equal(&list[i].addr, &ep->addr) && list[i].port == ep->port)
			return true;
	}
	return false;
}

/* others: on which something listens already. */
static struct endpoint *listen_load(struct geodns_conf *conf, const struct conf *list,
				    uint16_t port, const struct endpoint *others,
				    size_t other_count)
{
	size_t count = conf_count(list);
	struct endpoint *listen = arena_new_array(conf->arena, struct endpoint, count);

	for (size_t i = 0; i < count; i++) {
		const struct conf at = conf_item(list, i);
		const char *text = conf_as_string(&at);

		if (!endpoint_parse(&listen[i], text, port))
			conf_fail(&at, "'%.60s' is not an address and port such as 192.0.2.1:%u",
				  text, port);
		if (is_among(listen, i, &listen[i]) || is_among(others, other_count, &listen[i]))
			conf_fail(&at, "'%.60s' is there twice", text);
	}
	return listen;
}

static void tls_load(struct geodns_conf *conf, const struct conf *tls)
{
	const struct conf list = conf_array(tls, "listen", 1, LISTEN_MAX);

	CONF_KEYS(tls, "listen", "certificate", "key");
	conf->tls.listen = listen_load(conf, &list, 853, conf->listen, conf->listen_count);
	conf->tls.listen_count = conf_count(&list);
	conf->tls.certificate = conf_string(tls, "certificate", CONF_REQUIRED_STRING);
	conf->tls.key = conf_string(tls, "key", CONF_REQUIRED_STRING);
}

static void server_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf api = conf_get(root, "api");
	const struct conf tcp = conf_get(root, "tcp");
	const struct conf tls = conf_get(root, "tls");
	const struct conf list = conf_array(root, "listen", 1, LISTEN_MAX);
	const struct conf xdp = conf_get(root, "xdp");

	conf->listen = listen_load(conf, &list, 53, NULL, 0);
	conf->listen_count = conf_count(&list);
	conf->threads = (unsigned)conf_int(root, "threads", 1, 64, 1);
	if (conf_has(root, "identity"))
		conf->identity = conf_name(root, "identity");
	conf->state_file = conf_string(root, "state_file", NULL);
	conf->has_api = api.json;
	if (conf->has_api)
		http_options_load(&api, &conf->api, &conf->api_token);
	if (tcp.json)
		CONF_KEYS(&tcp, "connections", "per_client", "idle_ms");
	conf->tcp_connections = (unsigned)conf_int(&tcp, "connections", 1, 100000, 512);
	conf->tcp_per_client = (unsigned)conf_int(&tcp, "per_client", 1, 100000, 32);
	conf->tcp_idle_ms = (unsigned)conf_int(&tcp, "idle_ms", 100, 3600000, 10000);
	if (tls.json)
		tls_load(conf, &tls);
	xdp_options_load(&xdp, &conf->xdp);
}

static void zones_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf list = conf_array(root, "zones", 1, ZONES_MAX);

	conf->zone_count = conf_count(&list);
	conf->zones = arena_new_array(conf->arena, struct geodns_conf_zone, conf->zone_count);
	for (size_t i = 0; i < conf->zone_count; i++) {
		const struct conf at = conf_item(&list, i);
		const struct conf name = conf_get(&at, "name");
		const struct conf dnssec = conf_get(&at, "dnssec");
		struct geodns_conf_zone *zone = &conf->zones[i];

		CONF_KEYS(&at, "name", "file", "dnssec");
		zone->apex = geodns_conf_domain_load(conf, &name, &zone->text);
		zone->file = conf_string(&at, "file", CONF_REQUIRED_STRING);
		dnssec_options_load(&dnssec, &zone->dnssec);
		for (size_t k = 0; k < i; k++) {
			if (dns_name_equal(conf->zones[k].apex, zone->apex))
				conf_fail(&at, "zone '%.80s' is there twice", zone->text);
		}
	}
}

/* Takes json over. names: those that are not in it, or NULL. */
static struct geodns_conf *load(json_t *json, struct conf_series *names, struct conf_error *err)
{
	struct geodns_conf *conf = x_new(struct geodns_conf);
	const struct conf root = conf_root(json, err);
	const struct conf dnssec = conf_get(&root, "dnssec");

	conf->json = json;
	conf->arena = arena_new();
	CONF_KEYS(&root, "version", "listen", "threads", "identity", "api", "tcp", "tls", "xdp",
		  "dnssec", "state_file", "zones", "pops", "networks", "default_at", "databases",
		  "regions", "checks", "names", "cookies", "rate_limit");
	conf_int(&root, "version", 1, 1, CONF_REQUIRED);
	server_load(conf, &root);
	geodns_conf_protection_load(conf, &root);
	zones_load(conf, &root);
	dnssec_limits_load(&dnssec, &conf->dnssec);
	geodns_conf_places_load(conf, &root);
	geodns_conf_checks_load(conf, &root);
	if (!err->set)
		geodns_conf_names_load(conf, &root, names);
	geodns_conf_checker_free(conf);
	if (!err->set && (!names || conf_series_is_done(names)))
		return conf;
	geodns_conf_free(conf);
	return NULL;
}

struct geodns_conf *geodns_conf_load(json_t *json, struct conf_error *err)
{
	return load(json, NULL, err);
}

/*
 * One by one: 100 000 names as a tree are 500 MiB. NULL for any mistake, and err set if it is what
 * the document means. *document: as for geodns_conf_parse(), or NULL.
 */
static struct geodns_conf *load_by_names(const char *text, size_t len, json_t **document,
					 struct conf_error *err)
{
	struct conf_series *names = conf_series_new(text, len, "names", GEODNS_NAMES_MAX);
	struct conf_error first = { 0 };
	struct geodns_conf *conf = NULL;

	*document = names ? conf_series_around(names) : NULL;
	if (*document) {
		conf = load(json_incref(*document), names, &first);
		if (!conf && conf_series_finish(names, json_object_get(*document, "names")))
			*err = first;
	}
	conf_series_free(names);
	return conf;
}

struct geodns_conf *geodns_conf_parse(const char *text, size_t len, json_t **document,
				      struct conf_error *err)
{
	json_t *json;
	struct geodns_conf *conf = load_by_names(text, len, &json, err);

	/* What is wrong with the text, and where, is best told by who sees all of it. */
	if (!conf && !err->set) {
		json_decref(json);
		json = conf_read_text(text, len, err);
		conf = json ? geodns_conf_load(json_incref(json), err) : NULL;
	}
	if (document)
		*document = json;
	else
		json_decref(json);
	return conf;
}

struct geodns_conf *geodns_conf_read(const char *path, json_t **document, struct conf_error *err)
{
	struct geodns_conf *conf = NULL;
	size_t len;
	char *text = conf_read_octets(path, &len, err);

	if (text)
		conf = geodns_conf_parse(text, len, document, err);
	else if (document)
		*document = NULL;
	free(text);
	return conf;
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
