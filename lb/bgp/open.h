/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open.h - the OPEN message body (RFC 4271, section 4.2) with its capabilities (RFC 5492).
 *
 * Known: multiprotocol IPv4 and IPv6 unicast (RFC 4760), 4-octet AS numbers (RFC 6793), route
 * refresh (RFC 2918) and its enhanced form (RFC 7313), role (RFC 9234), graceful restart (RFC 4724,
 * RFC 8538), IPv6 next hops of IPv4 unicast (RFC 8950). All others are ignored. Extended
 * parameter length (RFC 9072) is understood, never sent. Pure.
 */
#ifndef LB_BGP_OPEN_H
#define LB_BGP_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/error.h"
#include "lb/bgp/restart.h"
#include "lb/bgp/role.h"

#define BGP_OPEN_SIZE_MAX 128 /* of what is encoded */

#define BGP_AS_TRANS 23456 /* stands for an ASN that does not fit two octets */

struct bgp_open {
	uint32_t asn; /* the true one: that of the capability where there is one */
	uint16_t hold_time;
	uint32_t router_id;
	/* Without any multiprotocol capability ipv4 is set: that is what it then means. */
	bool ipv4, ipv6;
	bool four_octet_asn, route_refresh, enhanced_refresh, graceful_restart;
	bool extended_next_hop;	    /* IPv4 prefixes may have IPv6 next hops */
	struct bgp_restart restart; /* with graceful_restart */
	enum bgp_role role;
	bool role_required; /* own only: a peer that says none is refused */
};

/* What both sides can do. */
struct bgp_negotiated {
	bool graceful_restart, restart_notification; /* each for its own families */
	bool ipv4, ipv6, four_octet_asn, enhanced_refresh, extended_next_hop;
};

/* The error to send as NOTIFICATION; code 0 and *open filled in when there is none. */
struct bgp_error bgp_open_decode(struct bgp_open *open, const uint8_t *body, size_t len);
/* Returns the body's size, 0 when it does not fit. */
size_t bgp_open_encode(const struct bgp_open *open, uint8_t *buf, size_t size);
/*
 * Judge the peer's OPEN beside our own: ASN as configured (peer_asn 0: any but ours), BGP
 * identifier not ours when the ASN is (RFC 6286), roles that fit (RFC 9234), a common address
 * family (RFC 5492, section 5).
 */
struct bgp_error bgp_open_negotiate(struct bgp_negotiated *out, const struct bgp_open *own,
				    const struct bgp_open *peer, uint32_t peer_asn);

#endif
