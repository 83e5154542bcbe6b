/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * convergence.h - has every router a route to everything?
 *
 * Pure bookkeeping of the kernel routes that the agents report. Expected at
 * every router are the networks' own prefixes, the users', the pops'
 * identities and, for each variant, what its mode has announced; at a rack's
 * edge what its lb announces, and the default route.
 */
#ifndef TESTBED_RUNTIME_CONVERGENCE_H
#define TESTBED_RUNTIME_CONVERGENCE_H

#include "testbed/topology.h"

struct convergence;

struct convergence *convergence_new(const struct topology *topology);
void convergence_free(struct convergence *c);
/* A router's or edge's kernel has gained or lost a route. Others than the expected are ignored. */
void convergence_route(struct convergence *c, size_t node, const struct prefix *prefix, bool has);
/* A node is started anew and has nothing. */
void convergence_forget(struct convergence *c, size_t node);
/* Routes still missing at all of them together. */
size_t convergence_missing(const struct convergence *c);
/* One of the missing, for a message. False when there is none. */
bool convergence_example(const struct convergence *c, size_t *node, struct prefix *prefix);

#endif
