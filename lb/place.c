/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/place.h"

#include <assert.h>
#include <string.h>

#include "lib/siphash.h"

static uint64_t pair_of(const char *vip, const char *origin)
{
	/* No secret, but not another one in the next life. */
	const uint8_t key[SIPHASH_KEY_SIZE] = { 'p', 'l', 'a', 'c', 'e' };
	const uint64_t outer = siphash24(key, (const uint8_t *)vip, strlen(vip));
	const uint64_t inner = siphash24(key, (const uint8_t *)origin, strlen(origin));

	/* Not their sum: the same names the other way round are another pair. */
	const uint64_t pair = outer * 3 + inner;

	return pair ? pair : 1;
}

unsigned place_take(struct places *places, const char *vip, const char *origin)
{
	const uint64_t pair = pair_of(vip, origin);
	const unsigned first = (unsigned)(pair >> 32) % PLACES;
	unsigned place = PLACES;

	for (unsigned i = 0; i < PLACES; i++) {
		const unsigned at = (first + i) % PLACES;

		if (places->is_taken[at])
			continue;
		if (places->whose[at] == pair) {
			place = at;
			break;
		}
		/* One that somebody may come back to only if there is no other. */
		if (place == PLACES || (places->whose[place] && !places->whose[at]))
			place = at;
	}
	assert(place < PLACES);
	places->is_taken[place] = true;
	places->whose[place] = pair;
	return place;
}

void place_leave(struct places *places, unsigned place)
{
	places->is_taken[place] = false;
}
