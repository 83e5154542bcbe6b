/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/api/api.h"

#include <stdio.h>

#include "geodns/dns/name.h"
#include "geodns/tls/credentials.h"
#include "lib/alloc.h"
#include "lib/metrics.h"
#include "lib/version.h"

static int healthz(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	(void)req;
	reply->json = json_pack("{s:s}", "status", "ok");
	return 200;
}

/* The name as a query would find it, so that u1 of a wildcard is explained too. */
static const struct geo_name *geo_find(const struct geodns *g, const uint8_t *qname)
{
	const struct zone *zone = catalog_zone_find(g->catalog, qname, false);
	struct zone_match match;

	if (!zone)
		return NULL;
	match = zone_lookup(zone, qname, false);
	if (match.found != ZONE_EXACT && match.found != ZONE_WILDCARD)
		return NULL;
	return match.node->geo;
}

/* Until when, by the clock on the wall; null when no cache holds anything else any more. */
static json_t *cached_until_json(const struct geodns *g, const struct geo_name *name)
{
	struct instant now = clock_now(), until = { 0 };
	struct timespec wall;
	struct tm tm;
	char text[32];

	if (g->health)
		until = health_cached_until(g->health, name);
	if (instant_reached(until, now))
		return json_null();
	clock_gettime(CLOCK_REALTIME, &wall);
	wall.tv_sec += (until.ns - now.ns) / NS_PER_S + 1;
	gmtime_r(&wall.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static int explain_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	const char *name = http_query(req, "name"), *client = http_query(req, "client");
	uint8_t qname[DNS_NAME_MAX];
	const struct geo_name *geo;
	struct prefix prefix;

	if (!name || !dns_name_parse(qname, name))
		return http_problem(reply, 400, "name", "a domain name is required");
	if (!client || !prefix_parse(&prefix, client))
		return http_problem(reply, 400, "client",
				    "an address or client subnet is required");
	geo = geo_find(g, qname);
	if (!geo)
		return http_problem(reply, 404, NULL, "'%s' is not a geographic name", name);
	reply->json = geodns_api_explain(g->store.current, geo, &prefix.addr);
	json_object_set_new(reply->json, "name", json_string(name));
	json_object_set_new(reply->json, "cached_until", cached_until_json(g, geo));
	return 200;
}

static json_t *map_json(const struct geodns *g)
{
	const struct geo_places *places = &g->catalog->conf->places;
	const struct geo_map *map = g->catalog->map;
	json_t *databases = json_array();

	for (size_t i = 0; i < places->database_count; i++) {
		const struct geo_database_info *info = geo_map_database(map, i);

		json_array_append_new(databases, json_pack("{s:s,s:s,s:I}", "file",
							   places->databases[i], "type", info->type,
							   "built", (json_int_t)info->built));
	}
	return json_pack("{s:i,s:i,s:i,s:i,s:I,s:o}", "networks", (int)places->network_count,
			 "leaves", (int)geo_map_leaf_count(map), "classes",
			 (int)geo_map_class_count(map), "orders", (int)geo_map_order_count(map),
			 "bytes", (json_int_t)geo_map_size(map), "databases", databases);
}

static void health_count(const struct geodns *g, unsigned counts[3])
{
	for (size_t i = 0; i < g->catalog->conf->check_count; i++)
		counts[g->store.current->health[i]]++;
}

/* PoPs that somebody has said something about. */
static size_t said_count(const struct geodns *g)
{
	size_t count = 0;

	for (size_t i = 0; i < g->catalog->conf->places.pop_count; i++)
		count += g->store.current->pops[i] != GEO_POP_AUTO;
	return count;
}

static struct counters counters_of(const struct geodns *g)
{
	struct counters sum = { 0 };

	if (g->udp)
		udp_server_count(g->udp, &sum);
	if (g->tcp)
		tcp_server_count(g->tcp, &sum);
	if (g->xdp)
		fastpath_count(g->xdp, &sum);
	return sum;
}

/* Connections that are open, in all and over TLS. */
static json_t *tcp_json(const struct geodns *g)
{
	const struct counters sum = counters_of(g);
	const json_int_t tls = (json_int_t)(sum.opened[COUNTERS_TLS] - sum.closed[COUNTERS_TLS]);
	const json_int_t plain =
		(json_int_t)(sum.opened[COUNTERS_PLAIN] - sum.closed[COUNTERS_PLAIN]);

	return json_pack("{s:I,s:I,s:i}", "connections", plain + tls, "tls", tls, "limit",
			 (int)g->catalog->conf->tcp_connections);
}

/* Interfaces that the fast path is to be on. */
static json_t *xdp_json(const struct geodns *g)
{
	json_t *places = json_array();
	struct fastpath_place place;

	for (size_t i = 0; g->xdp && fastpath_place(g->xdp, i, &place); i++)
		json_array_append_new(places,
				      json_pack("{s:s,s:s?,s:s?}", "interface", place.interface,
						"mode", place.mode, "why", place.why));
	return places;
}

static int status_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	const struct geodns_conf *conf = g->catalog->conf;
	unsigned checks[3] = { 0 };
	json_t *zones = json_array();

	(void)req;
	health_count(g, checks);
	for (size_t i = 0; i < conf->zone_count; i++)
		json_array_append_new(zones,
				      json_pack("{s:s,s:i}", "name", conf->zones[i].text, "names",
						(int)zone_name_count(g->catalog->zones[i])));
	reply->json = json_pack(
		"{s:s,s:s?,s:I,s:i,s:o,s:i,s:i,s:i,s:o,s:o,s:o,s:{s:i,s:i,s:i}}", "version",
		version_text(), "identity", conf->identity, "uptime_ms",
		(json_int_t)((clock_now().ns - g->started.ns) / NS_PER_MS), "threads",
		(int)conf->threads, "zones", zones, "pops", (int)conf->places.pop_count,
		"pops_said", (int)said_count(g), "names", (int)conf->name_count, "map", map_json(g),
		"tcp", tcp_json(g), "xdp", xdp_json(g), "checks", "up", (int)checks[HEALTH_UP],
		"down", (int)checks[HEALTH_DOWN], "unknown", (int)checks[HEALTH_UNKNOWN]);
	return 200;
}

static void query_metrics(struct metrics *m, const struct counters *sum)
{
	static const char *const transports[][2] = {
		[COUNTERS_UDP4] = { "udp", "ipv4" }, [COUNTERS_UDP6] = { "udp", "ipv6" },
		[COUNTERS_TCP4] = { "tcp", "ipv4" }, [COUNTERS_TCP6] = { "tcp", "ipv6" },
		[COUNTERS_TLS4] = { "tls", "ipv4" }, [COUNTERS_TLS6] = { "tls", "ipv6" }
	};
	static const char *const cookies[] = {
		[DNS_COOKIE_CLIENT] = "client", [DNS_COOKIE_BAD] = "bad", [DNS_COOKIE_GOOD] = "good"
	};

	metrics_family(m, "catchment_geodns_queries_total", "counter", "Messages received.");
	for (size_t i = 0; i < COUNTERS_TRANSPORTS; i++)
		metrics_sample(m, (double)sum->queries[i], "transport", transports[i][0], "family",
			       transports[i][1], (char *)NULL);
	metrics_family(m, "catchment_geodns_replies_total", "counter", "Replies by rcode.");
	for (unsigned i = 0; i < DNS_RCODE_COUNT; i++) {
		if (i <= DNS_YXDOMAIN || i == DNS_BADVERS || i == DNS_BADCOOKIE)
			metrics_sample(m, (double)sum->replies[i], "rcode",
				       dns_rcode_name((enum dns_rcode)i), (char *)NULL);
	}
	metrics_family(m, "catchment_geodns_unanswered_total", "counter",
		       "Messages that deserve no reply.");
	metrics_sample(m, (double)sum->dropped, (char *)NULL);
	metrics_family(m, "catchment_geodns_limited_total", "counter",
		       "Queries above the rate limit: not answered, or by TC or BADCOOKIE only.");
	metrics_sample(m, (double)sum->limited, (char *)NULL);
	metrics_family(m, "catchment_geodns_cookies_total", "counter",
		       "Queries with a cookie: the client's half only, bad, or good.");
	for (unsigned i = DNS_COOKIE_CLIENT; i <= DNS_COOKIE_GOOD; i++)
		metrics_sample(m, (double)sum->cookies[i], "cookie", cookies[i], (char *)NULL);
	metrics_family(m, "catchment_geodns_truncated_total", "counter", "Replies with TC.");
	metrics_sample(m, (double)sum->truncated, (char *)NULL);
	metrics_family(m, "catchment_geodns_geographic_total", "counter",
		       "Replies with a geographic address.");
	metrics_sample(m, (double)sum->geographic, (char *)NULL);
	metrics_family(m, "catchment_geodns_ecs_total", "counter", "Queries with a client subnet.");
	metrics_sample(m, (double)sum->ecs, (char *)NULL);
	metrics_family(m, "catchment_geodns_signatures_total", "counter", "RRSIG records sent.");
	metrics_sample(m, (double)sum->signatures, (char *)NULL);
	metrics_family(m, "catchment_geodns_signatures_made_total", "counter",
		       "RRSIG records that were not remembered but made.");
	metrics_sample(m, (double)sum->signatures_made, (char *)NULL);
	metrics_family(
		m, "catchment_geodns_signatures_refused_total", "counter",
		"Replies with TC because no more signatures were to be made in that second.");
	metrics_sample(m, (double)sum->signatures_refused, (char *)NULL);
}

static void connection_metrics(struct metrics *m, const struct counters *sum,
			       const struct tls_credentials *tls)
{
	static const char *const streams[] = { [COUNTERS_PLAIN] = "tcp", [COUNTERS_TLS] = "tls" };
	static const char *const handshakes[] = { [COUNTERS_HANDSHAKE_FULL] = "full",
						  [COUNTERS_HANDSHAKE_RESUMED] = "resumed",
						  [COUNTERS_HANDSHAKE_FAILED] = "failed" };

	metrics_family(m, "catchment_geodns_tcp_connections", "gauge", "Open TCP connections.");
	for (size_t i = 0; i < COUNTERS_STREAMS; i++)
		metrics_sample(m, (double)(sum->opened[i] - sum->closed[i]), "transport",
			       streams[i], (char *)NULL);
	metrics_family(m, "catchment_geodns_tcp_accepted_total", "counter",
		       "TCP connections that were served.");
	for (size_t i = 0; i < COUNTERS_STREAMS; i++)
		metrics_sample(m, (double)sum->opened[i], "transport", streams[i], (char *)NULL);
	metrics_family(m, "catchment_geodns_tcp_refused_total", "counter",
		       "TCP connections above a limit.");
	metrics_sample(m, (double)sum->refused, (char *)NULL);
	metrics_family(m, "catchment_geodns_tls_handshakes_total", "counter",
		       "How TLS handshakes have ended.");
	for (size_t i = 0; i < COUNTERS_HANDSHAKES; i++)
		metrics_sample(m, (double)sum->handshakes[i], "result", handshakes[i],
			       (char *)NULL);
	if (!tls)
		return;
	metrics_family(m, "catchment_geodns_tls_certificate_expires_timestamp_seconds", "gauge",
		       "Until when the certificate is valid, in seconds since 1970.");
	metrics_sample(m, (double)tls->expires, (char *)NULL);
}

static void check_metrics(struct metrics *m, const struct geodns *g)
{
	const struct geodns_conf *conf = g->catalog->conf;
	char target[ENDPOINT_TEXT_SIZE];

	metrics_family(m, "catchment_geodns_check_up", "gauge",
		       "1: up, 0: down, -1: no result yet.");
	for (size_t i = 0; i < conf->check_count; i++) {
		const struct geodns_conf_check *c = &conf->checks[i];
		uint8_t state = g->store.current->health[i];

		metrics_sample(m, state == HEALTH_UNKNOWN ? -1 : state == HEALTH_UP, "pop",
			       conf->places.pops[c->pop].name, "check", c->name, "target",
			       endpoint_format(&c->spec.target, target), "path",
			       c->spec.path ? c->spec.path : "", (char *)NULL);
	}
}

static void pop_metrics(struct metrics *m, const struct geodns *g)
{
	const struct geo_places *places = &g->catalog->conf->places;

	metrics_family(m, "catchment_geodns_pop_said", "gauge",
		       "1: what has been said about a PoP at the API, auto for nothing.");
	for (size_t i = 0; i < places->pop_count; i++)
		metrics_sample(m, 1, "pop", places->pops[i].name, "state",
			       pop_state_names[g->store.current->pops[i]], (char *)NULL);
}

static void reload_metrics(struct metrics *m, const struct geodns *g)
{
	uint64_t applied, refused;

	reloader_count(g->reloader, &applied, &refused);
	metrics_family(m, "catchment_geodns_reloads_total", "counter",
		       "Times that the configuration was read again.");
	metrics_sample(m, (double)applied, "result", "applied", (char *)NULL);
	metrics_sample(m, (double)refused, "result", "refused", (char *)NULL);
}

/* Names have many PoPs, and there may be many names: those that nobody was sent to are left out. */
static void name_metrics(struct metrics *m, const struct geodns *g)
{
	const struct geodns_conf *conf = g->catalog->conf;

	metrics_family(m, "catchment_geodns_answers_total", "counter",
		       "Geographic answers by name and the PoP that came first.");
	for (size_t i = 0; i < conf->name_count; i++) {
		const struct geo_name *name = &conf->names[i];

		for (size_t k = 0; k <= name->target_count; k++) {
			uint64_t sum = tally_sum(g->catalog->tally, name, k);

			if (g->xdp && k < name->target_count)
				sum += fastpath_tally(g->xdp, i, k);
			if (sum > 0)
				metrics_sample(
					m, (double)sum, "name", name->text, "pop",
					k == name->target_count
						? "last_resort"
						: conf->places.pops[name->targets[k].pop].name,
					(char *)NULL);
		}
	}
}

static void xdp_metrics(struct metrics *m, const struct fastpath *xdp)
{
	const struct xdp_counts counts = fastpath_counts(xdp);

	metrics_family(m, "catchment_geodns_xdp_answered_total", "counter",
		       "Of the UDP queries, those answered on the interface.");
	metrics_sample(m, (double)counts.answered[0], "family", "ipv4", (char *)NULL);
	metrics_sample(m, (double)counts.answered[1], "family", "ipv6", (char *)NULL);
	metrics_family(m, "catchment_geodns_xdp_passed_total", "counter",
		       "Of the UDP queries, those left to user space, by reason.");
	for (unsigned i = 0; i < XDP_REASONS; i++)
		metrics_sample(m, (double)counts.up[i], "reason",
			       fastpath_reason_name((enum xdp_reason)i), (char *)NULL);
}

static int metrics_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	const struct counters sum = counters_of(g);
	struct metrics m;

	(void)req;
	metrics_init(&m);
	query_metrics(&m, &sum);
	connection_metrics(&m, &sum, g->catalog->tls);
	name_metrics(&m, g);
	if (g->xdp)
		xdp_metrics(&m, g->xdp);
	check_metrics(&m, g);
	pop_metrics(&m, g);
	reload_metrics(&m, g);
	reply->text = metrics_finish(&m);
	reply->content_type = "text/plain; version=0.0.4";
	return 200;
}

static int reload_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;

	(void)req;
	reply->json = reloader_status(g->reloader);
	return 200;
}

static int reload_post(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct geodns *g = ctx;

	if (req->body && json_object_size(req->body) > 0)
		return http_problem(reply, 422, "",
				    "there is nothing to say in a body: the file "
				    "of the configuration is read again");
	if (!g->reloader)
		return http_problem(reply, 409, NULL, "about to stop");
	reply->json = json_pack("{s:I}", "reload", (json_int_t)reloader_request(g->reloader));
	reply->location = xstrdup("/v1/reload");
	return 202;
}

static int events_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;

	(void)req;
	reply->events = g->log;
	return 200;
}

static const char *const explain_query[] = { "name", "client", NULL };
static const char *const names_query[] = { "after", "limit", NULL };
static const char *const events_query[] = { "since", NULL };

const struct http_route geodns_api_routes[] = {
	{ "GET", "/healthz", healthz, NULL },
	{ "GET", "/metrics", metrics_get, NULL },
	{ "GET", "/v1/status", status_get, NULL },
	{ "GET", "/v1/names", geodns_api_names_get, names_query },
	{ "GET", "/v1/names/{name}", geodns_api_name_get, NULL },
	{ "GET", "/v1/pops", geodns_api_pops_get, NULL },
	{ "GET", "/v1/pops/{name}", geodns_api_pop_get, NULL },
	{ "PUT", "/v1/pops/{name}/state", geodns_api_pop_state_put, NULL },
	{ "GET", "/v1/explain", explain_get, explain_query },
	{ "GET", "/v1/reload", reload_get, NULL },
	{ "POST", "/v1/reload", reload_post, NULL },
	{ "GET", "/v1/events", events_get, events_query },
	{ NULL, NULL, NULL, NULL },
};

int geodns_api_start(struct geodns *g, struct ev_loop *loop)
{
	struct http_options options = g->catalog->conf->api;

	if (!g->catalog->conf->has_api)
		return 0;
	/* The server stays when its configuration goes. */
	g->api_path = options.unix_path ? xstrdup(options.unix_path) : NULL;
	g->api_token = options.token ? xstrdup(options.token) : NULL;
	options.unix_path = g->api_path;
	options.token = g->api_token;
	snprintf(g->server_name, sizeof(g->server_name), "catchment-geodns/%s", version_number());
	options.server_name = g->server_name;
	return http_server_new(&g->http, loop, &options, geodns_api_routes, g);
}
