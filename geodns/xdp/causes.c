/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/causes.h"

#include <stdlib.h>

#include "lib/alloc.h"

/* All that a snapshot says of a check or a pop. */
static uint64_t cause_of(const struct snapshot *snap, size_t cause)
{
	const size_t checks = snap->catalog->conf->check_count;

	if (cause >= checks)
		return snap->pops[cause - checks];
	return (uint64_t)snap->health[cause] << 32 | (snap->change_s ? snap->change_s[cause] : 0);
}

/* Counted, at first; then they are put where the counts say. */
static void target_add(struct xdp_causes *c, const struct geo_target *target, size_t set,
		       size_t *at)
{
	const size_t checks = c->catalog->conf->check_count;
	const size_t causes[] = { checks + target->pop, target->check };

	for (unsigned i = 0; i < (target->check == GEO_NO_CHECK ? 1 : 2); i++) {
		if (c->sets)
			c->sets[at[causes[i]]] = (uint32_t)set;
		at[causes[i]]++;
	}
}

static void targets_add(struct xdp_causes *c, const struct geo_name *const *names, size_t set_count,
			size_t *at)
{
	for (size_t s = 0; s < set_count; s++) {
		for (size_t i = 0; i < names[s]->target_count; i++)
			target_add(c, &names[s]->targets[i], s, at);
	}
}

void xdp_causes_init(struct xdp_causes *c, const struct snapshot *snap,
		     const struct geo_name *const *names, size_t set_count)
{
	const struct geodns_conf *conf = snap->catalog->conf;

	*c = (struct xdp_causes){ .catalog = snap->catalog,
				  .count = conf->check_count + conf->places.pop_count };
	c->last = xcalloc(c->count + 1, sizeof(*c->last));
	for (size_t i = 0; i < c->count; i++)
		c->last[i] = cause_of(snap, i);
	/* While being filled, each one's first is where the one behind it has its own. */
	c->first = xcalloc(c->count + 2, sizeof(*c->first));
	targets_add(c, names, set_count, c->first + 2);
	for (size_t i = 0; i < c->count; i++)
		c->first[i + 2] += c->first[i + 1];
	c->sets = xcalloc(c->first[c->count + 1] + 1, sizeof(*c->sets));
	targets_add(c, names, set_count, c->first + 1);
	c->touched = xcalloc(set_count + 1, sizeof(*c->touched));
	c->touched_list = xcalloc(set_count + 1, sizeof(*c->touched_list));
}

void xdp_causes_fini(struct xdp_causes *c)
{
	free(c->last);
	free(c->first);
	free(c->sets);
	free(c->touched);
	free(c->touched_list);
	*c = (struct xdp_causes){ .catalog = NULL };
}

size_t xdp_causes_changed(struct xdp_causes *c, const struct snapshot *snap, const uint32_t **sets)
{
	size_t count = 0;

	for (size_t cause = 0; cause < c->count; cause++) {
		const uint64_t now = cause_of(snap, cause);

		if (now == c->last[cause])
			continue;
		c->last[cause] = now;
		for (size_t i = c->first[cause]; i < c->first[cause + 1]; i++) {
			if (!c->touched[c->sets[i]])
				c->touched_list[count++] = c->sets[i];
			c->touched[c->sets[i]] = 1;
		}
	}
	for (size_t i = 0; i < count; i++)
		c->touched[c->touched_list[i]] = 0;
	*sets = c->touched_list;
	return count;
}
