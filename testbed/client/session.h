/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - the long connection: opened at a slot, a heartbeat at each one after it.
 *
 *	no session --slot--> opening --first reply--> open --reset, silence--> no session
 *	                        \--refused, silent, ...--> no session
 *
 * Opening is a request like any other: resolve, connect, first reply, all
 * within timeout_ms of the slot; slots meanwhile belong to it. Once open there
 * is one heartbeat a slot; a late reply counts as ok with its latency, for the
 * session survives what a request does not. Rows carry the session's number:
 *
 *	open, refused, silent, ...      of the slot at which opening started
 *	ok                              of the heartbeat's slot
 *	wrong                           of the beat that a wrong answer came for; reset follows
 *	reset, timed_out, closed        the end, t_ns being when it was noticed and
 *	                                latency_us how long nothing had been heard then
 *
 * Failed openings carry the number of the session that they would have become.
 * Beats that are unanswered when a session ends have no row: the end says it.
 */
#ifndef TESTBED_CLIENT_SESSION_H
#define TESTBED_CLIENT_SESSION_H

#include "testbed/client/group.h"

void client_session_beat(struct client_user *user, const struct client_slot *slot);
/* Open, and a heartbeat has no reply yet. */
bool client_session_is_waiting(const struct client_user *user);
/* End an open session as "closed". */
void client_session_close(struct client_user *user);
/* No opening may be under way. */
void client_session_free(struct client_user *user);

#endif
