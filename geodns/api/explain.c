/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>

#include "geodns/api/api.h"
#include "geodns/geo/country.h"

json_t *geodns_api_addrs(const struct addr *addrs, size_t count)
{
	json_t *list = json_array();
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(addr_format(&addrs[i], text)));
	return list;
}

static json_t *point_json(const struct geo_point *at)
{
	return at ? json_pack("[f,f]", at->lat, at->lon) : json_null();
}

static const char *target_state(const struct snapshot *snap, const struct geo_target *t)
{
	return t->check == GEO_NO_CHECK ? "unchecked"
					: health_name((enum health)snap->health[t->check]);
}

/* The name's PoPs in the order of the leaf. at: NULL when the place is not known. */
static json_t *order_json(const struct snapshot *snap, const struct geo_name *name,
			  const uint16_t *order, const struct geo_point *at)
{
	const struct geo_places *places = &snap->catalog->conf->places;
	json_t *list = json_array();

	for (size_t i = 0; i < places->pop_count; i++) {
		int index = name->target_of_pop[order[i]];
		const struct geo_pop *pop = &places->pops[order[i]];
		json_t *km = json_null();

		if (index == GEO_NO_TARGET)
			continue;
		if (at)
			km = json_integer((json_int_t)lround(geo_distance_km(*at, pop->at)));
		json_array_append_new(list, json_pack("{s:s,s:o,s:s}", "pop", pop->name, "km", km,
						      "state",
						      target_state(snap, &name->targets[index])));
	}
	return list;
}

/* Is there none among the name's PoPs that is nearer? */
static bool is_nearest(const struct geo_name *name, const struct snapshot_choice *choice)
{
	const uint16_t *order = choice->leaf.order;

	while (name->target_of_pop[*order] == GEO_NO_TARGET)
		order++;
	return &name->targets[name->target_of_pop[*order]] == choice->target;
}

static const char *standing(const struct snapshot *snap, const struct geo_target *t)
{
	if (t->check == GEO_NO_CHECK)
		return "nothing checks it";
	return snap->health[t->check] == HEALTH_UP
		       ? "it is up"
		       : "its check has no result yet, which counts as healthy";
}

static json_t *why(const struct snapshot *snap, const struct geo_name *name,
		   const struct snapshot_choice *choice)
{
	if (!choice->target)
		return json_string("no PoP is healthy, and when_all_down is none");
	if (!geo_target_is_healthy(choice->target, snap->health))
		return json_string("the nearest: no PoP is healthy, and when_all_down is all");
	return json_sprintf(
		"%s: %s", is_nearest(name, choice) ? "the nearest" : "the nearest that is healthy",
		standing(snap, choice->target));
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

/* What decided about the client's place, and what the databases know of it. */
static void reason_put(json_t *json, const struct geo_places *places,
		       const struct geo_reason *reason)
{
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
	const struct geo_places *places = &snap->catalog->conf->places;
	const struct geo_reason reason = geo_map_explain(snap->catalog->map, client);
	const struct geo_decision *d = &reason.decision;
	const struct snapshot_choice choice = snapshot_choose(snap, name, client);
	const struct geo_target *t = choice.target;
	char client_text[ADDR_TEXT_SIZE];
	json_t *json;

	json = json_pack("{s:s,s:s,s:i,s:o,s:s?,s:o,s:i}", "owner", name->text, "client",
			 addr_format(client, client_text), "scope", choice.leaf.length, "order",
			 order_json(snap, name, choice.leaf.order, d->has_at ? &d->at : NULL),
			 "pop", t ? places->pops[t->pop].name : NULL, "why",
			 why(snap, name, &choice), "ttl", (int)name->ttl);
	reason_put(json, places, &reason);
	json_object_set_new(json, "a", geodns_api_addrs(t ? t->a : NULL, t ? t->a_count : 0));
	json_object_set_new(json, "aaaa",
			    geodns_api_addrs(t ? t->aaaa : NULL, t ? t->aaaa_count : 0));
	return json;
}
