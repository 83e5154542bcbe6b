/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/reply.h"

#include <string.h>

#include "geodns/dns/name.h"

/* Type, class, TTL, length of the data. */
#define RECORD_FIXED (2 + 2 + 4 + 2)
#define POINTER	     0xc0
#define POINTER_MAX  0x3fff

static void name_remember(struct dns_reply *r)
{
	size_t at = wire_offset(&r->w);

	if (at <= POINTER_MAX && r->name_count < DNS_REPLY_NAMES_MAX)
		r->names[r->name_count++] = (uint16_t)at;
}

/* Is it this name that stands, compressed or not, at that offset of the message? */
static bool name_stands_at(const struct dns_reply *r, size_t at, const uint8_t *name)
{
	const uint8_t *p = r->w.start + at;

	for (;;) {
		while (p[0] >= POINTER)
			p = r->w.start + ((size_t)(p[0] & ~POINTER) << 8 | p[1]);
		if (!dns_label_equal(p, name))
			return false;
		if (dns_name_is_root(name))
			return true;
		p += 1 + p[0];
		name = dns_name_parent(name);
	}
}

/* It may have more labels than there is place for: those are not pointed to. */
static void question_remember(struct dns_reply *r)
{
	const uint8_t *p = r->query->qname;

	for (; !dns_name_is_root(p) && r->name_count < DNS_REPLY_NAMES_MAX; p = dns_name_parent(p))
		r->names[r->name_count++] = (uint16_t)(DNS_HEADER_SIZE + (p - r->query->qname));
}

static void name_put(struct dns_reply *r, const uint8_t *name)
{
	unsigned known;

	/* As nearly all owners are. */
	if (name == r->query->qname && !dns_name_is_root(name)) {
		wire_put_u16(&r->w, POINTER << 8 | DNS_HEADER_SIZE);
		return;
	}
	if (r->name_count == 0)
		question_remember(r);
	/* This name's own beginning does not count: nothing stands behind it yet. */
	known = r->name_count;
	/* What did not fit is remembered all the same: nothing stands there. */
	for (; !r->w.failed && !dns_name_is_root(name); name = dns_name_parent(name)) {
		for (unsigned i = 0; i < known; i++) {
			if (name_stands_at(r, r->names[i], name)) {
				wire_put_u16(&r->w, (uint16_t)(POINTER << 8 | r->names[i]));
				return;
			}
		}
		name_remember(r);
		wire_put_bytes(&r->w, name, 1 + (size_t)name[0]);
	}
	wire_put_u8(&r->w, 0);
}

void dns_reply_init(struct dns_reply *r, uint8_t *buf, size_t limit, const struct dns_query *query,
		    const char *identity)
{
	static const uint8_t header[DNS_HEADER_SIZE];

	/* One by one: names are set as they come. */
	r->w = wire_writer(buf, limit);
	r->query = query;
	r->identity = identity;
	r->rcode = query->rcode;
	r->authoritative = r->truncated = false;
	r->ecs_scope = 0;
	r->name_count = 0;
	memset(r->counts, 0, sizeof(r->counts));
	if (query->has_edns) {
		r->opt_room = dns_edns_size(&query->edns, identity);
		r->w.end -= r->opt_room;
	}
	wire_put_bytes(&r->w, header, sizeof(header));
	if (!query->has_question)
		return;
	/* Type and class stand behind the name, here as there. */
	wire_put_bytes(&r->w, query->qname, query->qname_len + 2 + 2);
	r->counts[DNS_QUESTION] = 1;
}

void dns_reply_back(struct dns_reply *r, const struct dns_reply_mark *mark)
{
	r->w.pos = mark->pos;
	r->w.failed = false;
	r->name_count = mark->name_count;
	memcpy(r->counts, mark->counts, sizeof(r->counts));
}

/* Data with names in it, which are compressed: their length is known at the end. */
static void names_put(struct dns_reply *r, struct dns_rdata_layout layout, struct wire_reader rdata)
{
	const size_t len_at = wire_offset(&r->w) - 2;
	size_t len;

	wire_put_bytes(&r->w, wire_get_bytes(&rdata, layout.skip), layout.skip);
	for (unsigned i = 0; i < layout.names; i++)
		name_put(r, dns_name_decode(&rdata, &len));
	len = wire_left(&rdata);
	wire_put_bytes(&r->w, wire_get_bytes(&rdata, len), len);
	wire_patch_u16(&r->w, len_at, (uint16_t)(wire_offset(&r->w) - len_at - 2));
}

bool dns_reply_record_put(struct dns_reply *r, enum dns_section section, const uint8_t *owner,
			  uint16_t type, uint32_t ttl, struct wire_reader rdata)
{
	const struct dns_rdata_layout layout = dns_rdata_layout(type);
	const size_t len = wire_left(&rdata);
	struct wire_writer head;
	uint8_t *fixed;

	name_put(r, owner);
	fixed = wire_put_space(&r->w, RECORD_FIXED);
	if (!fixed)
		return false;
	head = wire_writer(fixed, RECORD_FIXED);
	wire_put_u16(&head, type);
	wire_put_u16(&head, r->query->qclass);
	wire_put_u32(&head, ttl);
	wire_put_u16(&head, (uint16_t)len);
	if (layout.names > 0)
		names_put(r, layout, rdata);
	else
		wire_put_bytes(&r->w, rdata.pos, len);
	r->counts[section]++;
	return !r->w.failed;
}

size_t dns_reply_finish(struct dns_reply *r)
{
	const struct dns_query *q = r->query;
	struct wire_writer header = wire_writer(r->w.start, DNS_HEADER_SIZE);
	uint16_t flags = DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD));

	if (q->has_edns) {
		size_t opt_at = wire_offset(&r->w);

		r->w.end += r->opt_room;
		dns_edns_encode(&r->w, &q->edns, r->rcode, r->ecs_scope, r->identity);
		if (q->edns.has_padding)
			dns_edns_pad(&r->w, opt_at);
		r->counts[DNS_ADDITIONAL]++;
	}
	flags |= r->authoritative ? DNS_FLAG_AA : 0;
	flags |= r->truncated ? DNS_FLAG_TC : 0;
	wire_put_u16(&header, q->id);
	wire_put_u16(&header, (uint16_t)(flags | (r->rcode & 0xf)));
	wire_put_u16(&header, r->counts[DNS_QUESTION]);
	wire_put_u16(&header, r->counts[DNS_ANSWER]);
	wire_put_u16(&header, r->counts[DNS_AUTHORITY]);
	wire_put_u16(&header, r->counts[DNS_ADDITIONAL]);
	return wire_written(&r->w);
}
