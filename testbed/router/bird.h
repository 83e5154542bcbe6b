/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bird.h - the configuration of a BIRD 2 router, written from the topology.
 *
 * What it does is policy.h's; here it is said to BIRD. Of variants with BFD bird_bfd.h tells.
 * Pure.
 */
#ifndef TESTBED_ROUTER_BIRD_H
#define TESTBED_ROUTER_BIRD_H

#include "testbed/topology.h"

/* For a router node. The caller frees the text. */
char *bird_router_config(const struct topology *t, size_t at);
/* For a pop that announces everything it may, always, whatever its health ("speaker": "bird"). */
char *bird_pop_config(const struct topology *t, size_t at);

#endif
