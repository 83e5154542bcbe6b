/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * places.h - where clients and PoPs are, as the configuration says it.
 *
 * Data, built once by conf_places.c in the configuration's arena and then only read. What
 * decides for an address, strongest first:
 *
 *	the longest prefix in networks, then the rule for its ASN, its country, its
 *	continent, then its location, all these as the databases know them,
 *	default_at, and at last the order of pops.
 */
#ifndef GEODNS_GEO_PLACES_H
#define GEODNS_GEO_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/name.h"
#include "lib/addr.h"
#include "lib/geo.h"

#define GEO_REGIONS_MAX	  64 /* bits of a set of regions */
#define GEO_DATABASES_MAX 8

enum geo_source {
	GEO_BY_PREFIX,
	GEO_BY_ASN,
	GEO_BY_COUNTRY,
	GEO_BY_CONTINENT,
	GEO_BY_DATABASE,
	GEO_BY_DEFAULT,
	GEO_BY_NOTHING
};

/* Some clients. */
struct geo_clients {
	enum geo_source by; /* one of the first four */
	struct prefix prefix;
	uint32_t key; /* else: the ASN, or the two letters (country.h) */
};

struct geo_network {
	struct geo_clients clients;
	struct geo_point at;
	const uint16_t *pops; /* instead of at: these first, in this order; NULL: at */
	size_t pop_count;
};

/* A named set of clients. */
struct geo_region {
	const char *name;
	const struct geo_clients *clients;
	size_t client_count;
};

struct geo_places {
	const struct geo_pop *pops;
	size_t pop_count;		    /* up to 65535 */
	const struct geo_network *networks; /* unlike clients */
	size_t network_count;
	bool has_default;
	struct geo_point default_at;
	const struct geo_region *regions; /* a region's bit is its index */
	size_t region_count;
	const char *const *databases; /* files; the first that knows a thing is believed */
	size_t database_count;
};

/* What the databases know about an address; 0 and has_at false: nothing. No padding. */
struct geo_facts {
	struct geo_point at;
	uint32_t asn;
	uint16_t country, continent;
	uint32_t has_at;
	uint32_t zero;
};

/* "prefix", "asn", "country", "continent", "database", "default", "none". */
const char *geo_source_name(enum geo_source source);

#endif
