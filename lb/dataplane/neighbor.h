/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * neighbor.h - where on our links these addresses are: their MAC addresses, kept fresh.
 *
 * The kernel is asked to resolve each and to go on doing so (a managed neighbour, Linux 5.16); what
 * it finds, and loses, is heard. An entry that somebody has fixed is taken as it is. What we add
 * carries DP_PROTOCOL; it goes at the end, and what a predecessor has left when its successor
 * starts. One thread: the loop's. Errors are -errno.
 */
#ifndef LB_DATAPLANE_NEIGHBOR_H
#define LB_DATAPLANE_NEIGHBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

struct ev_loop;
struct neighbors;

enum neighbor_state {
	NEIGHBOR_ASKED, /* there has been no answer yet, nor time for one */
	NEIGHBOR_KNOWN,
	NEIGHBOR_LOST,	 /* it does not answer */
	NEIGHBOR_OURS,	 /* it is this machine */
	NEIGHBOR_BEHIND, /* of a router: on none of our links */
	NEIGHBOR_NO_WAY, /* there is no route, or the kernel cannot manage it */
};

struct neighbor {
	enum neighbor_state state;
	/* NEIGHBOR_KNOWN: its own, that of our interface, and which that is. */
	uint8_t mac[6], from[6];
	unsigned ifindex;
};

/* on_change: something is different for an address. It may ask, but not call neighbors_set(). */
int neighbors_new(struct neighbors **out, struct ev_loop *loop, void (*on_change)(void *ctx),
		  void *ctx);
/* NULL is fine. keep: the kernel goes on, for a successor. */
void neighbors_free(struct neighbors *n, bool keep);

/*
 * These addresses, each maybe more than once, and no others. Who is in the kernel's table already
 * is known when this returns.
 */
void neighbors_set(struct neighbors *n, const struct addr *addrs, size_t count);
/* NULL: it is none of them. Good until the next set. */
const struct neighbor *neighbors_find(const struct neighbors *n, const struct addr *addr);
/* Is it still there? If not, it is lost within 3 s. */
void neighbors_probe(struct neighbors *n, const struct addr *addr);
#define NEIGHBOR_TEXT_SIZE 18
/* Its MAC address. Returns buf. */
const char *neighbor_format(const struct neighbor *neighbor, char buf[NEIGHBOR_TEXT_SIZE]);
/* Why packets cannot be brought there; NULL: they can. */
const char *neighbor_obstacle(const struct neighbor *neighbor);

#endif
