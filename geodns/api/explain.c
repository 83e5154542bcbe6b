/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>

#include "geodns/api/api.h"

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

json_t *geodns_api_explain(const struct snapshot *snap, const struct geo_name *name,
			   const struct addr *client)
{
	const struct geo_places *places = &snap->catalog->conf->places;
	const struct geo_network *net = geo_places_find(places, client);
	const struct geo_point *at = net		   ? &net->at
				     : places->has_default ? &places->default_at
							   : NULL;
	const struct snapshot_choice choice = snapshot_choose(snap, name, client);
	const struct geo_target *t = choice.target;
	char client_text[ADDR_TEXT_SIZE], net_text[PREFIX_TEXT_SIZE];
	json_t *json;

	json = json_pack("{s:s,s:s,s:s?,s:o,s:i,s:o,s:s?,s:o,s:i}", "owner", name->text, "client",
			 addr_format(client, client_text), "network",
			 net ? prefix_format(&net->prefix, net_text) : NULL, "place",
			 point_json(at), "scope", choice.leaf.length, "order",
			 order_json(snap, name, choice.leaf.order, at), "pop",
			 t ? places->pops[t->pop].name : NULL, "why", why(snap, name, &choice),
			 "ttl", (int)name->ttl);
	json_object_set_new(json, "a", geodns_api_addrs(t ? t->a : NULL, t ? t->a_count : 0));
	json_object_set_new(json, "aaaa",
			    geodns_api_addrs(t ? t->aaaa : NULL, t ? t->aaaa_count : 0));
	return json;
}
