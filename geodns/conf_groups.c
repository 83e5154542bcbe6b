/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How geographic names choose: "fences", "groups" and weights. */
#include <string.h>

#include "geodns/conf_parts.h"
#include "lib/arena.h"

/* The target for the PoP that a string names; NULL, with a mistake, if the name has none. */
static struct geo_target *target_find(const struct geodns_conf *conf, const struct conf *at,
				      struct geo_target *targets, size_t count)
{
	const char *pop_name = conf_as_string(at);
	size_t pop = geodns_conf_pop_find(conf, pop_name);

	for (size_t i = 0; i < count; i++) {
		if (targets[i].pop == pop)
			return &targets[i];
	}
	conf_fail(at, "'%.60s' is none of the name's pops", pop_name);
	return NULL;
}

static uint8_t region_load(const struct geodns_conf *conf, const struct conf *fence)
{
	const struct conf at = conf_get(fence, "region");
	const char *region = conf_as_string(&at);
	size_t i = 0;

	while (i < conf->places.region_count && strcmp(conf->places.regions[i].name, region) != 0)
		i++;
	if (i == conf->places.region_count)
		conf_fail(&at, "unknown region '%.60s'", region);
	return (uint8_t)i;
}

void geodns_conf_fences_load(struct geodns_conf *conf, const struct conf *object,
			     struct geo_name *name, struct geo_target *targets)
{
	const struct conf list = conf_array(object, "fences", 0, GEO_FENCES_MAX);
	uint8_t *regions = arena_new_array(conf->arena, uint8_t, conf_count(&list));

	name->fences = regions;
	name->fence_count = conf_count(&list);
	for (size_t i = 0; i < name->fence_count; i++) {
		const struct conf item = conf_item(&list, i);
		const struct conf pops = conf_array(&item, "pops", 1, GEODNS_POPS_MAX);

		CONF_KEYS(&item, "region", "pops");
		regions[i] = region_load(conf, &item);
		for (size_t k = 0; k < i; k++) {
			if (regions[k] == regions[i])
				conf_fail(&item, "the same region as fences[%zu]", k);
		}
		for (size_t k = 0; k < conf_count(&pops); k++) {
			const struct conf at = conf_item(&pops, k);
			struct geo_target *t = target_find(conf, &at, targets, name->target_count);

			if (t)
				t->fences |= UINT64_C(1) << i;
		}
	}
}

/* A weight where nothing is weighted would be a misunderstanding. */
static void weight_check(const struct conf *item, enum geo_policy policy)
{
	const struct conf at = conf_get(item, "weight");

	if (conf_is_there(&at) && policy != GEO_WEIGHTED)
		conf_fail(&at, "means nothing with the policy %s", geo_policy_names[policy]);
}

static void weights_check(const struct conf *object, const struct geo_name *name,
			  const struct geo_target *targets)
{
	const struct conf list = conf_get(object, "pops");

	for (size_t i = 0; i < name->target_count; i++) {
		const struct conf item = conf_item(&list, i);
		uint16_t index = name->target_of_pop[targets[i].pop];

		weight_check(&item, name->groups[name->targets[index].group].policy);
	}
}

/* Targets on their way from the order of the configuration to that of the groups. */
struct sorting {
	const struct geodns_conf *conf;
	struct geo_name *name;
	struct geo_target *from, *to;
	uint16_t *of_pop; /* what becomes name's target_of_pop */
	uint16_t placed;
};

static void group_load(struct sorting *s, const struct conf *item, struct geo_group *groups,
		       size_t index)
{
	const struct conf pops = conf_array(item, "pops", 1, GEODNS_POPS_MAX);
	struct geo_group *group = &groups[index];

	CONF_KEYS(item, "name", "policy", "weight", "pops");
	group->name = arena_strdup(s->conf->arena, conf_name(item, "name"));
	group->seed = geo_seed(group->name, GEO_SEED_GROUP);
	group->policy = (enum geo_policy)conf_choice(item, "policy", geo_policy_names, GEO_NEAREST);
	group->weight = (uint16_t)conf_int(item, "weight", 0, GEO_WEIGHT_MAX, 1);
	weight_check(item, s->name->policy);
	for (size_t k = 0; k < index; k++) {
		if (strcmp(groups[k].name, group->name) == 0)
			conf_fail(item, "group '%s' is there twice", group->name);
	}
	group->first = s->placed;
	for (size_t i = 0; i < conf_count(&pops); i++) {
		const struct conf at = conf_item(&pops, i);
		const struct geo_target *t =
			target_find(s->conf, &at, s->from, s->name->target_count);

		if (!t)
			return;
		if (s->of_pop[t->pop] != GEO_NO_TARGET) {
			conf_fail(&at, "pop '%s' is in a group already", conf_as_string(&at));
			return;
		}
		s->of_pop[t->pop] = s->placed;
		s->to[s->placed] = *t;
		s->to[s->placed++].group = (uint8_t)index;
	}
	group->count = (uint16_t)(s->placed - group->first);
}

static void groups_load(struct sorting *s, const struct conf *list, struct geo_group *groups)
{
	for (size_t i = 0; i < conf_count(list) && !list->err->set; i++) {
		const struct conf item = conf_item(list, i);

		group_load(s, &item, groups, i);
	}
	for (size_t i = 0; i < s->name->target_count; i++) {
		uint16_t pop = s->from[i].pop;

		if (s->of_pop[pop] == GEO_NO_TARGET)
			conf_fail(list, "pop '%s' is in no group", s->conf->places.pops[pop].name);
	}
}

/* The name itself is the group. */
static void group_of_all(struct sorting *s, struct geo_group *group)
{
	group->count = (uint16_t)s->name->target_count;
	group->weight = 1;
	group->policy = s->name->policy;
	for (uint16_t i = 0; i < group->count; i++)
		s->of_pop[s->from[i].pop] = i;
	s->to = s->from;
}

void geodns_conf_groups_load(struct geodns_conf *conf, const struct conf *object,
			     struct geo_name *name, struct geo_target *targets)
{
	bool has_groups = conf_has(object, "groups");
	const struct conf list = conf_array(object, "groups", has_groups, GEO_GROUPS_MAX);
	size_t pop_count = conf->places.pop_count;
	struct sorting s = { .conf = conf, .name = name, .from = targets };
	struct geo_group *groups;

	name->group_count = has_groups ? conf_count(&list) : 1;
	groups = arena_new_array(conf->arena, struct geo_group, name->group_count);
	s.of_pop = arena_new_array(conf->arena, uint16_t, pop_count);
	for (size_t i = 0; i < pop_count; i++)
		s.of_pop[i] = GEO_NO_TARGET;
	if (has_groups) {
		s.to = arena_new_array(conf->arena, struct geo_target, name->target_count);
		groups_load(&s, &list, groups);
	} else {
		group_of_all(&s, groups);
	}
	name->groups = groups;
	name->target_of_pop = s.of_pop;
	name->targets = s.to;
	if (!object->err->set)
		weights_check(object, name, targets);
}
