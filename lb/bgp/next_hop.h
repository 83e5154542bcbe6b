/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * next_hop.h - the address of ours that a peer can reach, in a family that the session is not of.
 *
 * A shell around getifaddrs(3).
 */
#ifndef LB_BGP_NEXT_HOP_H
#define LB_BGP_NEXT_HOP_H

#include "lib/addr.h"

struct bgp_interface {
	unsigned index;		/* 0: no interface has the address */
	struct addr ipv4, ipv6; /* the first of each that is not link-local, or ADDR_NONE */
};

/* The interface that has this address, and its addresses. */
struct bgp_interface bgp_interface_find(const struct addr *local);

#endif
