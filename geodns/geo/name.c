/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/name.h"

const struct geo_target *geo_name_choose(const struct geo_name *name, const uint16_t *order,
					 size_t pop_count, const uint8_t *health)
{
	const struct geo_target *nearest = NULL;

	for (size_t i = 0; i < pop_count; i++) {
		int index = name->target_of_pop[order[i]];
		const struct geo_target *target;

		if (index == GEO_NO_TARGET)
			continue;
		target = &name->targets[index];
		if (geo_target_is_healthy(target, health))
			return target;
		nearest = nearest ? nearest : target;
	}
	return name->when_all_down == GEO_ALL_DOWN_ALL ? nearest : NULL;
}
