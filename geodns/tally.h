/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tally.h - how often each geographic name has sent somebody to each of its PoPs.
 *
 * A row of numbers for each thread that answers, in each row one for every target of every
 * name, and one for its last resort. A row has one writer; sums are taken without stopping it. Rows
 * belong to a catalog and go with it: a new catalog inherits what the one before has counted.
 */
#ifndef GEODNS_TALLY_H
#define GEODNS_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/name.h"

struct geodns_conf;
struct tally;

/* The threads that answer, by configuration: UDP's, then conf->threads for TCP. */
unsigned tally_writers(const struct geodns_conf *conf);

/* conf must outlive it. */
struct tally *tally_new(const struct geodns_conf *conf);
void tally_free(struct tally *tally);

/* The writer's row and the target of the name (or its last resort) that was answered. */
void tally_add(struct tally *tally, unsigned writer, const struct geo_name *name,
	       const struct geo_target *target);
/* By index of the name's targets; target_count: the last resort. */
uint64_t tally_sum(const struct tally *tally, const struct geo_name *name, size_t target);
/* Add what has been counted elsewhere; target as for tally_sum(). The control thread's. */
void tally_credit(struct tally *tally, const struct geo_name *name, size_t target, uint64_t count);
/*
 * Add what an old one, that nobody writes to, has counted for names and PoPs that are still there.
 * name_before: for each name of the tally, its index in the old one's; beyond them: it is new.
 */
void tally_inherit(struct tally *tally, const struct tally *old, const size_t *name_before);

#endif
