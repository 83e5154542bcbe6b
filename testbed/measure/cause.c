/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/cause.h"

#include <string.h>

#include "lib/alloc.h"

/* Ids of the kinds looked for, NAME_NONE for those that the record never mentions. */
struct kinds {
	uint32_t drain_begin, check_down, vip_down, pop_down, withdrawn, record_changed, route, del,
		bfd_down;
};

struct cause_means cause_means_of_variant(const json_t *variant)
{
	const char *mode = json_string_value(json_object_get(variant, "mode"));
	struct cause_means means = { .bfd = json_is_true(json_object_get(variant, "bfd")) };

	means.dns = !mode || strcmp(mode, "anycast") != 0;
	means.bgp = !mode || strncmp(mode, "geodns", strlen("geodns")) != 0;
	return means;
}

static void earliest(int64_t *at, int64_t t)
{
	if (*at == RECOVERY_NEVER || t < *at)
		*at = t;
}

static void latest(int64_t *at, int64_t t)
{
	if (t > *at)
		*at = t;
}

static bool is_kind(const struct event *ev, uint32_t kind)
{
	return kind != NAME_NONE && ev->kind == kind;
}

static void cause_step(struct cause *c, const struct kinds *k, const struct event *ev,
		       const struct run_fault *fault, struct cause_means means)
{
	int64_t t = ev->t_ns - fault->window.begin_ns;
	bool at_pop = fault->pop != NAME_NONE && ev->source == fault->pop;

	if (means.dns && is_kind(ev, k->pop_down) && ev->pop == fault->pop)
		earliest(&c->detected_ns, t);
	if (means.bgp && at_pop &&
	    (is_kind(ev, k->check_down) || is_kind(ev, k->vip_down) || is_kind(ev, k->drain_begin)))
		earliest(&c->detected_ns, t);
	/* The other end of the session is the dead one's own, and of no account. */
	if (means.bfd && is_kind(ev, k->bfd_down) && ev->pop == fault->pop && !at_pop)
		earliest(&c->detected_ns, t);
	if (at_pop && is_kind(ev, k->withdrawn))
		earliest(&c->withdrawn_ns, t);
	if (!is_kind(ev, k->route) || ev->variant == NAME_NONE)
		return;
	if (means.bgp)
		earliest(&c->detected_ns, t);
	if (ev->result == k->del)
		earliest(&c->withdrawn_ns, t);
	latest(&c->routers_converged_ns, t);
}

struct cause cause_split(const struct run_record *run, const struct run_fault *fault,
			 uint32_t variant, struct cause_means means)
{
	const struct name_table *names = run->raw.names;
	struct kinds k = {
		name_table_find(names, "drain_begin"), name_table_find(names, "check_down"),
		name_table_find(names, "vip_down"),    name_table_find(names, "pop_down"),
		name_table_find(names, "withdrawn"),   name_table_find(names, "record_changed"),
		name_table_find(names, "route"),       name_table_find(names, "del"),
		name_table_find(names, "bfd_down")
	};
	struct cause c = { RECOVERY_NEVER, RECOVERY_NEVER, RECOVERY_NEVER, RECOVERY_NEVER };
	size_t sources = name_table_count(names);
	int64_t *changed = xmalloc(sources * sizeof(*changed));

	for (size_t i = 0; i < sources; i++)
		changed[i] = RECOVERY_NEVER;
	for (size_t i = 0; i < run->daemon_count; i++) {
		const struct event *ev = &run->daemons[i];

		if (ev->t_ns < fault->window.begin_ns || ev->t_ns >= fault->window.end_ns ||
		    (ev->variant != NAME_NONE && ev->variant != variant))
			continue;
		cause_step(&c, &k, ev, fault, means);
		if (is_kind(ev, k.record_changed) &&
		    (ev->pop == NAME_NONE || ev->pop == fault->pop))
			earliest(&changed[ev->source], ev->t_ns - fault->window.begin_ns);
	}
	/* The last nameserver's first change: from then on nobody hears the old answer. */
	for (size_t i = 0; i < sources; i++)
		latest(&c.record_changed_ns, changed[i]);
	free(changed);
	return c;
}
