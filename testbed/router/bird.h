/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bird.h - the configuration of a BIRD 2 router, written from the topology.
 *
 * What it does is policy.h's; here it is said to BIRD. Of variants with BFD bird_bfd.h tells.
 * Pure.
 */
#ifndef TESTBED_ROUTER_BIRD_H
#define TESTBED_ROUTER_BIRD_H

#include <stdbool.h>
#include <stdio.h>

#include "testbed/topology.h"

/*
 * For a router node. The caller frees the text. shifted: by pop of the scenario, whether its users
 * shall go elsewhere (policy.h); NULL: of none.
 */
char *bird_router_config(const struct topology *t, size_t at, const bool *shifted);
/*
 * For the edge of a rack: eBGP to the pop's upstreams, which give it a default route each
 * (installed as one of several paths) and hear what the lb announces; iBGP to the lb, which is
 * given a default.
 */
char *bird_edge_config(const struct topology *t, size_t at);
/* How each of these files begins. */
void bird_head_write(FILE *f, const struct topology_node *node, const struct addr *router_id);
/* Of a filter: a pop may announce service prefixes and its own identity, nothing else. */
void bird_pop_reject_write(FILE *f, size_t pop);
/* For a pop that announces everything it may, always, whatever its health ("speaker": "bird"). */
char *bird_pop_config(const struct topology *t, size_t at);

#endif
