/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf.h - the configuration of catchment-geodns, read whole or not at all.
 *
 * docs/geodns.md says what each key means. Pure but for geodns_conf_read(): files that
 * the configuration names are opened by others. Immutable once loaded; everything
 * lives and dies with the object.
 */
#ifndef GEODNS_CONF_H
#define GEODNS_CONF_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/dnssec/options.h"
#include "geodns/geo/name.h"
#include "geodns/geo/places.h"
#include "geodns/rate_limit.h"
#include "geodns/xdp/options.h"
#include "lib/addr.h"
#include "lib/check.h"
#include "lib/conf.h"
#include "lib/http.h"

/* Against forged source addresses: cookies, and a limit for who has none. */
struct geodns_conf_protection {
	const char *secrets_file; /* NULL: no cookies */
	bool has_limit;
	struct rate_limit_options limit;
};

struct geodns_conf_zone {
	const char *text;    /* as configured */
	const uint8_t *apex; /* in wire form */
	const char *file;
	struct dnssec_options dnssec;
};

/* DNS over TLS; listen_count 0: none. Nothing listens on the same address otherwise. */
struct geodns_conf_tls {
	struct endpoint *listen;
	size_t listen_count;
	const char *certificate, *key; /* files */
};

/* One question that is asked of one PoP, for all targets that depend on it. */
struct geodns_conf_check {
	const char *name; /* key in "checks" */
	size_t pop;
	struct check_spec spec;
};

struct geodns_conf {
	struct arena *arena;
	json_t *json; /* strings borrow from it; the names may be missing */
	char *api_token;

	struct endpoint *listen;
	size_t listen_count;
	unsigned threads;
	const char *identity; /* or NULL */
	bool has_api;
	struct http_options api;
	const char *state_file; /* or NULL */
	unsigned tcp_connections, tcp_per_client, tcp_idle_ms;
	struct geodns_conf_tls tls;
	struct geodns_conf_protection protection;
	struct xdp_options xdp;

	struct geodns_conf_zone *zones;
	size_t zone_count;
	struct dnssec_limits dnssec;
	struct geo_places places; /* pops, networks, databases, regions */
	const uint8_t *dials;	  /* of each pop: percent of networks that it accepts */
	struct geodns_conf_check *checks;
	size_t check_count;
	struct geodns_conf_checker *checker; /* only while it is loaded */
	struct geo_name *names;
	size_t name_count;
};

/* Takes json over, also on failure. NULL, and err set, on a mistake. */
struct geodns_conf *geodns_conf_load(json_t *json, struct conf_error *err);
/*
 * The same of a text or a file, and of however many names: there is no tree of these but to tell
 * what is wrong with the text itself. document, if not NULL, becomes what a mistake's path leads
 * through, for pointer_write(), perhaps without other names; or NULL. The caller's.
 */
struct geodns_conf *geodns_conf_parse(const char *text, size_t len, json_t **document,
				      struct conf_error *err);
struct geodns_conf *geodns_conf_read(const char *path, json_t **document, struct conf_error *err);
void geodns_conf_free(struct geodns_conf *conf);

#endif
