/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bird.h - the configuration of a BIRD 2 router, written from the topology.
 *
 * The relationships decide (Gao-Rexford): a route learnt from a customer goes
 * to everybody, any other to customers only, and LOCAL_PREF prefers customers
 * (200) to peers (150) to providers (100). What a route is, its router's own
 * network remembers in a community: (asn, 1) customer, 2 peer, 3 provider.
 * GRACEFUL_SHUTDOWN (RFC 8326) and (asn, 40) lower LOCAL_PREF to 0 and 40.
 * Routers of one network speak iBGP in full mesh over OSPF, whose costs are the
 * links' delays, so traffic leaves by the nearest exit. Pops get a default route.
 */
#ifndef TESTBED_ROUTER_BIRD_H
#define TESTBED_ROUTER_BIRD_H

#include "testbed/topology.h"

/* For a router node. The caller frees the text. */
char *bird_router_config(const struct topology *t, size_t at);
/* For a pop that announces everything it may, always, whatever its health ("speaker": "bird"). */
char *bird_pop_config(const struct topology *t, size_t at);

#endif
