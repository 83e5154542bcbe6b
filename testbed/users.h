/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * users.h - the users of a running lab: all groups' processes, and what they see.
 *
 * One for as long as the lab is up. Either trials start and end the users, or
 * they are live: they stay, and a process that has ended, or whose node has
 * come back, is started again. What they report is counted, second by second,
 * and gives the catchments; recording it is the trial's business. Nothing here
 * grows with time.
 */
#ifndef TESTBED_USERS_H
#define TESTBED_USERS_H

#include "testbed/catchment.h"
#include "testbed/runtime/lab.h"

#define USERS_START_AFTER_MS 500 /* time for the users' processes to load */

struct users;

struct users_count {
	uint64_t requests, failed;
};

/* on_second hears the end of each second. The lab is borrowed. */
struct users *users_new(struct lab *lab, void (*on_second)(void *ctx), void *ctx);
void users_free(struct users *users);

/*
 * Start every group's process for a trial, whose first request is due at start; returns how many
 * there are. Resolvers forget what they know, and nobody counts as served.
 */
size_t users_start(struct users *users, unsigned trial, struct instant start);
/* SIGTERM: no new requests, the last rows, bye. */
void users_signal(struct users *users, int signal);
/* From now on they are live. */
void users_live(struct users *users);
bool users_are_live(const struct users *users);

/* Any message of lab_owner's on_client. */
void users_message(struct users *users, const json_t *msg);

/* Of the last whole second. Sessions are no requests. */
struct users_count users_second(const struct users *users);
const struct catchment *users_catchment(const struct users *users);

#endif
