/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ups.h - labs that are made on request to be used by hand: "up" as a child.
 *
 * A lab that is up has its own supervisor and outlives the server. Here are
 * only those on their way there, and those that have not arrived.
 */
#ifndef TESTBED_API_UPS_H
#define TESTBED_API_UPS_H

#include "lib/event_log.h"
#include "testbed/api/order.h"

struct ups;

struct ups *ups_new(struct ev_loop *loop, struct event_log *events, const char *out);
/* None may be left on its way. */
void ups_free(struct ups *ups);
/* 0, -EALREADY: one of that name is on its way, -EDQUOT: too many are, or -errno. */
int ups_add(struct ups *ups, const struct order *order);
/* "starting" or "failed", then *reason (borrowed); NULL: not known here, so perhaps it is up. */
const char *ups_state(const struct ups *ups, const char *lab, const char **reason);
bool ups_has(const struct ups *ups, const char *lab); /* on its way */
/* End it if it is on its way, and forget that it has failed. False: not known here. */
bool ups_cancel(struct ups *ups, const char *lab);
void ups_stop(struct ups *ups, double patience_s);
size_t ups_left(const struct ups *ups); /* on their way */

#endif
