/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frr.h - the configuration of an FRR 8 router, written from the topology.
 *
 * What it does is policy.h's; here it is said to FRR, in one integrated
 * frr.conf that vtysh gives to the daemons once they listen. Where FRR's habits
 * differ from BIRD's, they are told to be BIRD's: one best path, the lowest
 * router id and not the oldest route, nothing held back to be sent together.
 * FRR alone can wait between two updates (MRAI), which topology.h says of each
 * session. Pure.
 */
#ifndef TESTBED_ROUTER_FRR_H
#define TESTBED_ROUTER_FRR_H

#include <stdbool.h>
#include <stdio.h>

#include "testbed/topology.h"

#define FRR_DIR "/usr/lib/frr"

/*
 * What vtysh is to be told (-f) when users of some pops shall go elsewhere, or no longer: of each
 * pop of the scenario, whether. The caller frees the text. It counts for what comes from now on:
 * frr_shift_again() is the command by which all is told again; the caller frees it, too.
 */
char *frr_shift_config(const struct topology *t, size_t at, const bool *shifted);
char *frr_shift_again(const struct topology *t, size_t at);
/* For a router node. The caller frees the text. */
char *frr_router_config(const struct topology *t, size_t at);
/* For the edge of a rack, which does what bird.h has it do. The caller frees the text. */
char *frr_edge_config(const struct topology *t, size_t at);
const char *const *frr_edge_daemons(const struct topology *t, size_t at);
/* Prefix lists of this name and both families: what a pop may announce. */
void frr_pop_lists_write(FILE *f, const char *name, size_t pop);
/*
 * Where a wire of the node has BFD: a profile pop_<n> for the n-th of them, and the prefix lists
 * "nothing" of both families.
 */
void frr_bfd_write(FILE *f, const struct topology *t, size_t at);
/* The daemons that the router's is for, in the order in which they start; ends with NULL. zebra is
 * first. */
const char *const *frr_router_daemons(const struct topology *t, size_t at);

#endif
