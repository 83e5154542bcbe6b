/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "geodns/api/api.h"
#include "geodns/dns/name.h"

/* The control loop does nothing else meanwhile: 500 of them take it some 30 ms. */
#define LIMIT_MAX 500

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

static json_t *name_json(const struct geodns *g, const struct geo_name *name)
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

/* The name as configured; NULL for none. */
static const struct geo_name *name_find(const struct geodns *g, const char *text)
{
	uint8_t owner[DNS_NAME_MAX];

	return dns_name_parse(owner, text) ? catalog_name_find(g->catalog, owner) : NULL;
}

/* 0: not a number from 1 to LIMIT_MAX. */
static size_t limit_parse(const char *text)
{
	char *end;
	unsigned long n;

	if (!text)
		return LIMIT_MAX;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n > LIMIT_MAX)
		return 0;
	return n;
}

int geodns_api_names_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	const struct geodns_conf *conf = g->catalog->conf;
	const char *after = http_query(req, "after");
	const struct geo_name *before = after ? name_find(g, after) : NULL;
	size_t limit = limit_parse(http_query(req, "limit"));
	size_t first = before ? (size_t)(before - conf->names) + 1 : 0;
	size_t end = conf->name_count - first < limit ? conf->name_count : first + limit;
	json_t *names;

	if (after && !before)
		return http_problem(reply, 400, "after", "no geographic name '%s'", after);
	if (limit == 0)
		return http_problem(reply, 400, "limit", "a number from 1 to %d", LIMIT_MAX);
	names = json_array();
	for (size_t i = first; i < end; i++)
		json_array_append_new(names, name_json(g, &conf->names[i]));
	reply->json = json_pack("{s:o,s:s?}", "names", names, "next",
				end < conf->name_count ? conf->names[end - 1].text : NULL);
	return 200;
}

int geodns_api_name_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	const struct geo_name *name = name_find(g, req->params[0]);

	if (!name)
		return http_problem(reply, 404, NULL, "no geographic name '%s'", req->params[0]);
	reply->json = name_json(g, name);
	return 200;
}
