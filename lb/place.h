/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place.h - the number of an origin of a VIP, by which the connection table knows it.
 *
 * Pure. The number follows from the two names as long as no other pair has the same; who has which
 * is written down beside the table. So the next life of the daemon finds the connections of this
 * one at the origins that have them, also with origins more or less in its configuration.
 */
#ifndef LB_PLACE_H
#define LB_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define PLACES 4096 /* FRONT_ORIGINS_MAX */

struct places {
	bool is_taken[PLACES];
	/* The caller's, PLACES of them, all 0 in the first life: who has it, or had it last. */
	uint64_t *whose;
};

/*
 * There must be a free one: where this pair has been before, else where nobody has. Of two new
 * pairs that would have the same who asks first has it.
 */
unsigned place_take(struct places *places, const char *vip, const char *origin);
void place_leave(struct places *places, unsigned place);

#endif
