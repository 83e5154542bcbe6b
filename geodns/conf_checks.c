/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "geodns/conf_parts.h"
#include "lib/alloc.h"

static bool strings_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool specs_equal(const struct check_spec *a, const struct check_spec *b)
{
	return addr_equal(&a->target.addr, &b->target.addr) && strings_equal(a->path, b->path) &&
	       strings_equal(a->host, b->host) && strings_equal(a->match, b->match);
}

/* The check of that name (the same entry in "checks"), PoP and question, made if it is new. */
static uint32_t check_intern(struct geodns_conf *conf, const struct geodns_conf_check *wanted)
{
	for (size_t i = 0; i < conf->check_count; i++) {
		const struct geodns_conf_check *c = &conf->checks[i];

		if (strcmp(c->name, wanted->name) == 0 && c->pop == wanted->pop &&
		    specs_equal(&c->spec, &wanted->spec))
			return (uint32_t)i;
	}
	conf->checks = xreallocarray(conf->checks, conf->check_count + 1, sizeof(*conf->checks));
	conf->checks[conf->check_count] = *wanted;
	return (uint32_t)conf->check_count++;
}

uint32_t geodns_conf_check_load(struct geodns_conf *conf, const struct conf *root,
				const struct conf *item, size_t pop)
{
	const struct conf at = conf_get(item, "check");
	const struct conf checks = conf_get(root, "checks");
	struct geodns_conf_check wanted = { .pop = pop };
	const struct addr nowhere = { .family = ADDR_IPV4 };
	struct conf check;

	if (!at.json) {
		static const char *const needless[] = { "address", "path", "match", "host" };

		for (size_t i = 0; i < 4; i++) {
			const struct conf key = conf_get(item, needless[i]);

			if (key.json)
				conf_fail(&key, "means nothing without a check");
		}
		return GEO_NO_CHECK;
	}
	wanted.name = conf_as_string(&at);
	check = conf_get(&checks, wanted.name);
	if (!check.json) {
		conf_fail(&at, "unknown check '%.60s'", wanted.name);
		return GEO_NO_CHECK;
	}
	check_spec_load(&check, &nowhere, &wanted.spec);
	wanted.spec.target.addr = conf_addr(item, "address");
	if (wanted.spec.type == CHECK_HTTP || wanted.spec.type == CHECK_HTTPS) {
		check_question_load(item, &wanted.spec);
	} else if (conf_has(item, "path") || conf_has(item, "match") || conf_has(item, "host")) {
		conf_fail(item, "check '%.60s' is of type %s: no path, match or host", wanted.name,
			  wanted.spec.type == CHECK_DNS ? "dns" : "tcp");
	}
	return check_intern(conf, &wanted);
}

void geodns_conf_checks_load(const struct conf *root)
{
	const struct conf checks = conf_get(root, "checks");
	const struct addr nowhere = { .family = ADDR_IPV4 };
	const char *key;
	json_t *value;

	if (!checks.json)
		return;
	if (!json_is_object(checks.json)) {
		conf_fail(&checks, "expected an object");
		return;
	}
	json_object_foreach (checks.json, key, value) {
		const struct conf at = conf_get(&checks, key);
		const struct conf address = conf_get(&at, "address");
		struct check_spec spec;

		if (address.json)
			conf_fail(&address, "belongs to each entry of names[].pops");
		check_spec_load(&at, &nowhere, &spec);
	}
}
