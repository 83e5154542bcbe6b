/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * health.h - the checks of a catalog, and what follows from a new verdict.
 *
 * Runs in the control loop. A changed verdict becomes events (check_*, pop_*),
 * a new snapshot in the store, and, once no thread can answer from the old one
 * any more, a record_changed event per geographic name that decides otherwise now.
 */
#ifndef GEODNS_HEALTH_H
#define GEODNS_HEALTH_H

#include <ev.h>

#include "geodns/server/store.h"
#include "lib/check.h"
#include "lib/event_log.h"

struct health_monitor;

/* Publishes the first snapshot and starts all checks. seed spreads their phases. */
struct health_monitor *health_new(struct ev_loop *loop, const struct catalog *catalog,
				  struct store *store, struct event_log *log, uint64_t seed);
void health_free(struct health_monitor *health);
/* By index of the configuration's checks; for the API. */
const struct check *health_check(const struct health_monitor *health, size_t index);

#endif
