/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/api/api.h"
#include "geodns/dns/name.h"

json_t *geodns_api_addrs(json_t *list, const struct geo_target *target, enum addr_family family)
{
	const struct addr *addrs = family == ADDR_IPV4 ? target->a : target->aaaa;
	size_t count = family == ADDR_IPV4 ? target->a_count : target->aaaa_count;
	char text[ADDR_TEXT_SIZE];

	if (!list)
		list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(addr_format(&addrs[i], text)));
	return list;
}

json_t *geodns_api_cname(const struct geo_target *target)
{
	char text[DNS_NAME_TEXT_SIZE];

	return target->cname ? json_string(dns_name_format(target->cname, text)) : json_null();
}

const char *geodns_api_state(const struct snapshot *snap, const struct geo_target *target)
{
	return target->check == GEO_NO_CHECK
		       ? "unchecked"
		       : health_name((enum health)snap->health[target->check]);
}

static json_t *check_json(const struct geodns *g, uint32_t index)
{
	const struct geodns_conf_check *c;
	char target[ENDPOINT_TEXT_SIZE];

	if (index == GEO_NO_CHECK)
		return json_null();
	c = &g->catalog->conf->checks[index];
	return json_pack("{s:s,s:s,s:s}", "name", c->name, "target",
			 endpoint_format(&c->spec.target, target), "reason",
			 g->health ? check_reason(health_check(g->health, index)) : "");
}

static json_t *target_json(const struct geodns *g, const struct geo_target *t)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:i,s:o,s:o,s:o,s:o}", "pop",
			 g->catalog->conf->places.pops[t->pop].name, "state",
			 geodns_api_state(g->store.current, t), "said",
			 pop_state_names[g->store.current->pops[t->pop]], "weight", (int)t->weight,
			 "dial", (int)t->dial, "a", geodns_api_addrs(NULL, t, ADDR_IPV4), "aaaa",
			 geodns_api_addrs(NULL, t, ADDR_IPV6), "cname", geodns_api_cname(t),
			 "check", check_json(g, t->check));
}

/* Empty for a name without groups. */
static json_t *groups_json(const struct geodns *g, const struct geo_name *name)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < name->group_count && name->groups[i].name; i++) {
		const struct geo_group *group = &name->groups[i];
		json_t *pops = json_array();

		for (size_t k = 0; k < group->count; k++) {
			const struct geo_target *t = &name->targets[group->first + k];

			json_array_append_new(
				pops, json_string(g->catalog->conf->places.pops[t->pop].name));
		}
		json_array_append_new(groups,
				      json_pack("{s:s,s:s,s:i,s:o}", "name", group->name, "policy",
						geo_policy_names[group->policy], "weight",
						(int)group->weight, "pops", pops));
	}
	return groups;
}

static json_t *fences_json(const struct geodns *g, const struct geo_name *name)
{
	const struct geodns_conf *conf = g->catalog->conf;
	json_t *fences = json_array();

	for (size_t i = 0; i < name->fence_count; i++) {
		json_t *pops = json_array();

		for (size_t k = 0; k < name->target_count; k++) {
			const struct geo_target *t = &name->targets[k];

			if (t->fences >> i & 1)
				json_array_append_new(pops,
						      json_string(conf->places.pops[t->pop].name));
		}
		json_array_append_new(fences, json_pack("{s:s,s:o}", "region",
							conf->places.regions[name->fences[i]].name,
							"pops", pops));
	}
	return fences;
}

static json_t *all_down_json(const struct geo_name *name)
{
	switch (name->when_all_down) {
	case GEO_ALL_DOWN_ALL:
		return json_string("all");
	case GEO_ALL_DOWN_NONE:
		return json_string("none");
	case GEO_ALL_DOWN_LAST_RESORT:
		break;
	}
	return json_pack("{s:o,s:o,s:o}", "a", geodns_api_addrs(NULL, &name->resort, ADDR_IPV4),
			 "aaaa", geodns_api_addrs(NULL, &name->resort, ADDR_IPV6), "cname",
			 geodns_api_cname(&name->resort));
}

json_t *geodns_api_name(const struct geodns *g, const struct geo_name *name)
{
	json_t *pops = json_array();

	for (size_t i = 0; i < name->target_count; i++)
		json_array_append_new(pops, target_json(g, &name->targets[i]));
	return json_pack("{s:s,s:i,s:i,s:s,s:i,s:o,s:o,s:o,s:o}", "name", name->text, "ttl",
			 (int)name->ttl, "ttl_min", (int)name->ttl_min, "policy",
			 geo_policy_names[name->policy], "answers", (int)name->answers,
			 "when_all_down", all_down_json(name), "groups", groups_json(g, name),
			 "fences", fences_json(g, name), "pops", pops);
}
