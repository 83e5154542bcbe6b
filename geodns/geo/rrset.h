/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rrset.h - the records that a choice stands for: A, AAAA, CNAME, HTTPS, SVCB (RFC 9460).
 *
 * Pure. An HTTPS or SVCB record of a geographic name has the priority 1, the owner as target, and
 * as hints the addresses of what has been chosen, so that it leads where A and AAAA do.
 */
#ifndef GEODNS_GEO_RRSET_H
#define GEODNS_GEO_RRSET_H

#include "geodns/dns/reply.h"
#include "geodns/geo/name.h"

/* Keys of RFC 9460, 14.3.2. */
enum geo_service_key {
	GEO_SERVICE_ALPN = 1,
	GEO_SERVICE_NO_DEFAULT_ALPN = 2,
	GEO_SERVICE_PORT = 3,
	GEO_SERVICE_IPV4HINT = 4,
	GEO_SERVICE_IPV6HINT = 6,
};
#define GEO_SERVICE_DATA_MAX 320 /* octets of struct geo_service */

/* Is it the name, not the zone file, that says what there is of a type (not ANY)? */
bool geo_rrset_is_owned(const struct geo_name *name, uint16_t type);
/* What ANY is answered with: the one type that every choice has (RFC 8482, 4.1). */
uint16_t geo_rrset_main_type(const struct geo_name *name);
/* Records of an owned type; 0 is NODATA. */
size_t geo_rrset_count(const struct geo_name *name, const struct geo_choice *choice, uint16_t type);
/* Put them into the answer section. False when they do not fit: then go back to a mark. */
bool geo_rrset_put(struct dns_reply *reply, const uint8_t *owner, const struct geo_name *name,
		   const struct geo_choice *choice, uint16_t type);

#endif
