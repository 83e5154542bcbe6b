/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/canonical.h"

#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/dns/rr.h"
#include "lib/wire.h"

#define POINTER 0xc0

/* In front of the names: octets, and then strings with their length in an octet. */
struct layout {
	uint8_t skip, strings, names;
};

static struct layout layout_of(uint16_t type)
{
	/* HINFO is in RFC 4034's list but has no names; NSEC's is not changed (RFC 6840, 5.1). */
	static const struct layout layouts[] = {
		[17] = { .names = 2 },		  /* RP */
		[18] = { .skip = 2, .names = 1 }, /* AFSDB */
		[21] = { .skip = 2, .names = 1 }, /* RT */
		[26] = { .skip = 2, .names = 2 }, /* PX */
		[DNS_TYPE_SRV] = { .skip = 6, .names = 1 },
		[35] = { .skip = 4, .strings = 3, .names = 1 }, /* NAPTR */
		[36] = { .skip = 2, .names = 1 },		/* KX */
		[DNS_TYPE_DNAME] = { .names = 1 },
	};
	struct dns_rdata_layout old = dns_rdata_layout(type);

	if (old.names > 0)
		return (struct layout){ .skip = old.skip, .names = old.names };
	return type < sizeof(layouts) / sizeof(layouts[0]) ? layouts[type] : (struct layout){ 0 };
}

static void name_copy(struct wire_writer *w, struct wire_reader *r, const uint8_t *message)
{
	const uint8_t *message_end = r->end;
	struct wire_reader elsewhere, *from = r;

	while (!from->failed && !w->failed) {
		uint8_t label = wire_get_u8(from);
		const uint8_t *octets;

		if ((label & POINTER) == POINTER && message) {
			const uint8_t *to =
				message + ((size_t)(label & ~POINTER) << 8 | wire_get_u8(from));

			if (from->failed || to >= from->pos)
				break;
			elsewhere = (struct wire_reader){ .pos = to, .end = message_end };
			from = &elsewhere;
			continue;
		}
		if (label & POINTER)
			break;
		octets = wire_get_bytes(from, label);
		wire_put_u8(w, label);
		for (unsigned i = 0; octets && i < label; i++)
			wire_put_u8(w, dns_octet_lower(octets[i]));
		if (octets && label == 0)
			return;
	}
	r->failed = true;
}

/* Data that are not of their type's form, which a zone file can hold as raw octets, fail. */
static bool names_lower(struct canonical_rdata *out, struct layout layout, const uint8_t *message,
			struct wire_reader r)
{
	struct wire_writer w = wire_writer(out->own, sizeof(out->own));
	const uint8_t *start = r.pos;
	size_t left;

	wire_get_bytes(&r, layout.skip);
	for (unsigned i = 0; i < layout.strings; i++)
		wire_get_bytes(&r, wire_get_u8(&r));
	if (r.failed)
		return false;
	wire_put_bytes(&w, start, (size_t)(r.pos - start));
	for (unsigned i = 0; i < layout.names; i++)
		name_copy(&w, &r, message);
	left = wire_left(&r);
	if (!r.failed)
		wire_put_bytes(&w, r.pos, left);
	out->data = out->own;
	out->len = wire_written(&w);
	return !r.failed && !w.failed;
}

void canonical_rdata_init(struct canonical_rdata *out, const uint8_t *message, uint16_t type,
			  const uint8_t *rdata, size_t len)
{
	struct layout layout = layout_of(type);

	if (layout.names > 0 && names_lower(out, layout, message, wire_reader(rdata, len)))
		return;
	out->data = rdata;
	out->len = len;
}

int canonical_rdata_compare(const struct canonical_rdata *a, const struct canonical_rdata *b)
{
	size_t both = a->len < b->len ? a->len : b->len;
	int diff = both > 0 ? memcmp(a->data, b->data, both) : 0;

	if (diff != 0)
		return diff;
	return (a->len > b->len) - (a->len < b->len);
}
