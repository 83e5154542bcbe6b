/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/neighbor_doubt.h"

void neighbor_doubt_end(struct neighbor_doubt *doubt)
{
	*doubt = (struct neighbor_doubt){ .was_known = true };
}

void neighbor_doubt_begin(struct neighbor_doubt *doubt, struct instant now)
{
	doubt->is_asked = true;
	doubt->since = now;
}

enum neighbor_state neighbor_doubt_judge(struct neighbor_doubt *doubt, enum neighbor_state found,
					 bool is_link_up, struct instant now)
{
	const int64_t patience_ms = doubt->was_known ? NEIGHBOR_DOUBT_MS : NEIGHBOR_PATIENCE_MS;

	/* Who was known until now has been asked in vain, before the kernel said so. */
	if (doubt->was_known && !is_link_up)
		neighbor_doubt_begin(doubt, now);
	if ((found == NEIGHBOR_LOST || doubt->was_known) && doubt->is_asked &&
	    now.ns - doubt->since.ns < patience_ms * NS_PER_MS)
		return NEIGHBOR_ASKED;
	*doubt = (struct neighbor_doubt){ .is_asked = false };
	return found;
}
