/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/health.h"

#include <string.h>

#include "geodns/check_match.h"
#include "lib/alloc.h"
#include "lib/log.h"

/* More names than so many are told of by their number: 100 000 events would hold everything up. */
#define NAMES_TOLD 256

/* A check, what its callback needs to find its place, and its past. ns 0: never. */
struct probe {
	struct health_monitor *health;
	size_t index;
	struct check *check;
	struct instant changed; /* its verdict */
	struct instant settled; /* until when no change was near, before that */
};

struct health_monitor {
	struct ev_loop *loop;
	const struct catalog *catalog;
	struct store *store;
	struct pop_desk *desk;
	struct event_log *log;
	struct check_trusts *trusts;
	uint64_t seed;
	bool shrinks; /* some name's TTL, when a change is near */

	struct probe *probes; /* by check */
	/* What the next snapshot starts with. */
	uint8_t *states;    /* enum health, by check */
	uint8_t *pops;	    /* enum geo_pop_state, by pop */
	uint32_t *change_s; /* by check */

	struct instant *pops_changed; /* by pop: what is said about it */
	struct instant adopted;	      /* ns 0: this is the first catalog */
	struct before *before;	      /* by name */
};

/* What a name of the catalog before may have left in caches. */
struct before {
	uint32_t ttl;	      /* counts from when this catalog was adopted; 0: it was not there */
	struct instant until; /* and until when that one's past may last */
};

/* Names that a check decides for: all of them, or only how many these are. */
struct affected {
	const struct geo_name *names[NAMES_TOLD];
	size_t count;
};

static void publish(const struct health_monitor *h)
{
	const size_t count = h->catalog->conf->check_count;
	struct snapshot_state state = { h->states, h->pops, NULL };

	/* Nearly always no change is near, and then answers need not look. */
	for (size_t i = 0; h->shrinks && i < count && !state.change_s; i++)
		state.change_s = h->change_s[i] > 0 ? h->change_s : NULL;
	store_publish(h->store, snapshot_new(h->catalog, &state));
}

/* ---- results ---- */

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

static void affected_find(const struct health_monitor *h, size_t index, struct affected *out)
{
	const struct geodns_conf *conf = h->catalog->conf;

	out->count = 0;
	for (size_t i = 0; i < conf->name_count; i++) {
		const struct geo_name *name = &conf->names[i];
		size_t k = 0;

		while (k < name->target_count && name->targets[k].check != index)
			k++;
		if (k == name->target_count)
			continue;
		if (out->count < NAMES_TOLD)
			out->names[out->count] = name;
		out->count++;
	}
}

static void name_events(const struct health_monitor *h, size_t index,
			const struct affected *affected, struct instant at, const char *kind,
			const char *state)
{
	const struct geodns_conf *conf = h->catalog->conf;
	const char *pop = conf->places.pops[conf->checks[index].pop].name;

	if (affected->count > NAMES_TOLD) {
		event_log_add(h->log, at, kind,
			      json_pack("{s:I,s:s,s:s*}", "names", (json_int_t)affected->count,
					"pop", pop, "state", state));
		return;
	}
	for (size_t i = 0; i < affected->count; i++)
		event_log_add(h->log, at, kind,
			      json_pack("{s:s,s:s,s:s*}", "name", affected->names[i]->text, "pop",
					pop, "state", state));
}

/* Does somebody's word count in place of the check's? */
static bool is_overridden(const struct health_monitor *h, size_t index)
{
	uint8_t said = h->pops[h->catalog->conf->checks[index].pop];

	return said == GEO_POP_UP || said == GEO_POP_DOWN;
}

static uint32_t change_s(const struct check *check)
{
	return (uint32_t)((check_change_ms(check) + 999) / 1000);
}

/* How near is a change? True when that is not what it was. */
static bool nearness_update(struct health_monitor *h, struct probe *probe, bool changed)
{
	uint32_t before = h->change_s[probe->index], now = change_s(probe->check);

	if (before == 0 && (now > 0 || changed))
		probe->settled = clock_now();
	h->change_s[probe->index] = now;
	return before != now;
}

/* Answers first, and then what is told about them. */
static void on_change(struct health_monitor *h, struct probe *probe, const struct check_result *r)
{
	bool was_down = h->states[probe->index] == HEALTH_DOWN;
	bool is_down = r->state == HEALTH_DOWN;
	struct affected affected;
	struct instant published;

	h->states[probe->index] = (uint8_t)r->state;
	publish(h);
	published = clock_now();
	affected_find(h, probe->index, &affected);
	check_event(h, probe->index, r);
	name_events(h, probe->index, &affected, r->at, is_down ? "pop_down" : "pop_up", NULL);
	/* From not yet known to up, no answer changes. */
	if (was_down == is_down || is_overridden(h, probe->index))
		return;
	probe->changed = published;
	name_events(h, probe->index, &affected, published, "record_changed", health_name(r->state));
}

static void on_result(void *ctx, struct check *check, const struct check_result *r)
{
	struct probe *probe = ctx;
	struct health_monitor *h = probe->health;
	bool moved = nearness_update(h, probe, r->changed);

	(void)check;
	if (r->changed)
		on_change(h, probe, r);
	else if (moved && h->shrinks)
		publish(h);
}

/* ---- words ---- */

static size_t pop_find(const struct geo_places *places, const char *name)
{
	size_t i = 0;

	while (i < places->pop_count && strcmp(places->pops[i].name, name) != 0)
		i++;
	return i;
}

static void on_said(void *ctx, const struct pop_statement *said)
{
	struct health_monitor *h = ctx;
	const struct geo_places *places = &h->catalog->conf->places;
	enum geo_pop_state state = pop_states_get(pop_desk_states(h->desk), said->pop);
	size_t pop = pop_find(places, said->pop);

	if (pop == places->pop_count || h->pops[pop] == state)
		return;
	h->pops[pop] = (uint8_t)state;
	publish(h);
	h->pops_changed[pop] = clock_now();
	event_log_add(h->log, h->pops_changed[pop], "pop_state",
		      json_pack("{s:s,s:s,s:s,s:s}", "pop", said->pop, "state",
				pop_state_names[state], "source", said->source, "said",
				pop_state_names[said->state]));
}

/* ---- what is told ---- */

const struct check *health_check(const struct health_monitor *health, size_t index)
{
	return health->probes[index].check;
}

static struct instant later(struct instant a, struct instant b)
{
	return a.ns > b.ns ? a : b;
}

/*
 * Answers of before the change was near have the whole TTL. Those given while it came
 * nearer expire about when it comes: an interval later at most, and no sooner than ttl_min.
 */
static struct instant verdict_cached_until(const struct probe *probe, const struct geo_name *name)
{
	uint32_t near = ((check_spec(probe->check)->interval_ms + 999) / 1000);

	if (probe->changed.ns == 0)
		return probe->changed;
	if (name->ttl_min == name->ttl || probe->settled.ns == 0)
		return instant_after_s(probe->changed, name->ttl);
	near = near < name->ttl_min ? name->ttl_min : near;
	return later(instant_after_s(probe->settled, name->ttl),
		     instant_after_s(probe->changed, near < name->ttl ? near : name->ttl));
}

struct instant health_cached_until(const struct health_monitor *h, const struct geo_name *name)
{
	const struct before *before = &h->before[name - h->catalog->conf->names];
	struct instant until = before->until;

	if (before->ttl > 0)
		until = later(until, instant_after_s(h->adopted, before->ttl));
	for (size_t i = 0; i < name->target_count; i++) {
		const struct geo_target *t = &name->targets[i];

		if (h->pops_changed[t->pop].ns > 0)
			until = later(until, instant_after_s(h->pops_changed[t->pop], name->ttl));
		if (t->check != GEO_NO_CHECK)
			until = later(until, verdict_cached_until(&h->probes[t->check], name));
	}
	return until;
}

/* ---- catalogs ---- */

static void contents_free(struct health_monitor *h)
{
	for (size_t i = 0; h->catalog && i < h->catalog->conf->check_count; i++)
		check_free(h->probes[i].check);
	free(h->probes);
	free(h->states);
	free(h->pops);
	free(h->change_s);
	free(h->pops_changed);
	free(h->before);
}

/* The check at index in next goes on as it has from where it was in old. */
static void probe_keep(struct health_monitor *next, const struct health_monitor *old, size_t index,
		       size_t was)
{
	struct probe *from = &old->probes[was], *to = &next->probes[index];

	to->check = from->check;
	to->changed = from->changed;
	to->settled = from->settled;
	from->check = NULL;
	check_rebind(to->check, &next->catalog->conf->checks[index].spec, to);
	next->states[index] = old->states[was];
	next->change_s[index] = old->change_s[was];
}

static void pops_take(struct health_monitor *next, const struct health_monitor *old)
{
	const struct geo_places *places = &next->catalog->conf->places;

	for (size_t i = 0; i < places->pop_count; i++) {
		const char *name = places->pops[i].name;

		next->pops[i] = (uint8_t)pop_states_get(pop_desk_states(next->desk), name);
		if (old->catalog) {
			size_t was = pop_find(&old->catalog->conf->places, name);

			if (was < old->catalog->conf->places.pop_count)
				next->pops_changed[i] = old->pops_changed[was];
		}
	}
}

static void probes_start(struct health_monitor *h)
{
	for (size_t i = 0; i < h->catalog->conf->check_count; i++) {
		struct probe *probe = &h->probes[i];

		if (!probe->check)
			probe->check = check_new(
				h->loop, h->trusts, &h->catalog->conf->checks[i].spec,
				h->seed + i * UINT64_C(0x9e3779b97f4a7c15), on_result, probe);
		/* Of a new one: the first result is near. */
		h->change_s[i] = change_s(probe->check);
	}
}

/* Before anything of the old one is taken away. */
static struct before *past_new(const struct health_monitor *old, const struct geodns_conf *next,
			       const size_t *name_before)
{
	struct before *past = xcalloc(next->name_count + 1, sizeof(*past));

	for (size_t i = 0; name_before && i < next->name_count; i++) {
		const struct geo_name *was;

		if (name_before[i] == HEALTH_NAME_NEW)
			continue;
		was = &old->catalog->conf->names[name_before[i]];
		past[i] = (struct before){ was->ttl, health_cached_until(old, was) };
	}
	return past;
}

size_t health_adopt(struct health_monitor *health, const struct catalog *next,
		    const size_t *name_before)
{
	struct health_monitor *h = health;
	const struct geodns_conf *conf = next->conf;
	size_t *matches = check_match_new(h->catalog ? h->catalog->conf : NULL, conf);
	struct health_monitor old = *h;
	struct before *past = past_new(&old, conf, name_before);
	size_t kept = 0;

	h->catalog = next;
	h->shrinks = false;
	for (size_t i = 0; i < conf->name_count && !h->shrinks; i++)
		h->shrinks = conf->names[i].ttl_min < conf->names[i].ttl;
	h->probes = xcalloc(conf->check_count + 1, sizeof(*h->probes));
	h->states = xcalloc(conf->check_count + 1, sizeof(*h->states));
	h->change_s = xcalloc(conf->check_count + 1, sizeof(*h->change_s));
	h->pops = xcalloc(conf->places.pop_count + 1, sizeof(*h->pops));
	h->pops_changed = xcalloc(conf->places.pop_count + 1, sizeof(*h->pops_changed));
	h->before = past;
	for (size_t i = 0; i < conf->check_count; i++) {
		h->probes[i] = (struct probe){ .health = h, .index = i };
		if (matches[i] == CHECK_MATCH_NONE)
			continue;
		probe_keep(h, &old, i, matches[i]);
		kept++;
	}
	free(matches);
	pops_take(h, &old);
	probes_start(h);
	publish(h);
	if (old.catalog)
		h->adopted = clock_now();
	contents_free(&old);
	return kept;
}

struct health_monitor *health_new(struct ev_loop *loop, const struct catalog *catalog,
				  struct store *store, struct pop_desk *desk, struct event_log *log,
				  uint64_t seed)
{
	struct health_monitor *h = x_new(struct health_monitor);

	h->loop = loop;
	h->store = store;
	h->desk = desk;
	h->log = log;
	h->seed = seed;
	h->trusts = check_trusts_new();
	health_adopt(h, catalog, NULL);
	pop_desk_listen(desk, on_said, h);
	return h;
}

void health_free(struct health_monitor *health)
{
	if (!health)
		return;
	pop_desk_listen(health->desk, NULL, NULL);
	contents_free(health);
	check_trusts_free(health->trusts);
	free(health);
}
