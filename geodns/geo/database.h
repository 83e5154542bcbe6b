/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * database.h - a location database in MaxMind's format (.mmdb), read through libmaxminddb.
 *
 * A shell around one file. For a walk it is copied into memory, so that one that is written
 * over meanwhile can neither end the process nor change on the way. What its records hold is
 * seen from them, not from its name. Understood are MaxMind's layout (GeoLite2, GeoIP2, DB-IP;
 * location.latitude, country.iso_code, ...) and the flat one of ip-location-db (latitude,
 * country_code, ...), either family or both in one file, cities, countries and ASNs.
 *
 * Nothing that is in a file can do more harm than an error with a reason. Not for two
 * threads at once; no state outside of the object.
 */
#ifndef GEODNS_GEO_DATABASE_H
#define GEODNS_GEO_DATABASE_H

#include <time.h>

#include "geodns/geo/places.h"

struct geo_database;

struct geo_database_error {
	char text[200];
};

/* Which file it was, and which edition. */
struct geo_database_info {
	char path[1024];
	char type[64];	/* as its metadata call it: "DBIP-City-Lite" */
	uint64_t built; /* seconds since 1970 */
	uint64_t device, inode, size;
	struct timespec changed;
};

/* Where a branch of a database's own tree of prefixes leads. */
enum geo_branch_kind { GEO_BRANCH_NONE, GEO_BRANCH_NODE, GEO_BRANCH_DATA };
struct geo_branch {
	enum geo_branch_kind kind;
	uint32_t value; /* number of the node; offset of the data */
};

/* All of it, or a few records, for which nothing is copied. */
enum geo_database_use { GEO_DATABASE_WALK, GEO_DATABASE_LOOK };

/* NULL, with err set, when it cannot be read or is none. */
struct geo_database *geo_database_open(const char *path, enum geo_database_use use,
				       struct geo_database_error *err);
/* The same of the octets of a file; path is only for messages. */
struct geo_database *geo_database_open_bytes(const char *path, const void *bytes, size_t len,
					     struct geo_database_error *err);
void geo_database_close(struct geo_database *db);
const struct geo_database_info *geo_database_info(const struct geo_database *db);
/* Is it the file that info tells of? False, with err set, if not. */
bool geo_database_is(const struct geo_database *db, const struct geo_database_info *info,
		     struct geo_database_error *err);

/* All addresses of a family. */
struct geo_branch geo_database_root(const struct geo_database *db, enum addr_family family);
/*
 * The two halves of a node. Where a tree for IPv6 leads into IPv4 (::/96, ::ffff:0:0/96,
 * 2002::/16, ...), its branches are none: those addresses are walked as IPv4. False, with err
 * set, when the tree is damaged; so many steps in all that a tree without loops has room.
 */
bool geo_database_step(struct geo_database *db, uint32_t node, struct geo_branch halves[2],
		       struct geo_database_error *err);
/* Which facts are worth looking for. */
#define GEO_FACTS_PLACE	    1U
#define GEO_FACTS_COUNTRY   2U
#define GEO_FACTS_CONTINENT 4U
#define GEO_FACTS_ASN	    8U
#define GEO_FACTS_ALL	    15U

/* Which of them there are. */
static inline unsigned geo_facts_kinds(const struct geo_facts *facts)
{
	return (facts->has_at ? GEO_FACTS_PLACE : 0) | (facts->country ? GEO_FACTS_COUNTRY : 0) |
	       (facts->continent ? GEO_FACTS_CONTINENT : 0) | (facts->asn ? GEO_FACTS_ASN : 0);
}

/* What the data at an offset say. False, with err set, when they are damaged. */
bool geo_database_facts(struct geo_database *db, uint32_t offset, unsigned wanted,
			struct geo_facts *out, struct geo_database_error *err);
/* What it says of one address, by the same steps: for explanations. */
bool geo_database_find(struct geo_database *db, const struct addr *addr, struct geo_facts *out,
		       struct geo_database_error *err);

#endif
