/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/publish.h"

#include <stdio.h>

#include "geodns/dns/name.h"
#include "geodns/dnssec/canonical.h"
#include "lib/alloc.h"

static bool record_add(struct zone *zone, const struct dnssec_keys *keys, uint16_t type,
		       const uint8_t *rdata, size_t len, struct zone_error *err)
{
	const struct zone_record record = { .owner = zone_apex(zone)->name,
					    .type = type,
					    .ttl = keys->ttl,
					    .rdata = rdata,
					    .len = (uint16_t)len };

	return zone_record_add(zone, &record, err);
}

/* One of another algorithm would say that all is signed by that, too (RFC 4035, 2.2). */
static bool keys_check(const struct zone_node *apex, struct zone_error *err)
{
	const struct zone_rrset *set = zone_rrset_find(apex, DNS_TYPE_DNSKEY);
	char name[DNS_NAME_TEXT_SIZE];

	for (const struct zone_rdata *r = set ? set->rdata : NULL; r; r = r->next) {
		if (r->len >= 4 && r->data[3] == DNSSEC_ALGORITHM)
			continue;
		dns_name_format(apex->name, name);
		if (r->len < 4)
			snprintf(err->text, sizeof(err->text), "%.150s: a DNSKEY that is cut short",
				 name);
		else
			snprintf(
				err->text, sizeof(err->text),
				"%.150s: a DNSKEY of algorithm %u, with which nothing would be signed",
				name, r->data[3]);
		return false;
	}
	return true;
}

bool dnssec_publish(struct zone *zone, const struct dnssec_keys *keys, struct zone_error *err)
{
	const struct zone_node *apex = zone_apex(zone);
	const struct dnssec_key *sep = &keys->key[0];
	bool has_own =
		zone_rrset_find(apex, DNS_TYPE_CDS) || zone_rrset_find(apex, DNS_TYPE_CDNSKEY);
	uint8_t ds[DNSSEC_DS_SIZE];

	if (!keys_check(apex, err))
		return false;
	for (unsigned i = 0; i < keys->count; i++) {
		if (!record_add(zone, keys, DNS_TYPE_DNSKEY, keys->key[i].dnskey,
				sizeof(keys->key[i].dnskey), err))
			return false;
	}
	if (has_own)
		return true;
	dnssec_key_ds(sep, apex->name, ds);
	return record_add(zone, keys, DNS_TYPE_CDS, ds, sizeof(ds), err) &&
	       record_add(zone, keys, DNS_TYPE_CDNSKEY, sep->dnskey, sizeof(sep->dnskey), err);
}

struct sorting {
	struct zone_rdata *rdata;
	uint16_t type;
};

static int rdata_compare(const void *a, const void *b)
{
	const struct sorting *x = a, *y = b;
	struct canonical_rdata cx, cy;

	canonical_rdata_init(&cx, NULL, x->type, x->rdata->data, x->rdata->len);
	canonical_rdata_init(&cy, NULL, y->type, y->rdata->data, y->rdata->len);
	return canonical_rdata_compare(&cx, &cy);
}

void dnssec_rrset_sort(struct zone_rrset *set)
{
	struct zone_rdata **last = &set->rdata;
	struct sorting *all;
	size_t count = 0, i = 0;

	for (const struct zone_rdata *r = set->rdata; r; r = r->next)
		count++;
	if (count < 2)
		return;
	all = xcalloc(count, sizeof(*all));
	for (struct zone_rdata *r = set->rdata; r; r = r->next)
		all[i++] = (struct sorting){ r, set->type };
	qsort(all, count, sizeof(*all), rdata_compare);
	for (i = 0; i < count; i++) {
		*last = all[i].rdata;
		last = &all[i].rdata->next;
	}
	*last = NULL;
	free(all);
}
