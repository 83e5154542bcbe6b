/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/fit.h"

#include <stddef.h>
#include <stdint.h>

#include "geodns/dns/name.h"
#include "geodns/xdp/layout.h"

/* The most records that so many targets can have, and whether all of them have some or none has. */
static bool records_fit(const struct geo_name *name, bool is_a)
{
	uint8_t best[GEO_ANSWERS_MAX] = { 0 };
	size_t sum = 0, with = 0;

	for (size_t i = 0; i < name->target_count; i++) {
		uint8_t count = is_a ? name->targets[i].a_count : name->targets[i].aaaa_count;

		with += count > 0;
		for (unsigned k = 0; k < name->answers; k++) {
			uint8_t less = best[k];

			if (count > less) {
				best[k] = count;
				count = less;
			}
		}
	}
	for (unsigned k = 0; k < name->answers; k++)
		sum += best[k];
	return sum <= XDP_RECORDS_MAX &&
	       (name->answers == 1 || with == 0 || with == name->target_count);
}

bool xdp_name_fits(const struct geo_name *name)
{
	const enum geo_policy policy = name->groups[0].policy;

	if (name->has_cname || name->by_network || name->fence_count > 0 || name->group_count > 1)
		return false;
	if (name->target_count > 1 && policy != GEO_NEAREST && policy != GEO_FAILOVER)
		return false;
	return dns_name_length(name->owner) <= XDP_NAME_MAX &&
	       name->target_count <= XDP_TARGETS_MAX && records_fit(name, true) &&
	       records_fit(name, false);
}
