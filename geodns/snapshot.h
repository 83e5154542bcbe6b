/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapshot.h - all that an answer depends on, as one immutable thing.
 *
 * A catalog is a configuration compiled: the zones with the geographic names
 * in them, and the map of classes. It changes with the configuration only. A
 * snapshot is a catalog, the verdicts of all checks and what has been said about PoPs, at one
 * moment; each change of these makes a new one, a few octets per check. Threads read the current
 * one once per batch of packets, so that a packet never sees two verdicts.
 *
 * A change that is near is part of it too: while a check says otherwise than before, but has
 * not yet done so often enough, answers that would change with its verdict get a TTL that ends
 * about then. Each result makes a new snapshot meanwhile, so nobody has to know the time.
 */
#ifndef GEODNS_SNAPSHOT_H
#define GEODNS_SNAPSHOT_H

#include "geodns/conf.h"
#include "geodns/dns/cookie.h"
#include "geodns/geo/map.h"
#include "geodns/tally.h"
#include "geodns/zone/index.h"
#include "geodns/zone/zone.h"

struct tls_credentials;

struct catalog_apex {
	struct zone *zone; /* NULL: none */
	uint32_t hash;	   /* of its name, as in struct dns_path */
};

struct catalog {
	struct geodns_conf *conf;
	struct zone **zones;	      /* as in conf */
	struct catalog_apex *by_apex; /* hash table of them */
	size_t by_apex_size;	      /* a power of two */
	struct zone_index *index;     /* of the zones' names */
	struct geo_map *map;
	struct tls_credentials *tls; /* NULL where no TLS is spoken */
	struct dns_cookie_secrets cookie_secrets;
	struct tally *tally; /* each thread writes to a row of its own */
};

struct snapshot {
	const struct catalog *catalog;
	uint8_t *pops;	    /* enum geo_pop_state, for each of conf's pops */
	uint32_t *change_s; /* for each of conf's checks; NULL: all 0 */
	uint8_t health[];   /* enum health, for each of conf's checks */
};

/* What a snapshot is made from, each as in it; NULL: all unknown, all auto. */
struct snapshot_state {
	const uint8_t *health, *pops;
	/* Seconds until the verdict of each check changes if all goes on as now; 0: it stays. */
	const uint32_t *change_s;
};

/* Where a name sends a client. */
struct snapshot_choice {
	struct geo_leaf leaf;
	uint8_t scope; /* how much of the address has decided (RFC 7871) */
	struct geo_choice to;
};

/*
 * Put the geographic names into the zones and seal these. Takes conf and zones (an array on the
 * heap) over, also on failure: NULL, with err set. Databases: from the working directory.
 */
struct catalog *catalog_new(struct geodns_conf *conf, struct zone **zones, struct conf_error *err);
/* Load the zone files, relative ones from folder, as those of databases, then the same. */
struct catalog *catalog_load(struct geodns_conf *conf, const char *folder, struct conf_error *err);
/* The same for the configuration in a file; what it names is relative to its folder. */
struct catalog *catalog_read(const char *path, struct conf_error *err);
void catalog_free(struct catalog *catalog);
/* The zone that answers for a name, NULL for none; at_parent: the one above its apex if there is.
 */
const struct zone *catalog_zone_find(const struct catalog *catalog, const uint8_t *name,
				     bool at_parent);
/* The same, of a name that has been taken apart. */
const struct zone *catalog_path_find(const struct catalog *catalog, const struct dns_path *path,
				     bool at_parent);

/* The geographic name that is configured so, be it a wildcard; NULL for none. */
const struct geo_name *catalog_name_find(const struct catalog *catalog, const uint8_t *owner);

/* catalog must outlive it; free() it. state NULL: as if all in it were. */
struct snapshot *snapshot_new(const struct catalog *catalog, const struct snapshot_state *state);
/* The scope alone, of what a client is answered. */
uint8_t snapshot_scope(const struct snapshot *snap, const struct geo_name *name,
		       const struct addr *client);
/* How long an answer with these targets is valid: the name's TTL, or less if a change is near. */
uint32_t snapshot_ttl(const struct snapshot *snap, const struct geo_name *name,
		      const struct geo_choice *choice);
struct snapshot_choice snapshot_choose(const struct snapshot *snap, const struct geo_name *name,
				       const struct addr *client);
/* The same for a client whose leaf is known already. Returns the scope. */
uint8_t snapshot_choose_in(const struct snapshot *snap, const struct geo_name *name,
			   const struct addr *client, const struct geo_leaf *leaf,
			   struct geo_choice *to);

#endif
