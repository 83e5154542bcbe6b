/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf.h - what a group of users does, as its supervisor wrote it down.
 *
 *	{"version":1, "group":"paris", "seed":7, "users":20, "first_user":1, "family":4,
 *	 "resolver":"100.64.0.53:53", "cache":"none", "timeout_ms":1000,
 *	 "session_timeout_ms":30000, "ramp_ms":30000, "start_ns":123456789,
 *	 "variants":[{"name":"geodns30", "zone":"geodns30.lab.test"}],
 *	 "traffic":[{"kind":"udp", "period_ms":100}]}
 *
 * Immutable once loaded; one arena holds it. One thread.
 */
#ifndef TESTBED_CLIENT_CONF_H
#define TESTBED_CLIENT_CONF_H

#include "lib/clock.h"
#include "lib/conf.h"

#define CLIENT_USERS_MAX    5000
#define CLIENT_VARIANTS_MAX 15
/* "u4294967295." and a zone: no DNS name is longer. */
#define CLIENT_NAME_SIZE 256

enum client_kind { CLIENT_UDP, CLIENT_HTTP, CLIENT_SESSION, CLIENT_DNS };
#define CLIENT_KINDS 4

/*
 * How long a name stays with the user whatever its TTL says, on top of the resolver's cache:
 * not at all, 60 s, 30 s, for ever.
 */
enum client_cache_policy {
	CLIENT_CACHE_NONE,
	CLIENT_CACHE_BROWSER,
	CLIENT_CACHE_JVM,
	CLIENT_CACHE_UNTIL_RESTART
};

struct client_variant {
	const char *name;
	const char *zone; /* user k asks u<k>.<zone> */
};

struct client_traffic {
	enum client_kind kind; /* at most once in a group */
	unsigned period_ms;    /* 10 to 3600000 */
};

struct client_conf {
	const char *group;
	uint64_t seed;
	unsigned users;			/* 1 to CLIENT_USERS_MAX */
	unsigned first_user;		/* number of the first one, default 1 */
	enum addr_family family;	/* of the addresses asked for, default 4 */
	struct endpoint resolver;	/* port 53 unless given */
	enum client_cache_policy cache; /* default none */
	unsigned timeout_ms;		/* 10 to 30000, default 1000 */
	unsigned session_timeout_ms;	/* 100 to 3600000, default 30000 */
	unsigned ramp_ms;		/* 0 to 3600000, default 0: users start within it */
	struct instant start;		/* 0: when the process is ready */
	struct client_variant *variants;
	size_t variant_count; /* 1 to CLIENT_VARIANTS_MAX */
	struct client_traffic *traffic;
	size_t traffic_count; /* 1 to CLIENT_KINDS */
	struct arena *arena;
};

/* NULL, and err set, when anything is wrong. json may go away afterwards. */
struct client_conf *client_conf_load(json_t *json, struct conf_error *err);
void client_conf_free(struct client_conf *conf);

const char *client_kind_name(enum client_kind kind); /* "udp", ... */

#endif
