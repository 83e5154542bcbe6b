/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * edns.h - the OPT record (RFC 6891) with Client Subnet (RFC 7871), Cookie (RFC 7873), NSID
 * (RFC 5001), edns-tcp-keepalive (RFC 7828) and Padding (RFC 7830).
 *
 * Pure codecs. Options that are not ours and the Z bits are ignored.
 */
#ifndef GEODNS_DNS_EDNS_H
#define GEODNS_DNS_EDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/dns/cookie.h"
#include "geodns/dns/rr.h"
#include "lib/addr.h"
#include "lib/wire.h"

#define DNS_UDP_SIZE_MIN 512
/* What fits into every path that IPv6 may take: nothing longer is sent over UDP. */
#define DNS_UDP_SIZE_MAX 1232

/* As an answer repeats it, but for the scope. */
struct dns_ecs {
	const uint8_t *option; /* the whole of it, borrowed from the message */
	size_t option_len;     /* up to 24; of an octet GCC would copy so many by rep movs, slow to
				  begin */
	uint8_t source_prefix;
};

struct dns_edns {
	uint8_t version;
	bool dnssec_ok;
	bool compact_ok; /* beside DO only (RFC 9824, 5.1): NXDOMAIN may be said, too */
	bool has_ecs, has_nsid, has_cookie;
	bool has_padding;   /* the answer is to be padded, where that is of use */
	bool has_keepalive; /* the answer is to tell keepalive, where there is a connection */
	uint16_t keepalive; /* in an answer: how long it may be idle, in units of 100 ms */
	uint16_t udp_size;  /* as sent; see dns_edns_udp_size() */
	struct dns_ecs ecs;
	struct dns_cookie cookie;
};

/* No options; all else is left as it is. */
static inline void dns_edns_clear(struct dns_edns *edns)
{
	edns->dnssec_ok = edns->compact_ok = false;
	edns->has_ecs = edns->has_nsid = edns->has_cookie = false;
	edns->has_padding = edns->has_keepalive = false;
}

/*
 * Read the fields behind the owner and type of an OPT record: class, TTL, options. False, with
 * the reader failed, when it is cut short. Otherwise *rcode says whether it is to be obeyed:
 * NOERROR, BADVERS (options not looked at), or FORMERR (an option overruns, breaks its RFC or
 * comes twice; what was read before it stands).
 */
bool dns_edns_decode(struct dns_edns *out, struct wire_reader *r, enum dns_rcode *rcode);

/* What an answer may measure over UDP. */
size_t dns_edns_udp_size(const struct dns_edns *edns);

/* The client subnet as an address. False: none is named (source_prefix 0), and out is left. */
bool dns_edns_subnet(struct addr *out, const struct dns_edns *edns);

/*
 * Write the whole OPT record of an answer with that (extended) rcode: the query's DO and CO, its
 * client subnet with that scope, its cookie, the keepalive that is set in it if it asks for one,
 * and identity when NSID was asked for and it is not NULL.
 */
void dns_edns_encode(struct wire_writer *w, const struct dns_edns *edns, enum dns_rcode rcode,
		     uint8_t ecs_scope, const char *identity);
/* How many octets that will be. */
size_t dns_edns_size(const struct dns_edns *edns, const char *identity);
/*
 * Make the OPT record at that offset, the message's last, longer by padding, so that the message is
 * a multiple of 468 octets (RFC 8467, 4.1), or as long as there is room for.
 */
void dns_edns_pad(struct wire_writer *w, size_t opt_at);

#endif
