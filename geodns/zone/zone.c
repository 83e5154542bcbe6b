/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/zone/zone.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/dnssec/publish.h"
#include "geodns/geo/rrset.h"
#include "lib/alloc.h"
#include "lib/arena.h"

#define BUCKETS_MIN 64 /* a power of two */

struct zone {
	struct arena *arena;
	struct zone_node *apex;
	unsigned apex_labels;
	struct zone_node *all;
	struct zone_node **buckets;
	size_t bucket_count, node_count;
	uint32_t negative_ttl;
	struct dnssec_keys *keys; /* NULL: not signed */
};

static struct zone_node *child_find(const struct zone *zone, const struct zone_node *parent,
				    const uint8_t *label, uint32_t hash)
{
	struct zone_node *n = zone->buckets[hash & (zone->bucket_count - 1)];

	while (n && !(n->hash == hash && n->parent == parent && dns_label_equal(n->name, label)))
		n = n->next_of_hash;
	return n;
}

static void buckets_grow(struct zone *zone)
{
	free(zone->buckets);
	zone->bucket_count *= 2;
	zone->buckets = xcalloc(zone->bucket_count, sizeof(struct zone_node *));
	for (struct zone_node *n = zone->all; n; n = n->next_of_all) {
		struct zone_node **slot = &zone->buckets[n->hash & (zone->bucket_count - 1)];

		n->next_of_hash = *slot;
		*slot = n;
	}
}

static uint32_t name_hash(const uint8_t *name)
{
	struct dns_path path;

	dns_path_init(&path, name);
	return path.count > 0 ? path.hash[0] : DNS_PATH_ROOT_HASH;
}

static struct zone_node *node_new(struct zone *zone, struct zone_node *parent, const uint8_t *name)
{
	struct zone_node *n = arena_new_object(zone->arena, struct zone_node);
	struct zone_node **slot;

	n->name = arena_memdup(zone->arena, name, dns_name_length(name));
	n->parent = parent;
	n->hash = parent ? dns_label_hash(parent->hash, name) : name_hash(name);
	slot = &zone->buckets[n->hash & (zone->bucket_count - 1)];
	n->next_of_hash = *slot;
	*slot = n;
	n->next_of_all = zone->all;
	zone->all = n;
	if (++zone->node_count > zone->bucket_count)
		buckets_grow(zone);
	if (parent && dns_name_is_wildcard(name))
		parent->wildcard = n;
	return n;
}

struct zone *zone_new(const uint8_t *apex)
{
	struct zone *zone = x_new(struct zone);

	zone->arena = arena_new();
	zone->bucket_count = BUCKETS_MIN;
	zone->buckets = xcalloc(BUCKETS_MIN, sizeof(struct zone_node *));
	zone->apex = node_new(zone, NULL, apex);
	zone->apex_labels = dns_name_labels(apex);
	return zone;
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	dnssec_keys_free(zone->keys);
	free(zone->buckets);
	arena_free(zone->arena);
	free(zone);
}

/* How many labels of a name that lies in the zone are below the apex. */
static unsigned labels_below_apex(const struct zone *zone, const struct dns_path *path)
{
	return path->count - zone->apex_labels;
}

/* The node of that name with all that lead to it, made if missing. */
static struct zone_node *node_add(struct zone *zone, const uint8_t *name)
{
	struct zone_node *n = zone->apex;
	struct dns_path path;

	dns_path_init(&path, name);
	for (unsigned i = labels_below_apex(zone, &path); i-- > 0;) {
		const uint8_t *label = name + path.at[i];
		struct zone_node *child = child_find(zone, n, label, path.hash[i]);

		n = child ? child : node_new(zone, n, label);
	}
	return n;
}

static bool mistake(struct zone_error *err, const uint8_t *name, const char *what)
{
	char text[DNS_NAME_TEXT_SIZE];

	snprintf(err->text, sizeof(err->text), "%.150s: %s", dns_name_format(name, text), what);
	return false;
}

static bool rdata_equal(const struct zone_rdata *a, const struct zone_record *b)
{
	struct dns_rdata_layout layout = dns_rdata_layout(b->type);
	size_t at = layout.skip;

	if (a->len != b->len || memcmp(a->data, b->rdata, at) != 0)
		return false;
	for (unsigned i = 0; i < layout.names; i++) {
		if (!dns_name_equal(a->data + at, b->rdata + at))
			return false;
		at += dns_name_length(b->rdata + at);
	}
	return memcmp(a->data + at, b->rdata + at, b->len - at) == 0;
}

/* Master files may give the data of any type as raw octets (RFC 3597, 5). */
static bool rdata_is_sound(const struct zone_record *record)
{
	struct dns_rdata_layout layout = dns_rdata_layout(record->type);
	struct wire_reader r = wire_reader(record->rdata, record->len);
	size_t name_len;

	switch (record->type) {
	case DNS_TYPE_A:
		return record->len == 4;
	case DNS_TYPE_AAAA:
		return record->len == 16;
	case DNS_TYPE_DNAME:
		layout = (struct dns_rdata_layout){ .names = 1 };
		break;
	case DNS_TYPE_SRV:
		layout = (struct dns_rdata_layout){ .skip = 6, .names = 1 };
		break;
	default:
		if (layout.names == 0)
			return true;
	}
	wire_get_bytes(&r, layout.skip);
	for (unsigned i = 0; i < layout.names; i++)
		dns_name_decode(&r, &name_len);
	return !r.failed && wire_left(&r) == (record->type == DNS_TYPE_SOA ? 20 : 0);
}

static struct zone_rrset *rrset_add(struct zone *zone, struct zone_node *node,
				    const struct zone_record *record)
{
	struct zone_rrset **set = &node->rrsets;

	while (*set && (*set)->type != record->type)
		set = &(*set)->next;
	if (!*set) {
		*set = arena_new_object(zone->arena, struct zone_rrset);
		(*set)->type = record->type;
		(*set)->ttl = record->ttl;
	}
	if (record->ttl < (*set)->ttl)
		(*set)->ttl = record->ttl;
	return *set;
}

bool zone_record_add(struct zone *zone, const struct zone_record *record, struct zone_error *err)
{
	struct zone_rdata **last, *rdata;
	struct zone_rrset *set;

	if (!dns_name_is_under(record->owner, zone->apex->name))
		return mistake(err, record->owner, "not in this zone");
	if (dns_type_is_meta(record->type))
		return mistake(err, record->owner, "a type that no zone can hold");
	if (!rdata_is_sound(record))
		return mistake(err, record->owner, "data that its type cannot have");
	if (record->ttl > INT32_MAX)
		return mistake(err, record->owner, "TTL above 2147483647");

	set = rrset_add(zone, node_add(zone, record->owner), record);
	for (last = &set->rdata; *last; last = &(*last)->next) {
		if (rdata_equal(*last, record))
			return true;
	}
	rdata = arena_alloc(zone->arena, 1, sizeof(*rdata) + record->len);
	rdata->len = record->len;
	if (record->len > 0)
		memcpy(rdata->data, record->rdata, record->len);
	*last = rdata;
	return true;
}

/* What the zone file has at a geographic name and must not; NULL: nothing. */
static const char *geo_obstacle(const struct zone *zone, const struct zone_node *node,
				const struct geo_name *geo)
{
	if (node->geo)
		return "is a geographic name already";
	if (zone_rrset_find(node, DNS_TYPE_CNAME))
		return "has a CNAME in the zone file";
	if (node != zone->apex && zone_rrset_find(node, DNS_TYPE_NS))
		return "is delegated in the zone file";
	if (geo->has_cname && node == zone->apex)
		return "is the apex, where no CNAME can be";
	for (const struct zone_rrset *set = node->rrsets; set; set = set->next) {
		if (set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA)
			return "has addresses in the zone file";
		if (geo_rrset_is_owned(geo, set->type))
			return geo->has_cname
				       ? "has records in the zone file, and no CNAME stands beside any"
				       : "has HTTPS or SVCB in the zone file";
	}
	for (const struct zone_node *n = node->parent; n && n != zone->apex; n = n->parent) {
		if (zone_rrset_find(n, DNS_TYPE_NS))
			return "lies below a delegation";
	}
	return NULL;
}

bool zone_geo_add(struct zone *zone, const struct geo_name *geo, struct zone_error *err)
{
	struct zone_node *node = node_add(zone, geo->owner);
	const char *obstacle = geo_obstacle(zone, node, geo);

	if (obstacle)
		return mistake(err, geo->owner, obstacle);
	node->geo = geo;
	return true;
}

bool zone_keys_set(struct zone *zone, struct dnssec_keys *keys, struct zone_error *err)
{
	zone->keys = keys;
	return dnssec_publish(zone, keys, err);
}

static bool soa_check(struct zone *zone, struct zone_error *err)
{
	const struct zone_rrset *soa = zone_rrset_find(zone->apex, DNS_TYPE_SOA);
	const uint8_t *minimum;
	uint32_t ttl;

	if (!soa)
		return mistake(err, zone->apex->name, "no SOA at the apex");
	if (soa->rdata->next)
		return mistake(err, zone->apex->name, "more than one SOA");
	minimum = soa->rdata->data + soa->rdata->len - 4;
	ttl = (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 | (uint32_t)minimum[2] << 8 |
	      minimum[3];
	zone->negative_ttl = ttl < soa->ttl ? ttl : soa->ttl;
	if (!zone_rrset_find(zone->apex, DNS_TYPE_NS))
		return mistake(err, zone->apex->name, "no NS at the apex");
	return true;
}

static bool is_signed_already(const struct zone_node *node)
{
	return zone_rrset_find(node, DNS_TYPE_RRSIG) || zone_rrset_find(node, DNS_TYPE_NSEC) ||
	       zone_rrset_find(node, DNS_TYPE_NSEC3) || zone_rrset_find(node, DNS_TYPE_NSEC3PARAM);
}

static bool node_check(const struct zone *zone, struct zone_node *node, struct zone_error *err)
{
	const struct zone_rrset *cname = zone_rrset_find(node, DNS_TYPE_CNAME);
	const struct zone_rrset *dname = zone_rrset_find(node, DNS_TYPE_DNAME);
	bool has_ns = zone_rrset_find(node, DNS_TYPE_NS);

	node->is_cut = has_ns && node != zone->apex;
	node->has_dname = dname;
	if (cname && (node->rrsets->next || cname->rdata->next))
		return mistake(err, node->name, "CNAME beside another record");
	if (dname && dname->rdata->next)
		return mistake(err, node->name, "more than one DNAME");
	if (node != zone->apex && zone_rrset_find(node, DNS_TYPE_SOA))
		return mistake(err, node->name, "SOA below the apex");
	if (node == zone->apex && zone_rrset_find(node, DNS_TYPE_DS))
		return mistake(err, node->name, "DS at the apex: it belongs into the zone above");
	if (dns_name_is_wildcard(node->name) && (node->is_cut || dname))
		return mistake(err, node->name, "NS or DNAME at a wildcard");
	if (zone->keys && is_signed_already(node))
		return mistake(err, node->name, "RRSIG or NSEC in a zone that we are to sign");
	for (const struct zone_node *n = node->parent; n; n = n->parent) {
		if (zone_rrset_find(n, DNS_TYPE_DNAME))
			return mistake(err, node->name, "lies below a DNAME");
	}
	for (struct zone_rrset *set = zone->keys ? node->rrsets : NULL; set; set = set->next)
		dnssec_rrset_sort(set);
	return true;
}

bool zone_check(struct zone *zone, struct zone_error *err)
{
	if (!soa_check(zone, err))
		return false;
	for (struct zone_node *n = zone->all; n; n = n->next_of_all) {
		if (!node_check(zone, n, err))
			return false;
	}
	return true;
}

const struct zone_node *zone_apex(const struct zone *zone)
{
	return zone->apex;
}

const struct dnssec_keys *zone_keys(const struct zone *zone)
{
	return zone->keys;
}

const struct zone_node *zone_nodes(const struct zone *zone)
{
	return zone->all;
}

size_t zone_name_count(const struct zone *zone)
{
	return zone->node_count;
}

struct zone_match zone_path_lookup(const struct zone *zone, const struct dns_path *path,
				   bool at_parent)
{
	const struct zone_node *n = zone->apex;

	for (unsigned i = labels_below_apex(zone, path); i-- > 0;) {
		const struct zone_node *child;

		if (n->has_dname)
			return (struct zone_match){ ZONE_DNAME, n };
		child = child_find(zone, n, path->name + path->at[i], path->hash[i]);
		if (!child && n->wildcard)
			return (struct zone_match){ ZONE_WILDCARD, n->wildcard };
		if (!child)
			return (struct zone_match){ ZONE_NONE, n };
		n = child;
		if (n->is_cut && !(i == 0 && at_parent))
			return (struct zone_match){ ZONE_DELEGATION, n };
	}
	return (struct zone_match){ ZONE_EXACT, n };
}

struct zone_match zone_lookup(const struct zone *zone, const uint8_t *name, bool at_parent)
{
	struct dns_path path;

	dns_path_init(&path, name);
	return zone_path_lookup(zone, &path, at_parent);
}

const struct zone_node *zone_node_find(const struct zone *zone, const uint8_t *name)
{
	const struct zone_node *n = zone->apex;
	struct dns_path path;

	if (!dns_name_is_under(name, zone->apex->name))
		return NULL;
	dns_path_init(&path, name);
	for (unsigned i = labels_below_apex(zone, &path); n && i-- > 0;)
		n = child_find(zone, n, name + path.at[i], path.hash[i]);
	return n;
}

const struct zone_rrset *zone_rrset_find(const struct zone_node *node, uint16_t type)
{
	const struct zone_rrset *set = node->rrsets;

	while (set && set->type != type)
		set = set->next;
	return set;
}

uint32_t zone_negative_ttl(const struct zone *zone)
{
	return zone->negative_ttl;
}
