/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log_limit.h - how often a fact that others can cause at will is worth a line of the log.
 *
 * Pure. Zeroed: nothing said yet. The caller says how many were passed over when it speaks again.
 */
#ifndef LB_BGP_LOG_LIMIT_H
#define LB_BGP_LOG_LIMIT_H

#include <stdbool.h>

#include "lib/clock.h"

#define BGP_LOG_LIMIT_S 10

struct bgp_log_limit {
	struct instant next; /* before it nothing is said */
	unsigned long held_back;
};

/* True once per BGP_LOG_LIMIT_S; then *held_back is how many times it was false since. */
static inline bool bgp_log_limit_pass(struct bgp_log_limit *limit, struct instant now,
				      unsigned long *held_back)
{
	if (!instant_reached(limit->next, now)) {
		limit->held_back++;
		return false;
	}
	*held_back = limit->held_back;
	limit->held_back = 0;
	limit->next = instant_after_s(now, BGP_LOG_LIMIT_S);
	return true;
}

#endif
