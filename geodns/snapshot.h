/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapshot.h - all that an answer depends on, as one immutable thing.
 *
 * A catalog is a configuration compiled: the zones with the geographic names
 * in them, and the map of classes. It changes with the configuration only. A
 * snapshot is a catalog and the verdicts of all checks at one moment; each change of a
 * verdict makes a new one, a few octets per check. Threads read the current one
 * once per batch of packets, so that a packet never sees two verdicts.
 */
#ifndef GEODNS_SNAPSHOT_H
#define GEODNS_SNAPSHOT_H

#include "geodns/conf.h"
#include "geodns/geo/map.h"
#include "geodns/zone/zone.h"

struct catalog {
	struct geodns_conf *conf;
	struct zone **zones; /* as in conf */
	struct geo_map *map;
};

struct snapshot {
	const struct catalog *catalog;
	uint8_t health[]; /* enum health, for each of conf's checks */
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
void catalog_free(struct catalog *catalog);
/* The zone that answers for a name, NULL for none; at_parent: the one above its apex if there is.
 */
const struct zone *catalog_zone_find(const struct catalog *catalog, const uint8_t *name,
				     bool at_parent);

/* With those verdicts, one per check; NULL: all unknown. catalog must outlive it; free() it. */
struct snapshot *snapshot_new(const struct catalog *catalog, const uint8_t *health);
/* The scope alone, of what a client is answered. */
uint8_t snapshot_scope(const struct snapshot *snap, const struct geo_name *name,
		       const struct addr *client);
struct snapshot_choice snapshot_choose(const struct snapshot *snap, const struct geo_name *name,
				       const struct addr *client);

#endif
