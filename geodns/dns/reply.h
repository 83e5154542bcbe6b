/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply.h - writing a reply to a query, never longer than allowed.
 *
 * Room for OPT is set aside first, so it is there in truncated and error
 * replies as well. Records go in section by section, in the order of the
 * message. Whoever writes an RRset takes a mark before it and goes back to it
 * when dns_reply_record_put() has said no: all or nothing. Names are
 * compressed against the question and all names written so far, without regard
 * to case, and in record data only where RFC 1035 defines it (RFC 3597, 4).
 * Pure; the buffer is the caller's.
 */
#ifndef GEODNS_DNS_REPLY_H
#define GEODNS_DNS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "geodns/dns/query.h"
#include "lib/wire.h"

#define DNS_REPLY_NAMES_MAX 48

struct dns_reply {
	struct wire_writer w;
	const struct dns_query *query;
	const char *identity; /* for NSID, or NULL */
	enum dns_rcode rcode; /* the caller's to set */
	bool authoritative;   /* the caller's to set: AA */
	bool truncated;	      /* the caller's to set: TC */
	uint8_t ecs_scope;    /* the caller's to set, sent if the query had a client subnet */
	size_t opt_room;      /* octets kept behind w.end */
	uint16_t counts[4];   /* by section */
	uint16_t names[DNS_REPLY_NAMES_MAX]; /* where names to point at start */
	unsigned name_count;
};

struct dns_reply_mark {
	uint8_t *pos;
	uint16_t counts[4];
	unsigned name_count;
};

/*
 * Begin with the header and the query's question. limit is at least DNS_UDP_SIZE_MIN, and no more
 * than the buffer holds; identity at most 63 octets.
 */
void dns_reply_init(struct dns_reply *r, uint8_t *buf, size_t limit, const struct dns_query *query,
		    const char *identity);
static inline struct dns_reply_mark dns_reply_mark(const struct dns_reply *r)
{
	struct dns_reply_mark mark;

	mark.pos = r->w.pos;
	memcpy(mark.counts, r->counts, sizeof(mark.counts));
	mark.name_count = r->name_count;
	return mark;
}

void dns_reply_back(struct dns_reply *r, const struct dns_reply_mark *mark);
/* False when it does not fit: then go back to a mark, and nothing else. */
bool dns_reply_record_put(struct dns_reply *r, enum dns_section section, const uint8_t *owner,
			  uint16_t type, uint32_t ttl, struct wire_reader rdata);
/* Fill in the header, append OPT if the query had one. Returns the length. */
size_t dns_reply_finish(struct dns_reply *r);

#endif
