/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * update.h - the UPDATE message body (RFC 4271, section 4.3; RFC 4760 for IPv6).
 *
 * Pure. Decoding borrows slices of the input; see path_attr.h for the verdicts of RFC 7606.
 */
#ifndef LB_BGP_UPDATE_H
#define LB_BGP_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/path_attr.h"

struct bgp_update {
	struct bgp_attrs attrs;		  /* attrs.verdict is that of the whole message */
	struct bgp_nlri withdrawn, reach; /* the IPv4 fields; those of MP are in attrs */
	enum addr_family end_of_rib;	  /* ADDR_NONE: it is none */
};

/*
 * Returns update->attrs.verdict; with BGP_UPDATE_RESET only attrs.error is of use. options: of enum
 * bgp_session_option.
 */
enum bgp_verdict bgp_update_decode(struct bgp_update *update, const uint8_t *body, size_t len,
				   unsigned options);

/*
 * What the message does to one prefix, withdrawn before announced and malformed as withdrawn:
 * 0 it is not in there, 1 announced with *next_hop, -1 withdrawn. own_asn: a path with it is a
 * loop, which counts as withdrawn, as does a next hop that is no unicast address.
 */
int bgp_update_find(const struct bgp_update *update, const struct prefix *prefix, uint32_t own_asn,
		    struct addr *next_hop);

/*
 * Each writes one body with as many of the prefixes (all of one family) as fit and returns how
 * many these are; 0, and the writer failed, when not even one does.
 */
size_t bgp_update_put_announce(struct wire_writer *w, const struct bgp_route_attrs *attrs,
			       const struct prefix *prefixes, size_t count);
size_t bgp_update_put_withdraw(struct wire_writer *w, const struct prefix *prefixes, size_t count);
/* RFC 4724, section 2. */
void bgp_update_put_end_of_rib(struct wire_writer *w, enum addr_family family);

#endif
