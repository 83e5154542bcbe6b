/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "geodns/api/api.h"
#include "geodns/geo/country.h"
#include "lib/alloc.h"

/* What is explained. */
struct matter {
	const struct snapshot *snap;
	const struct geo_name *name;
	const struct addr *client;
	struct snapshot_choice choice;
	uint64_t fences; /* that bind */
	json_t *passed;	 /* PoPs that come first by the policy, and why they do not */
	bool all_passed_unhealthy;
};

static json_t *point_json(const struct geo_point *at)
{
	return at ? json_pack("[f,f]", at->lat, at->lon) : json_null();
}

/* Of a name without partial dials the hash may not be looked at, but it can be told. */
static bool accepts(const struct matter *m, const struct geo_target *t)
{
	return geo_dial_accepts(geo_network_hash(m->client), t->seed, t->dial);
}

static bool admits(const struct matter *m, const struct geo_target *t)
{
	return (t->fences & m->fences) == m->fences;
}

/* The name's PoPs in the order of the leaf. at: NULL when the place is not known. */
static json_t *order_json(const struct matter *m, const struct geo_point *at)
{
	const struct geo_places *places = &m->snap->catalog->conf->places;
	const uint16_t *order = m->choice.leaf.order;
	json_t *list = json_array();

	for (size_t i = 0; i < places->pop_count; i++) {
		uint16_t index = m->name->target_of_pop[order[i]];
		const struct geo_pop *pop = &places->pops[order[i]];
		const struct geo_target *t;
		json_t *km = json_null();

		if (index == GEO_NO_TARGET)
			continue;
		t = &m->name->targets[index];
		if (at)
			km = json_integer((json_int_t)lround(geo_distance_km(*at, pop->at)));
		json_array_append_new(list,
				      json_pack("{s:s,s:o,s:s,s:s,s:b,s:b}", "pop", pop->name, "km",
						km, "state", geodns_api_state(m->snap, t), "said",
						pop_state_names[m->snap->pops[t->pop]], "accepts",
						accepts(m, t), "admitted", admits(m, t)));
	}
	return list;
}

/* Why a PoP that comes first by the policy is not answered. */
static const char *obstacle(const struct matter *m, const struct geo_target *t)
{
	const struct geo_health health = { m->snap->health, m->snap->pops };

	if (m->snap->pops[t->pop] == GEO_POP_DOWN)
		return "it was said to be down";
	if (!geo_target_is_healthy(t, &health))
		return "its check says down";
	if (m->snap->pops[t->pop] == GEO_POP_DRAIN)
		return "it is being drained";
	return t->dial == 0 ? "it is dialled to 0" : "its dial does not let the network in";
}

/*
 * The name as if every PoP could be answered, chosen from again and again without those
 * that have come first, until one comes that is answered. Fences stay: what they do not admit is no
 * candidate.
 */
static void passed_find(struct matter *m)
{
	const struct geodns_conf *conf = m->snap->catalog->conf;
	const struct geo_client client = { .order = m->choice.leaf.order,
					   .pop_count = conf->places.pop_count,
					   .regions = m->choice.leaf.regions,
					   .network = geo_network_hash(m->client) };
	const struct geo_target *chosen = m->choice.to.count ? m->choice.to.targets[0] : NULL;
	struct geo_target *targets =
		xmemdup(m->name->targets, m->name->target_count * sizeof(*targets));
	uint8_t *pops = xcalloc(client.pop_count, sizeof(*pops));
	const struct geo_health health = { m->snap->health, pops };
	struct geo_name name = *m->name;

	name.targets = targets;
	name.answers = 1;
	name.when_all_down = GEO_ALL_DOWN_LAST_RESORT; /* once none is left */
	memset(pops, GEO_POP_UP, client.pop_count);
	for (size_t i = 0; i < name.target_count; i++)
		targets[i].dial = GEO_DIAL_MAX;
	m->passed = json_array();
	m->all_passed_unhealthy = true;
	for (;;) {
		struct geo_choice choice;
		const struct geo_health real = { m->snap->health, m->snap->pops };
		const struct geo_target *t;

		geo_name_choose(&choice, &name, &client, &health);
		if (choice.level == GEO_LAST_RESORT)
			break;
		t = &m->name->targets[choice.targets[0] - targets];
		if (t == chosen)
			break;
		m->all_passed_unhealthy &= !geo_target_is_healthy(t, &real);
		json_array_append_new(m->passed,
				      json_pack("{s:s,s:s}", "pop", conf->places.pops[t->pop].name,
						"because", obstacle(m, t)));
		pops[t->pop] = GEO_POP_DOWN;
	}
	free(pops);
	free(targets);
}

static const char *standing(const struct matter *m, const struct geo_target *t)
{
	switch ((enum geo_pop_state)m->snap->pops[t->pop]) {
	case GEO_POP_UP:
		return "it was said to be up";
	case GEO_POP_DRAIN:
		return "it is being drained";
	case GEO_POP_AUTO:
	case GEO_POP_DOWN:
		break;
	}
	if (t->check == GEO_NO_CHECK)
		return "nothing checks it";
	return m->snap->health[t->check] == HEALTH_UP
		       ? "it is up"
		       : "its check has no result yet, which counts as healthy";
}

/* "the nearest", "the first of group europe that is healthy", ... */
static const char *rank(const struct matter *m, char text[200])
{
	static const char *const ranks[] = { [GEO_NEAREST] = "the nearest",
					     [GEO_FAILOVER] = "the first",
					     [GEO_WEIGHTED] = "what its network has drawn",
					     [GEO_STICKY] = "what its network has drawn" };
	const struct geo_group *group = &m->name->groups[m->choice.to.targets[0]->group];
	const char *left = "";

	/* Of every level but the first ones the words are the caller's. */
	if (json_array_size(m->passed) > 0 && m->choice.to.level <= GEO_DIALLED)
		left = m->all_passed_unhealthy ? "that is healthy" : "that may be answered";
	snprintf(text, 200, "%s%s%s%s%s%s%s", ranks[group->policy], group->name ? " of group " : "",
		 group->name ? group->name : "", m->fences ? " that the fences admit" : "",
		 m->fences && *left ? " and" : "", *left ? " " : "", left);
	return text;
}

static json_t *why_none(const struct matter *m)
{
	if (m->all_passed_unhealthy)
		return json_string("no PoP is healthy, and when_all_down is none");
	return json_string("every PoP is down, being drained or dialled to 0, and when_all_down is "
			   "none");
}

static json_t *why(const struct matter *m)
{
	const struct geo_choice *to = &m->choice.to;
	char text[200];

	if (to->count == 0)
		return why_none(m);
	switch (to->level) {
	case GEO_ACCEPTING:
	case GEO_DIALLED:
		return json_sprintf("%s%s: %s", rank(m, text),
				    to->level == GEO_DIALLED ? ", beyond its dial" : "",
				    standing(m, to->targets[0]));
	case GEO_HEALTHY:
		return json_sprintf("%s %sthat is healthy, though dialled to 0 or drained: %s",
				    rank(m, text), m->fences ? "and " : "",
				    standing(m, to->targets[0]));
	case GEO_ANY:
		return json_sprintf("%s: no %s is healthy, and when_all_down is all", rank(m, text),
				    m->fences ? "such PoP" : "PoP");
	case GEO_LAST_RESORT:
		break;
	}
	return json_sprintf("the last resort: no PoP %sis healthy and accepts the client's network",
			    m->fences ? "that the fences admit " : "");
}

/* The network that is hashed, null if the name hashes none. */
static json_t *hashed_json(const struct matter *m)
{
	struct prefix p = { .len = geo_network_length(m->client->family) };
	char text[PREFIX_TEXT_SIZE];

	if (!m->name->by_network)
		return json_null();
	p.addr = addr_mask(m->client, p.len);
	return json_string(prefix_format(&p, text));
}

/* The regions whose fences bind the client. */
static json_t *fences_json(const struct matter *m)
{
	const struct geo_places *places = &m->snap->catalog->conf->places;
	json_t *list = json_array();

	for (size_t i = 0; i < m->name->fence_count; i++) {
		if (m->fences >> i & 1)
			json_array_append_new(
				list, json_string(places->regions[m->name->fences[i]].name));
	}
	return list;
}

/* What is answered. */
static void answer_set(json_t *json, const struct matter *m)
{
	const struct geo_pop *places = m->snap->catalog->conf->places.pops;
	const struct geo_choice *to = &m->choice.to;
	json_t *pops = json_array(), *a = json_array(), *aaaa = json_array();
	json_t *cname = to->count ? geodns_api_cname(to->targets[0]) : json_null();

	for (unsigned i = 0; i < to->count; i++) {
		const struct geo_target *t = to->targets[i];

		if (t->pop != GEO_NO_POP)
			json_array_append_new(pops, json_string(places[t->pop].name));
		geodns_api_addrs(a, t, ADDR_IPV4);
		geodns_api_addrs(aaaa, t, ADDR_IPV6);
	}
	json_object_set(json, "pop", json_array_size(pops) ? json_array_get(pops, 0) : json_null());
	json_object_set_new(json, "pops", pops);
	json_object_set_new(json, "a", a);
	json_object_set_new(json, "aaaa", aaaa);
	json_object_set_new(json, "cname", cname);
}

static json_t *regions_json(const struct geo_places *places, uint64_t regions)
{
	json_t *list = json_array();

	for (size_t i = 0; i < places->region_count; i++) {
		if (regions >> i & 1)
			json_array_append_new(list, json_string(places->regions[i].name));
	}
	return list;
}

static json_t *code_json(uint16_t code)
{
	char text[3];

	geo_code_format(code, text);
	return code ? json_string(text) : json_null();
}

/* The clients that the same was found out for. */
static json_t *leaf_json(const struct matter *m)
{
	struct prefix p = { .len = m->choice.leaf.length };
	char text[PREFIX_TEXT_SIZE];

	p.addr = addr_mask(m->client, p.len);
	return json_string(prefix_format(&p, text));
}

/* What decided about the client's place, and what the databases know of it. */
static void reason_put(json_t *json, const struct matter *m, const struct geo_reason *reason)
{
	const struct geo_places *places = &m->snap->catalog->conf->places;
	const struct geo_decision *d = &reason->decision;
	char net[PREFIX_TEXT_SIZE];

	json_object_set_new(json, "source",
			    reason->facts_known || d->source == GEO_BY_PREFIX
				    ? json_string(geo_source_name(d->source))
				    : json_null());
	json_object_set_new(json, "network",
			    d->source == GEO_BY_PREFIX
				    ? json_string(prefix_format(&d->network->clients.prefix, net))
				    : json_null());
	json_object_set_new(json, "leaf", leaf_json(m));
	json_object_set_new(json, "place", point_json(d->has_at ? &d->at : NULL));
	json_object_set_new(json, "regions", regions_json(places, d->regions));
	json_object_set_new(json, "asn",
			    reason->facts.asn ? json_integer(reason->facts.asn) : json_null());
	json_object_set_new(json, "country", code_json(reason->facts.country));
	json_object_set_new(json, "continent", code_json(reason->facts.continent));
	json_object_set_new(json, "database_error",
			    reason->facts_known ? json_null() : json_string(reason->err.text));
}

json_t *geodns_api_explain(const struct snapshot *snap, const struct geo_name *name,
			   const struct addr *client)
{
	const struct geo_reason reason = geo_map_explain(snap->catalog->map, client);
	const struct geo_decision *d = &reason.decision;
	struct matter m = { snap, name, client, .choice = snapshot_choose(snap, name, client) };
	char client_text[ADDR_TEXT_SIZE];
	json_t *json;

	m.fences = geo_name_fences(name, m.choice.leaf.regions);
	passed_find(&m);
	/* What is answered to none of a region's clients is answered to none at all: scope 0. */
	json = json_pack("{s:s,s:s,s:i,s:s,s:o,s:o,s:o,s:o,s:o,s:i}", "owner", name->text, "client",
			 addr_format(client, client_text), "scope",
			 m.choice.to.count ? (int)m.choice.scope : 0, "policy",
			 geo_policy_names[name->policy], "hashed", hashed_json(&m), "fences",
			 fences_json(&m), "order", order_json(&m, d->has_at ? &d->at : NULL), "why",
			 why(&m), "passed", m.passed, "ttl", (int)m.choice.to.ttl);
	reason_put(json, &m, &reason);
	answer_set(json, &m);
	return json;
}
