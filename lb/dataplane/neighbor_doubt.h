/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * neighbor_doubt.h - when an address that does not answer is given up.
 *
 * A port of ours that goes down for a moment takes all that was known on it out of the kernel's
 * table. Nobody behind it has gone by that, and who is given up loses its connections. So who was
 * known stays in doubt, however long the link is down, and for some seconds after it lives again:
 * the kernel asks three times, a second apart. Pure.
 */
#ifndef LB_DATAPLANE_NEIGHBOR_DOUBT_H
#define LB_DATAPLANE_NEIGHBOR_DOUBT_H

#include <stdbool.h>

#include "lb/dataplane/neighbor.h"
#include "lib/clock.h"

/* Nobody has a connection with who was never known: no answer in that time is one. */
#define NEIGHBOR_PATIENCE_MS 1000
#define NEIGHBOR_DOUBT_MS    3000

/* All zero: nothing is known. */
struct neighbor_doubt {
	bool was_known;
	bool is_asked;
	struct instant since; /* if asked: when that began, or its link was last seen down */
};

/* An answer has come. */
void neighbor_doubt_end(struct neighbor_doubt *doubt);
/* Its entry has gone, or it is asked for the first time: what was waited for before does not count.
 */
void neighbor_doubt_begin(struct neighbor_doubt *doubt, struct instant now);
/*
 * What it is to be called, of which the kernel would say what was found: LOST or worse. ASKED while
 * there is doubt. is_link_up: of the link where it was known.
 */
enum neighbor_state neighbor_doubt_judge(struct neighbor_doubt *doubt, enum neighbor_state found,
					 bool is_link_up, struct instant now);

#endif
