/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/profile.h"

#include <stdlib.h>

#include "lib/alloc.h"
#include "testbed/client/hash.h"

/* What is drawn for a link; each draw has a stream of its own. */
enum draw { DRAW_ORDER, DRAW_MRAI, DRAW_DELAY = DRAW_MRAI + 2 };

/* In [least, most]. */
static unsigned drawn(const struct topology *t, size_t link, unsigned draw, unsigned least,
		      unsigned most)
{
	uint64_t hash = client_hash(t->scenario->seed, link, draw);

	return least + (unsigned)client_hash_scale(hash, most - least + 1);
}

/* Both ends are routers, of two networks. */
static bool between_networks(const struct topology *t, const struct topology_link *l)
{
	return !l->internal && t->nodes[l->end[0].node].kind == NODE_ROUTER &&
	       t->nodes[l->end[1].node].kind == NODE_ROUTER;
}

static bool is_of_pop(const struct topology *t, const struct topology_end *end)
{
	return t->nodes[end->node].kind == NODE_POP || t->nodes[end->node].kind == NODE_EDGE;
}

/* A rack's own does not count. */
static bool has_session(const struct topology *t, const struct topology_link *l)
{
	return between_networks(t, l) ||
	       (!l->lan && (is_of_pop(t, &l->end[0]) || is_of_pop(t, &l->end[1])));
}

struct drawn_link {
	uint64_t order;
	size_t link;
};

static int by_order(const void *a, const void *b)
{
	const struct drawn_link *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->link > y->link) - (x->link < y->link);
}

/* Half of the sessions, the odd one too: as many in every draw, so that only which is chance. */
static void mrai_set(struct topology *t)
{
	struct drawn_link *all = xcalloc(t->link_count, sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; i < t->link_count; i++) {
		if (between_networks(t, &t->links[i]))
			all[count++] =
				(struct drawn_link){ client_hash(t->scenario->seed, i, DRAW_ORDER),
						     i };
	}
	qsort(all, count, sizeof(*all), by_order);
	for (size_t i = 0; i < (count + 1) / 2; i++) {
		for (unsigned e = 0; e < 2; e++)
			t->links[all[i].link].end[e].mrai_s =
				drawn(t, all[i].link, DRAW_MRAI + e, PROFILE_MRAI_LEAST_S,
				      PROFILE_MRAI_S);
	}
	free(all);
}

void profile_apply(struct topology *t)
{
	if (t->scenario->profile == PROFILE_IDEAL)
		return;
	mrai_set(t);
	for (size_t i = 0; i < t->link_count; i++) {
		for (unsigned e = 0; e < 2 && has_session(t, &t->links[i]); e++)
			t->links[i].end[e].bgp_delay_ms =
				drawn(t, i, DRAW_DELAY + e, PROFILE_BGP_DELAY_MIN_MS,
				      PROFILE_BGP_DELAY_MAX_MS);
	}
}
