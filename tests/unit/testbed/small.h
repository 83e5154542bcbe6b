/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * small.h - a scenario that is small enough to know by heart, and edits of it.
 *
 *	p1 -> a -> big-frankfurt === big-newyork <- p2      (big-singapore joined to both)
 *	b (with the users c1) -> big-frankfurt              ns1 and the root at big-frankfurt
 *
 * Helpers of the tests of everything that starts from a scenario.
 */
#ifndef TESTS_UNIT_TESTBED_SMALL_H
#define TESTS_UNIT_TESTBED_SMALL_H

#include "testbed/topology.h"

/* At "networks/0/asn" put this JSON text instead (NULL: remove it, past the end: append). */
struct edit {
	const char *at, *value;
};

json_t *small_json(void);
/* Edits end with an empty one. */
json_t *small_json_edited(const struct edit *edits);
/* The whole way; these fail the test when the scenario is not good. */
struct scenario *small_scenario(const struct edit *edits);
struct scenario *small_shipped(const char *path);
struct topology *small_topology(const struct scenario *scenario);
/* "path: reason" of what is wrong with the edited scenario, "" when nothing is. */
const char *small_mistake(const struct edit *edits, char *buf, size_t size);
/* Index of a node, which must be there. */
size_t small_node(const struct topology *topology, const char *name);
/* Paths of the shipped scenarios, ends with NULL. */
char **small_shipped_paths(void);

#define EDITS(...)                                                                                 \
	(const struct edit[])                                                                      \
	{                                                                                          \
		__VA_ARGS__ __VA_OPT__(, )                                                         \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

#endif
