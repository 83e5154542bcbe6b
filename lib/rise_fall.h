/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rise_fall.h - hysteresis: from single results to a verdict.
 *
 * Pure. The first result of all decides at once, so that a daemon that has
 * just started has a verdict after one check; from then on `fall` failures in
 * a row are needed to go down and `rise` successes in a row to come up.
 */
#ifndef LIB_RISE_FALL_H
#define LIB_RISE_FALL_H

#include <stdbool.h>

enum health { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

struct rise_fall {
	unsigned rise, fall; /* at least 1 */
	enum health state;
	unsigned streak; /* results in a row that speak against state */
};

void rise_fall_init(struct rise_fall *rf, unsigned rise, unsigned fall);
/* Take one result. True when state has changed. */
bool rise_fall_step(struct rise_fall *rf, bool success);
/*
 * How many more results in a row like the last one would change the state: 0 when the last one
 * agrees with it, so that there is no such thing under way. Before the first result: 1.
 */
unsigned rise_fall_left(const struct rise_fall *rf);
const char *health_name(enum health health); /* "unknown", "up", "down" */

#endif
