/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netconf.h - a node's interfaces, addresses, neighbours and routes, by libnl.
 *
 * All act on the network namespace that netconf_open() was called in, and
 * return 0 or -errno.
 */
#ifndef TESTBED_RUNTIME_NETCONF_H
#define TESTBED_RUNTIME_NETCONF_H

#include "lib/addr.h"

struct nl_sock;

int netconf_open(struct nl_sock **out);
void netconf_close(struct nl_sock *nl);
/* Bring the interface up; mac may be NULL. */
int netconf_link_up(struct nl_sock *nl, const char *name, const uint8_t *mac);
/* text: "10.0.0.1/31". IPv6 addresses skip duplicate detection. */
int netconf_address_add(struct nl_sock *nl, const char *iface, const char *text);
/* A permanent neighbour entry. */
int netconf_peer_add(struct nl_sock *nl, const char *iface, const struct addr *addr,
		     const uint8_t *mac);
/* source: preferred source address, family NONE for any. */
int netconf_route_add(struct nl_sock *nl, const struct prefix *dst, const struct addr *via,
		      const struct addr *source);
/* What nothing better is known for is dropped here, and the sender told so. */
int netconf_route_block(struct nl_sock *nl, const struct prefix *dst, uint32_t metric);

/* Every default route of both families, wherever it leads. */
int netconf_default_routes_remove(struct nl_sock *nl);

#endif
