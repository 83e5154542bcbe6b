/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/conf_parts.h"
#include "lib/arena.h"

#define NAMES_MAX     10000
#define ADDRESSES_MAX 16
#define TTL_MAX	      86400

static const struct addr *addresses_load(struct geodns_conf *conf, const struct conf *item,
					 const char *key, enum addr_family family, size_t *count)
{
	const struct conf list = conf_array(item, key, 0, ADDRESSES_MAX);
	struct addr *addrs;

	*count = conf_count(&list);
	addrs = arena_new_array(conf->arena, struct addr, *count);
	for (size_t i = 0; i < *count; i++) {
		const struct conf at = conf_item(&list, i);

		addrs[i] = conf_as_addr(&at);
		if (addrs[i].family != family)
			conf_fail(&at, "is not an IPv%d address", (int)family);
		for (size_t k = 0; k < i; k++) {
			if (addr_equal(&addrs[k], &addrs[i]))
				conf_fail(&at, "the same address as %s[%zu]", key, k);
		}
	}
	return addrs;
}

static void target_load(struct geodns_conf *conf, const struct conf *root, const struct conf *item,
			struct geo_target *out)
{
	const struct conf pop = conf_get(item, "pop");
	const char *pop_name = conf_as_string(&pop);

	CONF_KEYS(item, "pop", "a", "aaaa", "check", "address", "path", "match", "host");
	out->pop = geodns_conf_pop_find(conf, pop_name);
	if (out->pop == conf->places.pop_count) {
		conf_fail(&pop, "unknown pop '%.60s'", pop_name);
		out->pop = 0;
	}
	out->a = addresses_load(conf, item, "a", ADDR_IPV4, &out->a_count);
	out->aaaa = addresses_load(conf, item, "aaaa", ADDR_IPV6, &out->aaaa_count);
	if (out->a_count + out->aaaa_count == 0)
		conf_fail(item, "has neither a nor aaaa");
	out->check = geodns_conf_check_load(conf, root, item, out->pop);
}

static void targets_load(struct geodns_conf *conf, const struct conf *root,
			 const struct conf *object, struct geo_name *name)
{
	const struct conf list = conf_array(object, "pops", 1, GEODNS_POPS_MAX);
	size_t count = conf_count(&list);
	struct geo_target *targets = arena_new_array(conf->arena, struct geo_target, count);
	int *of_pop = arena_new_array(conf->arena, int, conf->places.pop_count + 1);

	for (size_t i = 0; i < conf->places.pop_count; i++)
		of_pop[i] = GEO_NO_TARGET;
	for (size_t i = 0; i < count; i++) {
		const struct conf item = conf_item(&list, i);
		struct geo_target *t = &targets[i];

		target_load(conf, root, &item, t);
		if (of_pop[t->pop] != GEO_NO_TARGET)
			conf_fail(&item, "pop '%s' is there twice",
				  conf->places.pop_count ? conf->places.pops[t->pop].name : "");
		of_pop[t->pop] = (int)i;
		if (!t->a_count != !targets[0].a_count || !t->aaaa_count != !targets[0].aaaa_count)
			conf_fail(&item, "must have %s, as pops[0] has",
				  targets[0].a_count && targets[0].aaaa_count ? "a and aaaa"
				  : targets[0].a_count			      ? "a only"
									      : "aaaa only");
	}
	name->targets = targets;
	name->target_count = count;
	name->target_of_pop = of_pop;
}

void geodns_conf_names_load(struct geodns_conf *conf, const struct conf *root)
{
	static const char *const policies[] = { "nearest", NULL };
	static const char *const all_down[] = {
		[GEO_ALL_DOWN_ALL] = "all", [GEO_ALL_DOWN_NONE] = "none", NULL
	};
	const struct conf list = conf_array(root, "names", 0, NAMES_MAX);

	conf->name_count = conf_count(&list);
	conf->names = arena_new_array(conf->arena, struct geo_name, conf->name_count);
	for (size_t i = 0; i < conf->name_count; i++) {
		const struct conf at = conf_item(&list, i);
		const struct conf domain = conf_get(&at, "name");
		struct geo_name *name = &conf->names[i];

		CONF_KEYS(&at, "name", "ttl", "policy", "when_all_down", "pops");
		name->owner = geodns_conf_domain_load(conf, &domain, &name->text);
		name->ttl = (uint32_t)conf_int(&at, "ttl", 0, TTL_MAX, 30);
		conf_choice(&at, "policy", policies, 0);
		name->when_all_down = (enum geo_when_all_down)conf_choice(
			&at, "when_all_down", all_down, GEO_ALL_DOWN_ALL);
		targets_load(conf, root, &at, name);
	}
}
