/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name.h - geographic names: PoPs to choose from, and the choice.
 *
 * Data and one pure function. The structures are built once by conf.c, in its
 * arena, and then only read, by all threads.
 */
#ifndef GEODNS_GEO_NAME_H
#define GEODNS_GEO_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/geo.h"
#include "lib/rise_fall.h"

#define GEO_NO_CHECK  UINT32_MAX
#define GEO_NO_TARGET (-1)

struct geo_pop {
	const char *name;
	struct geo_point at;
	double bias_km; /* counts as so much nearer; negative: farther */
};

/* What a name answers for one PoP. */
struct geo_target {
	size_t pop; /* index into the configuration's pops */
	const struct addr *a;
	size_t a_count;
	const struct addr *aaaa;
	size_t aaaa_count;
	uint32_t check; /* index into the configuration's checks, or GEO_NO_CHECK */
};

enum geo_when_all_down { GEO_ALL_DOWN_ALL, GEO_ALL_DOWN_NONE };

struct geo_name {
	const char *text;     /* as configured */
	const uint8_t *owner; /* in wire form */
	uint32_t ttl;
	enum geo_when_all_down when_all_down;
	const struct geo_target *targets;
	size_t target_count;
	/* By index of a pop: index into targets, or GEO_NO_TARGET. */
	const int *target_of_pop;
};

/* Not yet known counts as healthy: a daemon that has just started must answer. */
static inline bool geo_target_is_healthy(const struct geo_target *target, const uint8_t *health)
{
	return target->check == GEO_NO_CHECK || health[target->check] != HEALTH_DOWN;
}

/*
 * The target to answer with: the first in order (pops, all of them, by index) that is healthy, else
 * by the name's policy. health: an enum health for each check. Returns NULL for none.
 */
const struct geo_target *geo_name_choose(const struct geo_name *name, const uint16_t *order,
					 size_t pop_count, const uint8_t *health);

#endif
