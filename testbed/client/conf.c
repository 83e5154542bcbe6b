/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/conf.h"

#include <ctype.h>
#include <string.h>

#include "lib/arena.h"

/* Order of enum client_kind and of enum client_cache_policy. */
static const char *const kind_names[] = { "udp", "http", "session", "dns", NULL };
static const char *const cache_names[] = { "none", "browser", "jvm", "until_restart", NULL };

/* Longest zone that leaves room for "u4294967295." in 253 characters. */
#define ZONE_MAX (253 - 12)

static bool is_zone(const char *zone)
{
	size_t label = 0;

	if (strlen(zone) > ZONE_MAX)
		return false;
	for (const char *p = zone; *p; p++) {
		const bool dot = *p == '.';

		if (!dot && !isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
		if (dot && label == 0)
			return false;
		label = dot ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

static void variant_load(const struct conf *at, struct arena *arena, struct client_variant *out)
{
	const char *zone;

	CONF_KEYS(at, "name", "zone");
	zone = conf_string(at, "zone", CONF_REQUIRED_STRING);
	if (!is_zone(zone)) {
		const struct conf zone_at = conf_get(at, "zone");

		conf_fail(&zone_at, "'%.64s' is not a domain name", zone);
	}
	out->name = arena_strdup(arena, conf_name(at, "name"));
	out->zone = arena_strdup(arena, zone);
}

static void variants_load(const struct conf *root, struct client_conf *out)
{
	const struct conf array = conf_array(root, "variants", 1, CLIENT_VARIANTS_MAX);

	out->variant_count = conf_count(&array);
	out->variants = arena_new_array(out->arena, struct client_variant, out->variant_count);
	for (size_t i = 0; i < out->variant_count; i++) {
		const struct conf item = conf_item(&array, i);

		variant_load(&item, out->arena, &out->variants[i]);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(out->variants[i].name, out->variants[j].name) == 0)
				conf_fail(&item, "another variant is named '%s'",
					  out->variants[i].name);
		}
	}
}

static void traffic_load(const struct conf *root, struct client_conf *out)
{
	const struct conf array = conf_array(root, "traffic", 1, CLIENT_KINDS);

	out->traffic_count = conf_count(&array);
	out->traffic = arena_new_array(out->arena, struct client_traffic, out->traffic_count);
	for (size_t i = 0; i < out->traffic_count; i++) {
		const struct conf item = conf_item(&array, i);
		struct client_traffic *traffic = &out->traffic[i];

		CONF_KEYS(&item, "kind", "period_ms");
		traffic->kind =
			(enum client_kind)conf_choice(&item, "kind", kind_names, CONF_REQUIRED);
		traffic->period_ms =
			(unsigned)conf_int(&item, "period_ms", 10, 3600000, CONF_REQUIRED);
		for (size_t j = 0; j < i; j++) {
			if (traffic->kind == out->traffic[j].kind)
				conf_fail(&item, "kind '%s' is there twice",
					  kind_names[traffic->kind]);
		}
	}
}

static void family_load(const struct conf *root, struct client_conf *out)
{
	const int64_t family = conf_int(root, "family", 4, 6, 4);

	if (family == 5) {
		const struct conf at = conf_get(root, "family");

		conf_fail(&at, "5 is neither 4 nor 6");
	}
	out->family = family == 6 ? ADDR_IPV6 : ADDR_IPV4;
}

static void root_load(const struct conf *root, struct client_conf *out)
{
	CONF_KEYS(root, "version", "group", "seed", "users", "first_user", "family", "resolver",
		  "cache", "timeout_ms", "session_timeout_ms", "ramp_ms", "start_ns", "variants",
		  "traffic");
	conf_int(root, "version", 1, 1, CONF_REQUIRED);
	out->group = arena_strdup(out->arena, conf_name(root, "group"));
	out->seed = (uint64_t)conf_int(root, "seed", 0, INT64_MAX, CONF_REQUIRED);
	out->users = (unsigned)conf_int(root, "users", 1, CLIENT_USERS_MAX, CONF_REQUIRED);
	out->first_user = (unsigned)conf_int(root, "first_user", 1, 1000000000, 1);
	family_load(root, out);
	out->resolver = conf_endpoint(root, "resolver", 53);
	out->cache = (enum client_cache_policy)conf_choice(root, "cache", cache_names,
							   CLIENT_CACHE_NONE);
	out->timeout_ms = (unsigned)conf_int(root, "timeout_ms", 10, 30000, 1000);
	out->session_timeout_ms =
		(unsigned)conf_int(root, "session_timeout_ms", 100, 3600000, 30000);
	out->ramp_ms = (unsigned)conf_int(root, "ramp_ms", 0, 3600000, 0);
	out->start.ns = conf_int(root, "start_ns", 0, INT64_MAX / 2, 0);
	variants_load(root, out);
	traffic_load(root, out);
}

struct client_conf *client_conf_load(json_t *json, struct conf_error *err)
{
	const struct conf root = conf_root(json, err);
	struct arena *arena = arena_new();
	struct client_conf *conf = arena_new_object(arena, struct client_conf);

	conf->arena = arena;
	root_load(&root, conf);
	if (!err->set)
		return conf;
	client_conf_free(conf);
	return NULL;
}

void client_conf_free(struct client_conf *conf)
{
	if (conf)
		arena_free(conf->arena);
}

const char *client_kind_name(enum client_kind kind)
{
	return kind_names[kind];
}
