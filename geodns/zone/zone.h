/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zone.h - one zone as an immutable tree of names, and finding a name in it.
 *
 * The tree is that of the labels: lab.test has the child geodns30, which has
 * the child "*". A name that only leads to others is a node without records:
 * the empty non-terminal of RFC 8020. Children are found by one hash table
 * over (parent, label), so that a walk down from the apex meets every
 * delegation and DNAME on its way and stops at the closest encloser
 * (RFC 4592, 3.3.1), whose child "*" is the only wildcard that counts.
 *
 * Life: zone_new(); load.c adds records and zone_geo_add() the geographic
 * names; zone_check() seals it; from then on it is read by all threads.
 * Everything lives in one arena and goes with zone_free().
 */
#ifndef GEODNS_ZONE_ZONE_H
#define GEODNS_ZONE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/dns/name.h"
#include "geodns/dns/rr.h"

struct dnssec_keys;
struct geo_name;

struct zone_rdata {
	struct zone_rdata *next;
	uint16_t len;
	uint8_t data[]; /* names in it uncompressed */
};

struct zone_rrset {
	struct zone_rrset *next; /* of another type, same owner */
	uint16_t type;
	uint32_t ttl;		  /* the smallest of its records' */
	struct zone_rdata *rdata; /* at least one, in the file's order */
};

struct zone_node {
	const uint8_t *name;	  /* the whole of it */
	struct zone_node *parent; /* NULL at the apex */
	struct zone_node *wildcard;
	struct zone_rrset *rrsets;
	const struct geo_name *geo; /* it owns some types here; or NULL */
	bool is_cut;		    /* NS below the apex */
	bool has_dname;
	struct zone_node *next_of_hash, *next_of_all;
	uint32_t hash; /* as in struct dns_path */
};

/* As read from a file. */
struct zone_record {
	const uint8_t *owner;
	uint16_t type;
	uint32_t ttl;
	const uint8_t *rdata;
	uint16_t len;
};

struct zone;

struct zone_error {
	char text[256];
};

enum zone_found {
	ZONE_EXACT,	 /* node is the name */
	ZONE_WILDCARD,	 /* node is the wildcard that matches it */
	ZONE_NONE,	 /* there is no such name; node is the closest encloser */
	ZONE_DELEGATION, /* node is the cut that it is at or below */
	ZONE_DNAME,	 /* node owns a DNAME and lies above the name */
};

struct zone_match {
	enum zone_found found;
	const struct zone_node *node;
};

struct zone *zone_new(const uint8_t *apex);
void zone_free(struct zone *zone);

/* While building. False, and err filled in, when the record cannot be in this zone. */
bool zone_record_add(struct zone *zone, const struct zone_record *record, struct zone_error *err);
/* geo is borrowed. To be called after all records, before zone_check(). */
bool zone_geo_add(struct zone *zone, const struct geo_name *geo, struct zone_error *err);
/*
 * Have the zone's answers signed: it publishes the keys, and its RRsets are served in canonical
 * order. To be called after all records. Takes keys over, also on failure.
 */
bool zone_keys_set(struct zone *zone, struct dnssec_keys *keys, struct zone_error *err);
/* The rules that need the whole zone. True: it may be served. */
bool zone_check(struct zone *zone, struct zone_error *err);

const struct zone_node *zone_apex(const struct zone *zone);
/* The first of all, in no particular order; the others by next_of_all. */
const struct zone_node *zone_nodes(const struct zone *zone);
/* NULL: it is not signed. */
const struct dnssec_keys *zone_keys(const struct zone *zone);
size_t zone_name_count(const struct zone *zone);
/*
 * Find a name at or below the apex. at_parent: a cut's own records are wanted (DS), so that
 * the cut itself counts as an ordinary name.
 */
struct zone_match zone_lookup(const struct zone *zone, const uint8_t *name, bool at_parent);
/* The same, of a name that has been taken apart. */
struct zone_match zone_path_lookup(const struct zone *zone, const struct dns_path *path,
				   bool at_parent);
/* The node of that very name, wherever it lies, glue included; NULL when there is none. */
const struct zone_node *zone_node_find(const struct zone *zone, const uint8_t *name);
const struct zone_rrset *zone_rrset_find(const struct zone_node *node, uint16_t type);
/* For negative answers: min(TTL of SOA, its MINIMUM) (RFC 2308, section 5). */
uint32_t zone_negative_ttl(const struct zone *zone);

#endif
