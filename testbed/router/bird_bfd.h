/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bird_bfd.h - the second session between a pop and its upstream, in BIRD's words.
 *
 * It has the wire's IPv6 addresses, is watched by BFD, and carries the prefixes of the variants
 * that want BFD, in both families, and nothing else. It is there beside the first where
 * topology_link.bfd is set. BIRD's log then says when BFD's state changes (router_log.h).
 */
#ifndef TESTBED_ROUTER_BIRD_BFD_H
#define TESTBED_ROUTER_BIRD_BFD_H

#include <stdio.h>

#include "testbed/topology.h"

/* The protocol bfd of all wires of a node that have it; nothing for others. */
void bird_bfd_protocol_write(FILE *f, const struct topology *t, size_t at);
/*
 * The upstream's side, which waits to be dialled and takes what the first session's filter
 * from_pop_<n> does; end is its end of the link.
 */
void bird_bfd_router_write(FILE *f, const struct topology *t, const struct topology_link *l,
			   unsigned end, unsigned n);
/* The same of a rack's edge, whose filter for what the lb says is from_lb: the session lb_bfd. */
void bird_bfd_edge_write(FILE *f, const struct topology *t, const struct topology_link *link,
			 unsigned end);

/* At a pop: is_bfd(), whether a prefix is one of the variants that want BFD. */
void bird_bfd_function_write(FILE *f, const struct topology *t, size_t pop);
/* The pop's side, which announces where is_bfd() and this. */
void bird_bfd_pop_write(FILE *f, const struct topology *t, const struct topology_link *l,
			unsigned end, unsigned n, const char *which);

#endif
