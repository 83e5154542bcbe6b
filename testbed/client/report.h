/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report.h - what the users saw, told to the supervisor.
 *
 * One JSON object a message on the supervisor's socket (Unix, seqpacket):
 *
 *	{"type":"hello","role":"client","node":"paris","version":1}      first
 *	{"type":"samples","group":"paris","rows":[...]}                  batch.h
 *	{"type":"sender","group":"paris","t_ns":..,"sent":410,"lost":0,"late_us":{...}}
 *	{"type":"bye","group":"paris","rows":81234,"lost":0}             last
 *
 * Samples go every 100 ms or 200 rows. sent and late_us (lateness.h) are those
 * since the sender message before. A supervisor that does not read fast enough
 * never holds up a user: messages wait in memory up to CLIENT_REPORT_BACKLOG,
 * then samples are dropped and their rows counted in lost (a total, as are the
 * rows of bye), which makes the trial invalid.
 */
#ifndef TESTBED_CLIENT_REPORT_H
#define TESTBED_CLIENT_REPORT_H

#include <ev.h>

#include "testbed/client/batch.h"
#include "testbed/client/lateness.h"

#define CLIENT_REPORT_BACKLOG ((size_t)16 * 1024 * 1024)

struct client_report;

/* The supervisor is gone (lost true), or has all of it after client_report_finish(). */
typedef void client_report_fn(void *ctx, bool lost);

/* Connect and say hello. group is borrowed. Returns 0 and sets *out, or -errno. */
int client_report_new(struct client_report **out, struct ev_loop *loop, const char *path,
		      const char *group);
void client_report_free(struct client_report *report);
/* Who hears about the end; before the loop runs. */
void client_report_listen(struct client_report *report, client_report_fn *on_end, void *ctx);

void client_report_row(struct client_report *report, const struct client_row *row);
void client_report_sender(struct client_report *report, struct instant now,
			  const struct client_lateness *late);
/* Send what is left and bye; on_end follows. Nothing may be reported afterwards. */
void client_report_finish(struct client_report *report);

#endif
