/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * topology_links.c - links by their names.
 */
#include <string.h>

#include "testbed/topology.h"

static bool is_joined(const char *name, const char *x, const char *y)
{
	size_t len = strlen(x);

	return strncmp(name, x, len) == 0 && name[len] == '-' && strcmp(name + len + 1, y) == 0;
}

static bool is_named(const struct topology *t, const struct topology_link *l, const char *name)
{
	const struct scenario_link *written = l->written;

	for (unsigned e = 0; e < 2; e++) {
		if (is_joined(name, t->nodes[l->end[e].node].name, t->nodes[l->end[!e].node].name))
			return true;
	}
	return written && (is_joined(name, written->from, written->to) ||
			   is_joined(name, written->to, written->from));
}

size_t topology_link_find(const struct topology *t, const char *name, const char **mistake)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < t->link_count; i++) {
		if (!is_named(t, &t->links[i], name))
			continue;
		if (found != SIZE_MAX) {
			*mistake = "no such link alone: several have that name";
			return SIZE_MAX;
		}
		found = i;
	}
	if (found == SIZE_MAX)
		*mistake = "no such link";
	return found;
}

size_t topology_link_pop(const struct topology *t, const struct topology_link *link)
{
	for (unsigned e = 0; e < 2; e++) {
		const struct topology_node *node = &t->nodes[link->end[e].node];

		if (node->kind == NODE_POP || node->kind == NODE_EDGE)
			return node->index;
	}
	return SIZE_MAX;
}
