/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dataplane.h - how packets for the VIPs come in and how answers find out.
 *
 * One plane is chosen at start and spoken to by its table of operations:
 *
 *	daemon --accept/refuse--> plane     the VIPs' and the identity's addresses
 *	daemon --default_route--> plane     legs of the way out, by peer and family
 *	daemon <----- heard ----- plane     has anything come for a VIP that is leaving?
 *
 * Errors are -errno. One thread: the loop's. A plane takes over what a killed
 * predecessor has left and at its end removes what it has added, nothing else.
 */
#ifndef LB_DATAPLANE_DATAPLANE_H
#define LB_DATAPLANE_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

struct dataplane;
struct dataplane_ear;
struct lb_conf;

struct dataplane_ops {
	const char *name;
	/* Take packets for this address, or no longer. Doing so twice is once. */
	int (*accept)(struct dataplane *dp, const struct addr *addr);
	int (*refuse)(struct dataplane *dp, const struct addr *addr);
	/* Left by a predecessor, or accepted since. */
	bool (*is_accepted)(const struct dataplane *dp, const struct addr *addr);
	/*
	 * The default route of this family by this peer: next_hop, which may be of the other, or
	 * NULL when it has none any more. ifindex is needed for link-local next hops. Peers are
	 * numbered by the caller.
	 */
	int (*default_route)(struct dataplane *dp, size_t peer, const struct addr *next_hop,
			     enum addr_family family, unsigned ifindex);
	/* Listen for packets from outside to these addresses. The caller closes it. */
	int (*ear_open)(struct dataplane *dp, const struct addr *addrs, size_t count,
			struct dataplane_ear **out);
	/* The same for packets that begin a flow: SYNs, and what is not TCP. */
	int (*ear_open_new)(struct dataplane *dp, const struct addr *addrs, size_t count,
			    struct dataplane_ear **out);
	/*
	 * Another configuration, with the same interface, which counts from now on: prefixes that
	 * are new in it are guarded, the default routes are as it says. Addresses are the caller's
	 * to accept and refuse. The first -errno, -EEXIST: a default route of somebody else has its
	 * metric; a route that cannot be had leaves in place the one that there was. The way back
	 * is a reload of the configuration before.
	 */
	int (*reload)(struct dataplane *dp, const struct lb_conf *conf);
	/* Forget prefixes that the configuration does not have: nothing comes for them any more. */
	void (*tidy)(struct dataplane *dp);
	/* Free the plane, and leave everything for a successor. */
	void (*leave)(struct dataplane *dp);
	/* Remove everything and free the plane. */
	void (*free)(struct dataplane *dp);
};

/* First member of every plane. */
struct dataplane {
	const struct dataplane_ops *ops;
};

/* Has anything arrived since the last time that this was asked? */
bool dataplane_ear_heard(struct dataplane_ear *ear);
/* How many packets have arrived since it was opened. */
uint64_t dataplane_ear_count(struct dataplane_ear *ear);
void dataplane_ear_close(struct dataplane_ear *ear); /* NULL is fine */

struct ev_loop;
/* The plane "local": see local.c. Sets *out, or returns -errno (-ENODEV: no such interface,
 * -ENETDOWN: it is down). */
int dataplane_local_new(struct dataplane **out, struct ev_loop *loop, const struct lb_conf *conf);

#endif
