/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * discovery.h - who is at the other end of an interface without addresses of its own.
 *
 * A shell around a raw ICMPv6 socket (CAP_NET_RAW). Says that we are here, by router
 * advertisements, asks who else is, by solicitations, and tells of each router that answers, as
 * FRR does for "neighbor IFACE interface"; BIRD answers with its protocol radv. The interface may
 * come, go and come back. Thread of the loop; on_router is called from it.
 */
#ifndef LB_BGP_DISCOVERY_H
#define LB_BGP_DISCOVERY_H

#include "lib/addr.h"

struct ev_loop;
struct bgp_discovery;

/* A router's link-local address, at every advertisement of its. */
typedef void bgp_on_router(void *ctx, const struct addr *from);

/* Begins at once. interface is copied. */
struct bgp_discovery *bgp_discovery_new(struct ev_loop *loop, const char *interface,
					bgp_on_router *on_router, void *ctx);
/* NULL is fine. */
void bgp_discovery_free(struct bgp_discovery *discovery);
/* Whoever was there may be gone: ask anew, and often at first. */
void bgp_discovery_ask(struct bgp_discovery *discovery);

#endif
