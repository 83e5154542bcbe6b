/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * query.h - reading a query (RFC 1035, 4.1; RFC 6891; RFC 9619).
 *
 * Pure. Decoding ends in one of three ways: the message deserves no reply, it
 * deserves an error that the query's rcode names, or it is a question to be
 * answered (rcode NOERROR). What could be read is there for the error reply
 * too: the question is echoed if has_question, OPT is sent if has_edns.
 */
#ifndef GEODNS_DNS_QUERY_H
#define GEODNS_DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/dns/edns.h"
#include "geodns/dns/rr.h"

struct dns_query {
	uint16_t id;
	uint16_t flags; /* as received */
	enum dns_rcode rcode;
	bool has_edns;
	bool cookie_only;  /* no question, but a cookie, and that is fine (RFC 7873, 5.4) */
	bool has_question; /* then the next four are set, and lie in the message one after another
			    */
	const uint8_t *qname; /* borrowed from the message, case as sent */
	size_t qname_len;
	uint16_t qtype, qclass;
	struct dns_edns edns; /* if not has_edns, nothing but that it has no options */
};

/* False: no reply (shorter than a header, or itself a reply), and out is of no use. */
bool dns_query_decode(struct dns_query *out, const uint8_t *buf, size_t len);

#endif
