/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netlink.h - the few requests to the kernel's routing that the local plane needs.
 *
 * Each is one message and its acknowledgement, which the kernel gives at once.
 * Everything added carries DP_PROTOCOL, by which leftovers are known. All
 * return 0 or -errno.
 */
#ifndef LB_DATAPLANE_NETLINK_H
#define LB_DATAPLANE_NETLINK_H

#include "lb/dataplane/legs.h"
#include "lib/addr.h"

/*
 * Of routes (rtm_protocol) and addresses (IFA_PROTO). Not RTPROT_BGP: FRR takes all of those for
 * its own and sweeps them at start. 67 is nobody's in iproute2's rt_protos.
 */
#define DP_PROTOCOL 67
/* Metric of unreachable routes: behind whatever an operator may have set. */
#define DP_UNREACHABLE_METRIC 2147483647U

struct dp_netlink;

int dp_netlink_open(struct dp_netlink **out);
void dp_netlink_close(struct dp_netlink *nl);

/* As a host address without duplicate address detection. -EEXIST: it is there already. */
int dp_netlink_address_add(struct dp_netlink *nl, unsigned ifindex, const struct addr *addr);
int dp_netlink_address_remove(struct dp_netlink *nl, unsigned ifindex, const struct addr *addr);

/* -EEXIST: such a route with that metric is there already. */
int dp_netlink_unreachable_add(struct dp_netlink *nl, const struct prefix *prefix);
int dp_netlink_unreachable_remove(struct dp_netlink *nl, const struct prefix *prefix);

/*
 * One multipath default route of this family, whose legs may be of the other (RFC 8950). replace:
 * ours is there and gives way; otherwise any with the same metric is -EEXIST.
 */
int dp_netlink_default_set(struct dp_netlink *nl, enum addr_family family, uint32_t metric,
			   const struct legs *legs, uint32_t advmss, bool replace);
int dp_netlink_default_remove(struct dp_netlink *nl, enum addr_family family, uint32_t metric);

/* What DP_PROTOCOL is on: an address (prefix of full length) or a route. */
struct dp_leftover {
	enum { DP_ADDRESS, DP_UNREACHABLE, DP_ROUTE } kind;
	unsigned ifindex; /* of an address */
	struct prefix prefix;
	uint32_t metric; /* of a route */
};

typedef void dp_leftover_fn(void *ctx, const struct dp_leftover *leftover);

/* Tell of every one. found must not use nl. */
int dp_netlink_leftovers(struct dp_netlink *nl, dp_leftover_fn *found, void *ctx);

/* A descriptor that becomes readable when a link has changed. The caller's own nl. */
int dp_netlink_watch_links(struct dp_netlink *nl, int *fd);
/* Read and forget what has made it readable. */
void dp_netlink_watch_drain(struct dp_netlink *nl);

#endif
