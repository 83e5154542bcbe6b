/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/uplinks.h"

#include "lib/alloc.h"

/* What an upstream is to send into a pop of its own. */
struct way {
	size_t node; /* the upstream's router */
	struct prefix prefix;
	bool there;
};

struct uplinks {
	const struct topology *t;
	struct way *ways;
	size_t count, room, missing;
};

static struct way *way_find(struct uplinks *u, size_t node, const struct prefix *prefix)
{
	for (size_t i = 0; i < u->count; i++) {
		if (u->ways[i].node == node && prefix_equal(&u->ways[i].prefix, prefix))
			return &u->ways[i];
	}
	return NULL;
}

/* Once, though several pops announce it there, or one over two wires. */
static void expect(struct uplinks *u, size_t node, struct prefix prefix)
{
	if (way_find(u, node, &prefix))
		return;
	if (u->count == u->room) {
		u->room = u->room ? 2 * u->room : 64;
		u->ways = xreallocarray(u->ways, u->room, sizeof(*u->ways));
	}
	u->ways[u->count++] = (struct way){ .node = node, .prefix = prefix };
	u->missing++;
}

static void expect_pop(struct uplinks *u, size_t node, size_t pop)
{
	const struct scenario *s = u->t->scenario;

	for (unsigned f = 0; f < 2; f++) {
		expect(u, node, topology_identity_prefix(pop, f));
		for (size_t v = 0; v < s->variant_count; v++) {
			size_t slot = topology_slot(u->t, v, pop);

			expect(u, node, topology_service_prefix(v, slot, f));
		}
	}
}

struct uplinks *uplinks_new(const struct topology *t)
{
	struct uplinks *u = x_new(struct uplinks);

	u->t = t;
	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];
		unsigned router;

		if (topology_link_is_uplink(t, l, &router))
			expect_pop(u, l->end[router].node, t->nodes[l->end[!router].node].index);
	}
	return u;
}

void uplinks_free(struct uplinks *u)
{
	if (!u)
		return;
	free(u->ways);
	free(u);
}

static void way_set(struct uplinks *u, struct way *way, bool there)
{
	if (way->there == there)
		return;
	way->there = there;
	if (there)
		u->missing--;
	else
		u->missing++;
}

void uplinks_route(struct uplinks *u, size_t node, const struct prefix *prefix,
		   const struct addr *via)
{
	struct way *way = way_find(u, node, prefix);

	if (way)
		way_set(u, way,
			via->family != ADDR_NONE &&
				topology_uplink_pop(u->t, node, via) != SIZE_MAX);
}

void uplinks_forget(struct uplinks *u, size_t node)
{
	for (size_t i = 0; i < u->count; i++) {
		if (u->ways[i].node == node)
			way_set(u, &u->ways[i], false);
	}
}

size_t uplinks_missing(const struct uplinks *u)
{
	return u->missing;
}

bool uplinks_example(const struct uplinks *u, size_t *node, struct prefix *prefix)
{
	for (size_t i = 0; i < u->count; i++) {
		if (!u->ways[i].there) {
			*node = u->ways[i].node;
			*prefix = u->ways[i].prefix;
			return true;
		}
	}
	return false;
}
