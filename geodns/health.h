/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * health.h - the checks of a catalog, and what follows from a new verdict.
 *
 * Runs in the control loop. A changed verdict becomes events (check_*, pop_*),
 * a new snapshot in the store, and, once no thread can answer from the old one
 * any more, a record_changed event per geographic name that decides otherwise now (one in all
 * if these are many). What
 * is said about a PoP at the desk becomes a new snapshot too, and then a pop_state event.
 * So does a change that comes nearer, where a name's TTL depends on that; of this no event tells.
 */
#ifndef GEODNS_HEALTH_H
#define GEODNS_HEALTH_H

#include <ev.h>

#include "geodns/pop_desk.h"
#include "geodns/server/store.h"
#include "lib/check.h"
#include "lib/event_log.h"

#define HEALTH_NAME_NEW SIZE_MAX

struct health_monitor;

/* Publishes the first snapshot and starts all checks. seed spreads their phases. */
struct health_monitor *health_new(struct ev_loop *loop, const struct catalog *catalog,
				  struct store *store, struct pop_desk *desk, struct event_log *log,
				  uint64_t seed);
/*
 * Go on with another catalog: checks that are in both keep their verdicts and their place in time.
 * name_before: for each of its names, the index that it had in the catalog before, or
 * HEALTH_NAME_NEW. When it returns, the catalog before is nobody's any more. Returns how many
 * checks were kept.
 */
size_t health_adopt(struct health_monitor *health, const struct catalog *next,
		    const size_t *name_before);
void health_free(struct health_monitor *health);
/* By index of the configuration's checks; for the API. */
const struct check *health_check(const struct health_monitor *health, size_t index);
/*
 * Until when a cache may hold an answer for a name (of the current catalog) that is not the one of
 * now: when its records, a verdict or what is said about its PoPs last changed, and the TTL of
 * that time. ns 0: nothing has changed.
 */
struct instant health_cached_until(const struct health_monitor *health,
				   const struct geo_name *name);

#endif
