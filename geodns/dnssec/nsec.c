/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/nsec.h"

#include <string.h>

#include "geodns/geo/name.h"

/* All that a geographic name may own. */
static const uint16_t of_geo[] = { DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_AAAA, DNS_TYPE_SVCB,
				   DNS_TYPE_HTTPS };

static bool geo_has(const struct geo_name *geo, uint16_t type)
{
	if (geo->has_cname || type == DNS_TYPE_CNAME)
		return geo->has_cname && type == DNS_TYPE_CNAME;
	if (type == DNS_TYPE_A)
		return geo->targets[0].a_count > 0;
	if (type == DNS_TYPE_AAAA)
		return geo->targets[0].aaaa_count > 0;
	return (type == DNS_TYPE_HTTPS ? geo->https : geo->svcb).len > 0;
}

static bool is_told(const struct nsec *nsec, uint16_t type)
{
	/* What lies at and below a cut is the child's, and not for the parent to tell. */
	if (nsec->node && nsec->node->is_cut)
		return type == DNS_TYPE_NS || type == DNS_TYPE_DS;
	return type != nsec->without;
}

/* The smallest type above after that the bitmap has; -1 for none. */
static int type_next(const struct nsec *nsec, int after)
{
	const struct zone_node *node = nsec->node;
	int best = INT32_MAX;

#define CONSIDER(type)                                                                             \
	do {                                                                                       \
		if ((type) > after && (type) < best)                                               \
			best = (type);                                                             \
	} while (0)
	CONSIDER(DNS_TYPE_RRSIG);
	CONSIDER(DNS_TYPE_NSEC);
	if (!node)
		CONSIDER(DNS_TYPE_NXNAME);
	for (const struct zone_rrset *set = node ? node->rrsets : NULL; set; set = set->next) {
		if (is_told(nsec, set->type))
			CONSIDER(set->type);
	}
	for (unsigned i = 0; node && node->geo && i < sizeof(of_geo) / sizeof(of_geo[0]); i++) {
		if (geo_has(node->geo, of_geo[i]) && is_told(nsec, of_geo[i]))
			CONSIDER(of_geo[i]);
	}
#undef CONSIDER
	return best == INT32_MAX ? -1 : best;
}

static void bitmap_put(const struct nsec *nsec, struct wire_writer *w)
{
	int type = type_next(nsec, -1);

	while (type >= 0) {
		int window = type >> 8;
		uint8_t bits[32] = { 0 };
		size_t len = 0;

		for (; type >= 0 && type >> 8 == window; type = type_next(nsec, type)) {
			unsigned low = (unsigned)type & 0xff;

			bits[low / 8] |= (uint8_t)(0x80 >> low % 8);
			len = low / 8 + 1;
		}
		wire_put_u8(w, (uint8_t)window);
		wire_put_u8(w, (uint8_t)len);
		wire_put_bytes(w, bits, len);
	}
}

/* Behind everything below name too: its first label, made longer by the smallest octet. */
static bool label_extend(uint8_t out[DNS_NAME_MAX], const uint8_t *name, size_t len)
{
	size_t label = 1 + (size_t)name[0];

	if (name[0] == 0 || name[0] == DNS_LABEL_MAX || len == DNS_NAME_MAX)
		return false;
	memcpy(out, name, label);
	out[0]++;
	out[label] = 0;
	memcpy(out + label + 1, name + label, len - label);
	return true;
}

/*
 * The last octet that can be raised, raised, and what follows it in its label left out. Upper-case
 * letters count as lower-case ones, so that they are no octets of their own in the order.
 */
static bool label_raise(uint8_t out[DNS_NAME_MAX], const uint8_t *name, size_t len)
{
	size_t label = 1 + (size_t)name[0], keep = label;

	while (keep > 1 && name[keep - 1] == 0xff)
		keep--;
	if (keep == 1)
		return false;
	memcpy(out, name, keep);
	out[keep - 1] = dns_octet_lower(name[keep - 1]);
	out[keep - 1] = out[keep - 1] == 'A' - 1 ? 'Z' + 1 : (uint8_t)(out[keep - 1] + 1);
	out[0] = (uint8_t)(keep - 1);
	memcpy(out + keep, name + label, len - label);
	return true;
}

void nsec_name_next(uint8_t out[DNS_NAME_MAX], const uint8_t *name, const uint8_t *apex)
{
	size_t len = dns_name_length(name);

	if (len + 2 <= DNS_NAME_MAX) {
		out[0] = 1;
		out[1] = 0;
		memcpy(out + 2, name, len);
		return;
	}
	/* No room for a further label: go past the subtree (RFC 4471, 3.1.2). */
	if (label_extend(out, name, len))
		return;
	while (!dns_name_equal(name, apex)) {
		if (label_raise(out, name, len))
			return;
		len -= 1 + (size_t)name[0];
		name = dns_name_parent(name);
	}
	memcpy(out, apex, dns_name_length(apex));
}

size_t nsec_rdata_encode(const struct nsec *nsec, uint8_t out[NSEC_RDATA_MAX])
{
	struct wire_writer w = wire_writer(out, NSEC_RDATA_MAX);
	uint8_t owner[DNS_NAME_MAX], next[DNS_NAME_MAX];
	size_t len = dns_name_lower(owner, nsec->owner);

	/* What lies below a cut are no names of this zone: the next one is behind them all. */
	if (!nsec->node || !nsec->node->is_cut || !label_extend(next, owner, len))
		nsec_name_next(next, owner, nsec->apex);
	wire_put_bytes(&w, next, dns_name_length(next));
	bitmap_put(nsec, &w);
	return wire_written(&w);
}
