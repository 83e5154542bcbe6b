/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns.h - the stub resolver's messages (RFC 1035), in glibc's codec.
 *
 * On purpose not catchment-geodns' own: who measures must not share the
 * mistakes of what is measured. Pure.
 */
#ifndef TESTBED_CLIENT_DNS_H
#define TESTBED_CLIENT_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/* Plain DNS without EDNS: a longer answer comes truncated, and counts as that. */
#define CLIENT_DNS_SIZE 512

enum client_dns_status {
	CLIENT_DNS_OK,
	CLIENT_DNS_TIMEOUT,
	CLIENT_DNS_SERVFAIL,
	CLIENT_DNS_NXDOMAIN,
	CLIENT_DNS_REFUSED,
	CLIENT_DNS_NODATA,
	CLIENT_DNS_TRUNCATED,
	CLIENT_DNS_OTHER /* any other rcode, or records that do not parse */
};

/* A recursive query for the A or AAAA records of name. Returns its length; 0: bad name, no room. */
size_t client_dns_query_encode(uint8_t *buf, size_t size, uint16_t id, const char *name,
			       enum addr_family family);
/*
 * Read a reply to that query, its id apart. False when it is none (another question, not a
 * response): then wait on. Else *status is set, and *addr to the first address when that is OK.
 */
bool client_dns_reply_decode(const uint8_t *buf, size_t len, const char *name,
			     enum addr_family family, enum client_dns_status *status,
			     struct addr *addr);
/* "ok", "timeout", "servfail", "nxdomain", "refused", "nodata", "truncated", "other". */
const char *client_dns_status_name(enum client_dns_status status);

#endif
