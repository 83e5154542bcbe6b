/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/conf_parts.h"
#include "lib/arena.h"

#define RATE_MAX   1000000
#define EXEMPT_MAX 64

static void limit_load(struct geodns_conf *conf, const struct conf *at)
{
	struct rate_limit_options *limit = &conf->protection.limit;
	const struct conf list = conf_array(at, "exempt", 0, EXEMPT_MAX);
	struct prefix *exempt;

	CONF_KEYS(at, "per_second", "burst", "slip", "exempt");
	limit->per_second = (unsigned)conf_int(at, "per_second", 1, RATE_MAX, CONF_REQUIRED);
	limit->burst = (unsigned)conf_int(at, "burst", 1, RATE_MAX, limit->per_second);
	limit->slip = (unsigned)conf_int(at, "slip", 0, 100, 2);
	limit->exempt_count = conf_count(&list);
	exempt = arena_new_array(conf->arena, struct prefix, limit->exempt_count);
	for (size_t i = 0; i < limit->exempt_count; i++) {
		const struct conf item = conf_item(&list, i);

		exempt[i] = conf_as_prefix(&item);
	}
	limit->exempt = exempt;
}

void geodns_conf_protection_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf cookies = conf_get(root, "cookies");
	const struct conf limit = conf_get(root, "rate_limit");

	if (cookies.json) {
		CONF_KEYS(&cookies, "secrets_file");
		conf->protection.secrets_file =
			conf_string(&cookies, "secrets_file", CONF_REQUIRED_STRING);
	}
	conf->protection.has_limit = limit.json;
	if (limit.json)
		limit_load(conf, &limit);
}
