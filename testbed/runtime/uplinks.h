/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * uplinks.h - does every upstream of a pop send into it?
 *
 * convergence.h is content with any way to a prefix, and an anycast prefix has many. That a pop's
 * sessions are up, with each upstream and the one that BFD watches as well, shows in its upstreams'
 * kernels: what the pop announces has the pop itself as next hop there, or another pop at the same
 * router. Pure bookkeeping of the kernel routes that the agents report.
 */
#ifndef TESTBED_RUNTIME_UPLINKS_H
#define TESTBED_RUNTIME_UPLINKS_H

#include "testbed/topology.h"

struct uplinks;

struct uplinks *uplinks_new(const struct topology *topology);
void uplinks_free(struct uplinks *uplinks);
/* A node's kernel now sends this prefix to via; ADDR_NONE: to no neighbour. */
void uplinks_route(struct uplinks *uplinks, size_t node, const struct prefix *prefix,
		   const struct addr *via);
/* A node is started anew and has nothing. */
void uplinks_forget(struct uplinks *uplinks, size_t node);
/* Ways into pops still missing at all their upstreams together. */
size_t uplinks_missing(const struct uplinks *uplinks);
/* One of the missing, for a message. False when there is none. */
bool uplinks_example(const struct uplinks *uplinks, size_t *node, struct prefix *prefix);

#endif
