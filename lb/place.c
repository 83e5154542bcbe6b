/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/place.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/siphash.h"

static unsigned first_place(const char *vip, const char *origin)
{
	/* No secret, but not another one in the next life. */
	const uint8_t key[SIPHASH_KEY_SIZE] = { 'p', 'l', 'a', 'c', 'e' };
	const uint64_t outer = siphash24(key, (const uint8_t *)vip, strlen(vip));
	const uint64_t inner = siphash24(key, (const uint8_t *)origin, strlen(origin));

	/* Not their sum: the same names the other way round are another pair. */
	return (unsigned)((outer * 3 + inner) >> 32) % PLACES;
}

unsigned place_take(struct places *places, const char *vip, const char *origin)
{
	const unsigned first = first_place(vip, origin);

	for (unsigned i = 0; i < PLACES; i++) {
		const unsigned place = (first + i) % PLACES;

		if (!places->is_taken[place]) {
			places->is_taken[place] = true;
			return place;
		}
	}
	assert(!"there are more origins than places");
	return 0;
}

void place_leave(struct places *places, unsigned place)
{
	places->is_taken[place] = false;
}
