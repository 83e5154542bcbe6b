/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * group.h - all users of one client group, in one loop.
 *
 * A user is simulated once per variant, with the same planned times in each.
 * The plan's slots wake a timerfd; a slot starts one request for every variant
 * (in an order that turns with the slot, so that none is always the first),
 * and from there on the kinds go their own ways: udp.h, http.h, session.h.
 * What they share is below; all of it belongs to the loop's thread.
 */
#ifndef TESTBED_CLIENT_GROUP_H
#define TESTBED_CLIENT_GROUP_H

#include <ev.h>

#include "testbed/client/cache.h"
#include "testbed/client/conf.h"
#include "testbed/client/lateness.h"
#include "testbed/client/plan.h"
#include "testbed/client/report.h"
#include "testbed/client/stub.h"

struct client_request;
struct client_session;
struct client_udp_flow;

/* One user under one variant. */
struct client_user {
	struct client_group *group;
	unsigned number;		/* first_user + k */
	unsigned variant;		/* index into the configuration's */
	size_t index;			/* into the group's users, and the cache's entries */
	char *name;			/* u<number>.<zone> */
	struct client_udp_flow *udp;	/* NULL until the first address */
	struct client_session *session; /* NULL until the first slot */
};

struct client_group {
	struct ev_loop *loop;
	const struct client_conf *conf;
	struct client_plan *plan;
	struct client_cache *cache;
	struct client_stub *stub;
	struct client_report *report;
	struct client_user *users;
	size_t user_count;		 /* users times variants */
	struct client_request *requests; /* under way */
	struct client_lateness late;
	ev_io due;	 /* the timerfd */
	ev_timer second; /* sender messages */
	ev_timer patience, settle;
	bool stopping, patience_over;
	void (*on_stopped)(void *ctx);
	void *ctx;
};

/* conf and report are borrowed. Returns 0 and sets *out, or -errno. Requests start with the loop.
 */
int client_group_new(struct client_group **out, struct ev_loop *loop,
		     const struct client_conf *conf, struct client_report *report);
/* What is still under way is dropped without a row. */
void client_group_free(struct client_group *group);
/*
 * Plan nothing new, let what is under way come to its end (timeout_ms at most), close the
 * sessions; on_stopped hears when the last row has been reported.
 */
void client_group_stop(struct client_group *group, void (*on_stopped)(void *ctx), void *ctx);
/* Something came to its end: a stopping group may be done. For the kinds. */
void client_group_settle(struct client_group *group);
/* Descriptors that the group may need at once. */
size_t client_group_files(const struct client_conf *conf);

#endif
