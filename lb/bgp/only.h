/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * only.h - the prefixes that a peer is told of, where those are not all of ours.
 *
 * A value that borrows its prefixes. Pure.
 */
#ifndef LB_BGP_ONLY_H
#define LB_BGP_ONLY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"

struct bgp_only {
	const struct prefix *prefixes; /* NULL: all; else none but these, be they none at all */
	size_t count;
};

bool bgp_only_allows(const struct bgp_only *only, const struct prefix *prefix);
/* Of the same prefixes in the same order. */
bool bgp_only_equal(const struct bgp_only *a, const struct bgp_only *b);

#endif
