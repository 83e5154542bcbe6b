/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/convergence.h"

#include <string.h>

#include "lib/alloc.h"

struct convergence {
	const struct topology *t;
	struct prefix *expected; /* sorted */
	size_t count, room;
	bool *has; /* node_count x count */
	size_t missing;
};

static void expect(struct convergence *c, struct prefix prefix)
{
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->expected = xreallocarray(c->expected, c->room, sizeof(*c->expected));
	}
	c->expected[c->count++] = prefix;
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void expect_all(struct convergence *c)
{
	const struct scenario *s = c->t->scenario;

	for (unsigned f = 0; f < 2; f++) {
		expect(c, (struct prefix){ .addr.family = f ? ADDR_IPV6 : ADDR_IPV4 });
		for (size_t i = 0; i < s->network_count; i++)
			expect(c, topology_network_prefix(i, f));
		for (size_t i = 0; i < s->client_count; i++)
			expect(c, topology_client_prefix(i, f));
		for (size_t i = 0; i < s->pop_count; i++)
			expect(c, topology_identity_prefix(i, f));
		for (size_t v = 0; v < s->variant_count; v++) {
			if (s->variants[v].mode == MODE_ANYCAST)
				expect(c, topology_service_prefix(v, 0, f));
			for (size_t i = 0; s->variants[v].mode == MODE_GEODNS && i < s->pop_count;
			     i++)
				expect(c, topology_service_prefix(v, i + 1, f));
		}
	}
	qsort(c->expected, c->count, sizeof(*c->expected), by_prefix);
}

static bool is_of_pop(const struct topology *t, size_t pop, const struct prefix *prefix)
{
	unsigned f = prefix->addr.family == ADDR_IPV6;
	struct prefix own = topology_identity_prefix(pop, f);

	if (prefix_equal(prefix, &own))
		return true;
	for (size_t v = 0; v < t->scenario->variant_count; v++) {
		own = topology_service_prefix(v, topology_slot(t, v, pop), f);
		if (prefix_equal(prefix, &own))
			return true;
	}
	return false;
}

/* Of the expected: the routers know every way, an edge those of its pop and the way out. */
static bool is_wanted(const struct convergence *c, size_t node, size_t expected)
{
	const struct topology_node *at = &c->t->nodes[node];
	const struct prefix *prefix = &c->expected[expected];

	if (at->kind == NODE_ROUTER)
		return prefix->len > 0;
	return at->kind == NODE_EDGE && (prefix->len == 0 || is_of_pop(c->t, at->index, prefix));
}

struct convergence *convergence_new(const struct topology *t)
{
	struct convergence *c = x_new(struct convergence);

	c->t = t;
	expect_all(c);
	c->has = xcalloc(t->node_count * c->count, sizeof(*c->has));
	for (size_t i = 0; i < t->node_count; i++) {
		for (size_t p = 0; p < c->count; p++)
			c->missing += is_wanted(c, i, p);
	}
	return c;
}

void convergence_free(struct convergence *c)
{
	if (!c)
		return;
	free(c->expected);
	free(c->has);
	free(c);
}

void convergence_route(struct convergence *c, size_t node, const struct prefix *prefix, bool has)
{
	const struct prefix *found =
		bsearch(prefix, c->expected, c->count, sizeof(*c->expected), by_prefix);
	bool *slot;

	if (!found || !is_wanted(c, node, (size_t)(found - c->expected)))
		return;
	slot = &c->has[node * c->count + (size_t)(found - c->expected)];
	if (*slot == has)
		return;
	*slot = has;
	if (has)
		c->missing--;
	else
		c->missing++;
}

void convergence_forget(struct convergence *c, size_t node)
{
	for (size_t i = 0; i < c->count; i++)
		convergence_route(c, node, &c->expected[i], false);
}

size_t convergence_missing(const struct convergence *c)
{
	return c->missing;
}

bool convergence_example(const struct convergence *c, size_t *node, struct prefix *prefix)
{
	for (size_t i = 0; i < c->t->node_count; i++) {
		for (size_t p = 0; p < c->count; p++) {
			if (is_wanted(c, i, p) && !c->has[i * c->count + p]) {
				*node = i;
				*prefix = c->expected[p];
				return true;
			}
		}
	}
	return false;
}
