/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/conf_parts.h"
#include "lib/arena.h"

#define TTL_MAX 86400

/* What each key says is right by itself; here, what they say together. */
static void name_check(const struct conf *at, const struct geo_name *name)
{
	const struct conf answers = conf_get(at, "answers");
	const struct conf all_down = conf_get(at, "when_all_down");

	if (name->has_cname && name->answers > 1)
		conf_fail(&answers, "there can be only one CNAME");
	if (name->fence_count > 0 && name->when_all_down == GEO_ALL_DOWN_NONE)
		conf_fail(&all_down, "none cannot go with fences: resolvers take a negative answer "
				     "to one region for everybody's (RFC 7871, 7.4)");
}

static void name_load(struct geodns_conf *conf, const struct conf *at, struct geo_name *name)
{
	const struct conf domain = conf_get(at, "name");
	struct geo_target *targets;

	CONF_KEYS(at, "name", "ttl", "ttl_min", "policy", "answers", "when_all_down", "pops",
		  "groups", "fences", "https", "svcb");
	name->owner = geodns_conf_domain_load(conf, &domain, &name->text);
	name->ttl = (uint32_t)conf_int(at, "ttl", 0, TTL_MAX, 30);
	name->ttl_min = (uint32_t)conf_int(at, "ttl_min", 0, name->ttl, name->ttl);
	name->policy = (enum geo_policy)conf_choice(at, "policy", geo_policy_names, GEO_NEAREST);
	name->answers = (unsigned)conf_int(at, "answers", 1, GEO_ANSWERS_MAX, 1);
	targets = geodns_conf_targets_load(conf, at, name);
	if (at->err->set)
		return;
	geodns_conf_fences_load(conf, at, name, targets);
	geodns_conf_groups_load(conf, at, name, targets);
	geodns_conf_all_down_load(conf, at, name);
	geodns_conf_services_load(conf, at, name);
	name_check(at, name);
	geo_name_seal(name);
}

static bool item_next(struct conf_series *series, const struct conf *list, size_t index,
		      struct conf *item)
{
	if (series)
		return conf_series_next(series, list, item);
	*item = conf_item(list, index);
	return true;
}

void geodns_conf_names_load(struct geodns_conf *conf, const struct conf *root,
			    struct conf_series *series)
{
	const struct conf list = conf_array(root, "names", 0, GEODNS_NAMES_MAX);
	struct conf at;

	conf->name_count = series ? conf_series_count(series) : conf_count(&list);
	conf->names = arena_new_array(conf->arena, struct geo_name, conf->name_count);
	for (size_t i = 0; i < conf->name_count && !root->err->set; i++) {
		if (!item_next(series, &list, i, &at))
			return;
		name_load(conf, &at, &conf->names[i]);
	}
}
