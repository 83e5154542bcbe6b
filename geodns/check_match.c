/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/check_match.h"

#include <string.h>

#include "lib/alloc.h"

/* A check, to be found by what it asks. */
struct known {
	uint64_t hash;
	size_t index;
	bool taken;
};

static uint64_t text_hash(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211); /* FNV-1a */
	return hash;
}

static const char *pop_name(const struct geodns_conf *conf, const struct geodns_conf_check *c)
{
	return conf->places.pops[c->pop].name;
}

static uint64_t check_hash(const struct geodns_conf *conf, const struct geodns_conf_check *c)
{
	uint64_t hash = text_hash(UINT64_C(14695981039346656037), c->name);

	hash = text_hash(hash, pop_name(conf, c));
	return text_hash(text_hash(hash, c->spec.path), c->spec.match);
}

static int known_compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* The first that is not before a hash. */
static size_t known_find(const struct known *known, size_t count, uint64_t hash)
{
	size_t from = 0, to = count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (known[middle].hash < hash)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

size_t *check_match_new(const struct geodns_conf *old, const struct geodns_conf *next)
{
	size_t count = old ? old->check_count : 0;
	size_t *matches = xcalloc(next->check_count + 1, sizeof(*matches));
	struct known *known = xcalloc(count + 1, sizeof(*known));

	for (size_t i = 0; i < count; i++)
		known[i] = (struct known){ check_hash(old, &old->checks[i]), i, false };
	qsort(known, count, sizeof(*known), known_compare);
	for (size_t i = 0; i < next->check_count; i++) {
		const struct geodns_conf_check *c = &next->checks[i];
		uint64_t hash = check_hash(next, c);

		matches[i] = CHECK_MATCH_NONE;
		for (size_t k = known_find(known, count, hash);
		     k < count && known[k].hash == hash && matches[i] == CHECK_MATCH_NONE; k++) {
			const struct geodns_conf_check *o = &old->checks[known[k].index];

			if (known[k].taken || strcmp(o->name, c->name) != 0 ||
			    strcmp(pop_name(old, o), pop_name(next, c)) != 0 ||
			    !check_spec_equal(&o->spec, &c->spec))
				continue;
			known[k].taken = true;
			matches[i] = known[k].index;
		}
	}
	free(known);
	return matches;
}
