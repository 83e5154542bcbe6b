/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/only.h"

bool bgp_only_allows(const struct bgp_only *only, const struct prefix *prefix)
{
	if (!only->prefixes)
		return true;
	for (size_t i = 0; i < only->count; i++) {
		if (prefix_equal(&only->prefixes[i], prefix))
			return true;
	}
	return false;
}

bool bgp_only_equal(const struct bgp_only *a, const struct bgp_only *b)
{
	if (!a->prefixes || !b->prefixes)
		return a->prefixes == b->prefixes;
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!prefix_equal(&a->prefixes[i], &b->prefixes[i]))
			return false;
	}
	return true;
}
