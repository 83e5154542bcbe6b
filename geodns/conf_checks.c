/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "geodns/conf_parts.h"
#include "lib/alloc.h"
#include "lib/arena.h"

/* An entry of "checks": what all that ask so have in common. */
struct check_kind {
	const char *name;
	struct check_spec spec;
};

/* There may be a check for each of 100 000 names: each is read and looked for in no time. */
struct geodns_conf_checker {
	struct check_kind *kinds; /* by name */
	size_t kind_count;
	uint32_t *slots; /* hash table: indices of conf's checks, plus 1 */
	size_t mask, room;
};

static bool strings_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool specs_equal(const struct check_spec *a, const struct check_spec *b)
{
	return addr_equal(&a->target.addr, &b->target.addr) && strings_equal(a->path, b->path) &&
	       strings_equal(a->host, b->host) && strings_equal(a->match, b->match);
}

static uint64_t octets_hash(uint64_t hash, const void *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)octets)[i]) * UINT64_C(1099511628211); /* FNV-1a */
	return hash;
}

static uint64_t text_hash(uint64_t hash, const char *text)
{
	/* With its end: "a" and "bc" are not "ab" and "c". */
	return text ? octets_hash(hash, text, strlen(text) + 1) : hash;
}

static uint64_t check_hash(const struct geodns_conf_check *c)
{
	const struct addr *addr = &c->spec.target.addr;
	uint64_t hash = text_hash(UINT64_C(14695981039346656037), c->name);

	hash = octets_hash(hash, &c->pop, sizeof(c->pop));
	hash = octets_hash(hash, addr->bytes, addr_size((enum addr_family)addr->family));
	hash = text_hash(hash, c->spec.path);
	return text_hash(text_hash(hash, c->spec.host), c->spec.match);
}

/* Where that check is, or where it belongs. */
static uint32_t *slot_find(const struct geodns_conf *conf, const struct geodns_conf_check *wanted)
{
	const struct geodns_conf_checker *checker = conf->checker;
	size_t at = (size_t)(check_hash(wanted) >> 16) & checker->mask;

	for (; checker->slots[at] > 0; at = (at + 1) & checker->mask) {
		const struct geodns_conf_check *c = &conf->checks[checker->slots[at] - 1];

		if (strcmp(c->name, wanted->name) == 0 && c->pop == wanted->pop &&
		    specs_equal(&c->spec, &wanted->spec))
			break;
	}
	return &checker->slots[at];
}

static void checks_grow(struct geodns_conf *conf)
{
	struct geodns_conf_checker *checker = conf->checker;
	size_t room = conf->check_count ? 2 * conf->check_count : 32;

	conf->checks = xreallocarray(conf->checks, room, sizeof(*conf->checks));
	free(checker->slots);
	checker->slots = xcalloc(2 * room, sizeof(*checker->slots));
	checker->mask = 2 * room - 1;
	checker->room = room;
	for (size_t i = 0; i < conf->check_count; i++)
		*slot_find(conf, &conf->checks[i]) = (uint32_t)i + 1;
}

/* A string that is not that of the kind goes with the name that asks. */
static const char *text_keep(struct geodns_conf *conf, const char *text, const char *of_kind)
{
	return text == of_kind ? text : arena_strdup(conf->arena, text);
}

/* The check of that name (the same entry in "checks"), PoP and question, made if it is new. */
static uint32_t check_intern(struct geodns_conf *conf, const struct geodns_conf_check *wanted,
			     const struct check_spec *kind)
{
	struct check_spec *spec;
	uint32_t *slot;

	if (conf->check_count == conf->checker->room)
		checks_grow(conf);
	slot = slot_find(conf, wanted);
	if (*slot == 0) {
		conf->checks[conf->check_count] = *wanted;
		spec = &conf->checks[conf->check_count].spec;
		spec->path = text_keep(conf, spec->path, kind->path);
		spec->host = text_keep(conf, spec->host, kind->host);
		spec->match = text_keep(conf, spec->match, kind->match);
		*slot = (uint32_t)++conf->check_count;
	}
	return *slot - 1;
}

static int kind_compare(const void *a, const void *b)
{
	const struct check_kind *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static const struct check_kind *kind_find(const struct geodns_conf *conf, const char *name)
{
	const struct geodns_conf_checker *checker = conf->checker;
	const struct check_kind wanted = { .name = name };

	if (checker->kind_count == 0)
		return NULL;
	return bsearch(&wanted, checker->kinds, checker->kind_count, sizeof(wanted), kind_compare);
}

uint32_t geodns_conf_check_load(struct geodns_conf *conf, const struct conf *item, size_t pop)
{
	const struct conf at = conf_get(item, "check");
	struct geodns_conf_check wanted = { .pop = pop };
	const struct check_kind *kind;

	if (!conf_is_there(&at)) {
		static const char *const needless[] = { "address", "path", "match", "host" };

		for (size_t i = 0; i < 4; i++) {
			const struct conf key = conf_get(item, needless[i]);

			if (conf_is_there(&key))
				conf_fail(&key, "means nothing without a check");
		}
		return GEO_NO_CHECK;
	}
	kind = kind_find(conf, conf_as_string(&at));
	if (!kind) {
		conf_fail(&at, "unknown check '%.60s'", conf_as_string(&at));
		return GEO_NO_CHECK;
	}
	wanted.name = kind->name;
	wanted.spec = kind->spec;
	wanted.spec.target.addr = conf_addr(item, "address");
	if (wanted.spec.type == CHECK_HTTP || wanted.spec.type == CHECK_HTTPS) {
		check_question_load(item, &wanted.spec);
	} else if (conf_has(item, "path") || conf_has(item, "match") || conf_has(item, "host")) {
		conf_fail(item, "check '%.60s' is of type %s: no path, match or host", wanted.name,
			  wanted.spec.type == CHECK_DNS ? "dns" : "tcp");
	}
	return check_intern(conf, &wanted, &kind->spec);
}

void geodns_conf_checks_load(struct geodns_conf *conf, const struct conf *root)
{
	const struct conf checks = conf_get(root, "checks");
	const struct addr nowhere = { .family = ADDR_IPV4 };
	struct geodns_conf_checker *checker = x_new(struct geodns_conf_checker);
	const char *key;
	json_t *value;

	conf->checker = checker;
	if (!checks.json)
		return;
	if (!json_is_object(checks.json)) {
		conf_fail(&checks, "expected an object");
		return;
	}
	checker->kinds = xcalloc(json_object_size(checks.json) + 1, sizeof(*checker->kinds));
	json_object_foreach (checks.json, key, value) {
		struct check_kind *kind = &checker->kinds[checker->kind_count++];
		const struct conf at = conf_get(&checks, key);
		const struct conf address = conf_get(&at, "address");

		if (address.json)
			conf_fail(&address, "belongs to each entry of names[].pops");
		kind->name = key;
		check_spec_load(&at, &nowhere, &kind->spec);
	}
	qsort(checker->kinds, checker->kind_count, sizeof(*checker->kinds), kind_compare);
}

void geodns_conf_checker_free(struct geodns_conf *conf)
{
	if (!conf->checker)
		return;
	free(conf->checker->kinds);
	free(conf->checker->slots);
	free(conf->checker);
	conf->checker = NULL;
}
