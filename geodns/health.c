/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/health.h"

#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"

/* What a check's callback needs to find its place. */
struct probe {
	struct health_monitor *health;
	size_t index;
	struct check *check;
};

struct health_monitor {
	const struct catalog *catalog;
	struct store *store;
	struct event_log *log;
	struct check_trusts *trusts;
	struct probe *probes;
	uint8_t *states; /* enum health, what the next snapshot starts with */
};

static void check_event(const struct health_monitor *h, size_t index, const struct check_result *r)
{
	const struct geodns_conf *conf = h->catalog->conf;
	const struct geodns_conf_check *c = &conf->checks[index];
	const char *pop = conf->places.pops[c->pop].name;
	char target[ENDPOINT_TEXT_SIZE];
	bool up = r->state == HEALTH_UP;

	endpoint_format(&c->spec.target, target);
	if (up)
		log_info("pop %s: check %s of %s is up", pop, c->name, target);
	else
		log_warn("pop %s: check %s of %s is down: %s", pop, c->name, target, r->reason);
	event_log_add(h->log, r->at, up ? "check_up" : "check_down",
		      json_pack("{s:s,s:s,s:s,s:s}", "pop", pop, "check", c->name, "target", target,
				"reason", r->reason));
}

/* One event for each name that has a target with that check. */
static void name_events(const struct health_monitor *h, size_t index, struct instant at,
			const char *kind, const char *state)
{
	const struct geodns_conf *conf = h->catalog->conf;

	for (size_t i = 0; i < conf->name_count; i++) {
		const struct geo_name *name = &conf->names[i];

		for (size_t k = 0; k < name->target_count; k++) {
			const struct geo_target *t = &name->targets[k];

			if (t->check == index)
				event_log_add(h->log, at, kind,
					      json_pack("{s:s,s:s,s:s*}", "name", name->text, "pop",
							conf->places.pops[t->pop].name, "state",
							state));
		}
	}
}

static void on_result(void *ctx, struct check *check, const struct check_result *r)
{
	const struct probe *probe = ctx;
	struct health_monitor *h = probe->health;
	bool was_down = h->states[probe->index] == HEALTH_DOWN;
	bool is_down = r->state == HEALTH_DOWN;

	(void)check;
	if (!r->changed)
		return;
	check_event(h, probe->index, r);
	name_events(h, probe->index, r->at, is_down ? "pop_down" : "pop_up", NULL);
	h->states[probe->index] = (uint8_t)r->state;
	store_publish(h->store, snapshot_new(h->catalog, h->states));
	/* From not yet known to up, no answer changes. */
	if (was_down != is_down)
		name_events(h, probe->index, clock_now(), "record_changed", health_name(r->state));
}

struct health_monitor *health_new(struct ev_loop *loop, const struct catalog *catalog,
				  struct store *store, struct event_log *log, uint64_t seed)
{
	const struct geodns_conf *conf = catalog->conf;
	struct health_monitor *h = x_new(struct health_monitor);

	h->catalog = catalog;
	h->store = store;
	h->log = log;
	h->trusts = check_trusts_new();
	h->probes = xcalloc(conf->check_count + 1, sizeof(*h->probes));
	h->states = xcalloc(conf->check_count + 1, 1);
	store_publish(store, snapshot_new(catalog, h->states));
	for (size_t i = 0; i < conf->check_count; i++) {
		struct probe *probe = &h->probes[i];

		probe->health = h;
		probe->index = i;
		probe->check = check_new(loop, h->trusts, &conf->checks[i].spec,
					 seed + i * UINT64_C(0x9e3779b97f4a7c15), on_result, probe);
	}
	return h;
}

void health_free(struct health_monitor *health)
{
	if (!health)
		return;
	for (size_t i = 0; i < health->catalog->conf->check_count; i++)
		check_free(health->probes[i].check);
	check_trusts_free(health->trusts);
	free(health->probes);
	free(health->states);
	free(health);
}

const struct check *health_check(const struct health_monitor *health, size_t index)
{
	return health->probes[index].check;
}
