/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * next_hop.h - the addresses of ours that a peer can reach, and which of them are next hops.
 *
 * Finding them is a shell around getifaddrs(3); choosing is pure.
 */
#ifndef LB_BGP_NEXT_HOP_H
#define LB_BGP_NEXT_HOP_H

#include "lb/bgp/open.h"
#include "lb/bgp/speaker.h"

struct bgp_interface {
	unsigned index; /* 0: no interface has the address */
	/* The first of each that is not link-local; ADDR_NONE: it has none, or is lo. */
	struct addr ipv4, ipv6;
};

/* Of this name or, if it is NULL, the one that has this address; and its addresses. */
struct bgp_interface bgp_interface_find(const char *name, const struct addr *local);

/* ADDR_NONE: the family is not spoken, or has none. */
struct bgp_next_hops {
	struct addr ipv4; /* an IPv6 address where the session runs over it and RFC 8950 permits */
	struct addr ipv6;
	struct addr link_local; /* to go beside the other IPv6 address (RFC 2545) */
};

/*
 * For a session whose own end is local: what conf says, else that end, else the interface's. Over
 * link-local addresses an interface without another announces the link-local one alone.
 */
struct bgp_next_hops bgp_next_hops_choose(const struct bgp_peer_conf *conf,
					  const struct bgp_negotiated *both,
					  const struct addr *local,
					  const struct bgp_interface *interface);

#endif
