/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/tally.h"

#include <string.h>

#include "geodns/conf.h"
#include "lib/alloc.h"

struct tally {
	const struct geodns_conf *conf;
	size_t *first; /* of each name, in a row */
	size_t count;  /* of a row */
	unsigned writers;
	uint64_t *rows;	     /* of the writers, one after the other */
	uint64_t *inherited; /* a row more, before any of these */
};

unsigned tally_writers(const struct geodns_conf *conf)
{
	return conf->threads * ((unsigned)conf->listen_count + 1);
}

/* Zeroed memory that nobody has touched costs nothing: rows are as long as they need to be. */
struct tally *tally_new(const struct geodns_conf *conf)
{
	struct tally *t = x_new(struct tally);

	t->conf = conf;
	t->writers = tally_writers(conf);
	t->first = xcalloc(conf->name_count + 1, sizeof(*t->first));
	for (size_t i = 0; i < conf->name_count; i++) {
		t->first[i] = t->count;
		t->count += conf->names[i].target_count + 1;
	}
	t->rows = xcalloc(t->count * t->writers + 1, sizeof(*t->rows));
	t->inherited = xcalloc(t->count + 1, sizeof(*t->inherited));
	return t;
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	free(tally->inherited);
	free(tally->rows);
	free(tally->first);
	free(tally);
}

static size_t place(const struct tally *tally, const struct geo_name *name, size_t target)
{
	return tally->first[name - tally->conf->names] + target;
}

void tally_add(struct tally *tally, unsigned writer, const struct geo_name *name,
	       const struct geo_target *target)
{
	const size_t index =
		target->pop == GEO_NO_POP ? name->target_count : (size_t)(target - name->targets);
	uint64_t *number = &tally->rows[writer * tally->count + place(tally, name, index)];

	__atomic_store_n(number, *number + 1, __ATOMIC_RELAXED);
}

uint64_t tally_sum(const struct tally *tally, const struct geo_name *name, size_t target)
{
	const size_t at = place(tally, name, target);
	uint64_t sum = tally->inherited[at];

	for (unsigned i = 0; i < tally->writers; i++)
		sum += __atomic_load_n(&tally->rows[i * tally->count + at], __ATOMIC_RELAXED);
	return sum;
}

void tally_credit(struct tally *tally, const struct geo_name *name, size_t target, uint64_t count)
{
	tally->inherited[place(tally, name, target)] += count;
}

/* The target of the same PoP; target_count: there is none any more. */
static size_t target_find(const struct geo_name *name, const struct geodns_conf *conf,
			  const char *pop)
{
	size_t i = 0;

	while (i < name->target_count &&
	       strcmp(conf->places.pops[name->targets[i].pop].name, pop) != 0)
		i++;
	return i;
}

static void name_inherit(struct tally *tally, const struct geo_name *name, const struct tally *old,
			 const struct geo_name *before)
{
	for (size_t i = 0; i <= before->target_count; i++) {
		const uint64_t sum = tally_sum(old, before, i);
		size_t target = name->target_count;

		if (sum == 0)
			continue;
		if (i < before->target_count) {
			target = target_find(name, tally->conf,
					     old->conf->places.pops[before->targets[i].pop].name);
			if (target == name->target_count)
				continue;
		}
		tally->inherited[place(tally, name, target)] += sum;
	}
}

void tally_inherit(struct tally *tally, const struct tally *old, const size_t *name_before)
{
	for (size_t i = 0; i < tally->conf->name_count; i++) {
		if (name_before[i] < old->conf->name_count)
			name_inherit(tally, &tally->conf->names[i], old,
				     &old->conf->names[name_before[i]]);
	}
}
