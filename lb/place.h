/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place.h - the number of an origin of a VIP, by which the connection table knows it.
 *
 * Pure. The number follows from the two names as long as no other pair has the same, so that the
 * next life of the daemon finds the connections of this one at the origins that have them, also
 * with origins more or less in its configuration.
 */
#ifndef LB_PLACE_H
#define LB_PLACE_H

#include <stdbool.h>

#define PLACES 4096 /* FRONT_ORIGINS_MAX */

struct places {
	bool is_taken[PLACES];
};

/* There must be a free one. Of two pairs that would have the same who asks first has it. */
unsigned place_take(struct places *places, const char *vip, const char *origin);
void place_leave(struct places *places, unsigned place);

#endif
