/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/group.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/client/http.h"
#include "testbed/client/request.h"
#include "testbed/client/session.h"
#include "testbed/client/udp.h"

/* The resolver's socket, the timer, the control socket, the loop's own, standard ones. */
#define FILES_BASE 32

static void lookup_done(struct client_request *req)
{
	client_request_finish(req, CLIENT_OK, "", NULL);
}

static void lookup_end(struct client_request *req,
		       enum client_result result __attribute__((unused)))
{
	free(req);
}

/* The kind "dns" is a request that is over when it has its address. */
static void lookup_start(struct client_user *user, const struct client_slot *slot)
{
	static const struct client_request_ops ops = { lookup_done, lookup_end };
	struct client_request *req = x_new(struct client_request);

	req->user = user;
	req->slot = *slot;
	req->ops = &ops;
	client_request_start(req);
}

static void user_start(struct client_user *user, const struct client_slot *slot)
{
	struct client_group *group = user->group;

	client_lateness_add(&group->late, (clock_now().ns - slot->planned.ns) / NS_PER_US);
	switch (group->conf->traffic[slot->traffic].kind) {
	case CLIENT_UDP:
		client_udp_send(user, slot);
		return;
	case CLIENT_HTTP:
		client_http_get(user, slot);
		return;
	case CLIENT_SESSION:
		client_session_beat(user, slot);
		return;
	case CLIENT_DNS:
		lookup_start(user, slot);
		return;
	}
}

static void slot_start(struct client_group *group, const struct client_slot *slot)
{
	const size_t variants = group->conf->variant_count;

	for (size_t i = 0; i < variants; i++)
		user_start(&group->users[slot->user * variants + (slot->n + i) % variants], slot);
}

/* A new time also takes back an expiry that has not been read. */
static void due_arm(struct client_group *group)
{
	const int64_t ns = client_plan_deadline(group->plan).ns;
	const struct itimerspec when = { .it_value = { ns / NS_PER_S, ns % NS_PER_S } };

	timerfd_settime(group->due.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_due(struct ev_loop *loop, ev_io *w, int revents __attribute__((unused)))
{
	struct client_group *group = w->data;
	const struct instant now = clock_now();
	struct client_slot slot;

	ev_now_update(loop);
	while (client_plan_next(group->plan, now, &slot))
		slot_start(group, &slot);
	due_arm(group);
}

static void on_second(struct ev_loop *loop __attribute__((unused)), ev_timer *w,
		      int revents __attribute__((unused)))
{
	struct client_group *group = w->data;

	client_report_sender(group->report, clock_now(), &group->late);
	group->late = (struct client_lateness){ 0 };
}

static bool is_done(const struct client_group *group)
{
	if (group->requests)
		return false;
	for (size_t i = 0; i < group->user_count && !group->patience_over; i++) {
		if (client_session_is_waiting(&group->users[i]))
			return false;
	}
	return true;
}

/* From the loop itself, so that no caller's session goes away under his feet. */
static void on_settle(struct ev_loop *loop, ev_timer *w, int revents __attribute__((unused)))
{
	struct client_group *group = w->data;

	if (!is_done(group))
		return;
	/* Once: closing the sessions below settles again. */
	group->stopping = false;
	for (size_t i = 0; i < group->user_count; i++)
		client_session_close(&group->users[i]);
	ev_timer_stop(loop, &group->patience);
	on_second(loop, &group->second, 0);
	ev_timer_stop(loop, &group->second);
	group->on_stopped(group->ctx);
}

static void on_patience(struct ev_loop *loop __attribute__((unused)), ev_timer *w,
			int revents __attribute__((unused)))
{
	struct client_group *group = w->data;

	group->patience_over = true;
	client_group_settle(group);
}

void client_group_settle(struct client_group *group)
{
	if (!group->stopping || ev_is_active(&group->settle))
		return;
	ev_timer_set(&group->settle, 0, 0);
	ev_timer_start(group->loop, &group->settle);
}

void client_group_stop(struct client_group *group, void (*on_stopped)(void *ctx), void *ctx)
{
	group->stopping = true;
	group->on_stopped = on_stopped;
	group->ctx = ctx;
	ev_io_stop(group->loop, &group->due);
	ev_timer_set(&group->patience, group->conf->timeout_ms / 1e3, 0);
	ev_timer_start(group->loop, &group->patience);
	client_group_settle(group);
}

static void users_init(struct client_group *group)
{
	const struct client_conf *conf = group->conf;

	group->user_count = conf->users * conf->variant_count;
	group->users = xcalloc(group->user_count, sizeof(*group->users));
	for (size_t i = 0; i < group->user_count; i++) {
		struct client_user *user = &group->users[i];

		user->group = group;
		user->index = i;
		user->number = conf->first_user + (unsigned)(i / conf->variant_count);
		user->variant = (unsigned)(i % conf->variant_count);
		user->name = xasprintf("u%u.%s", user->number, conf->variants[user->variant].zone);
	}
}

int client_group_new(struct client_group **out, struct ev_loop *loop,
		     const struct client_conf *conf, struct client_report *report)
{
	const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct client_group *group;
	struct client_stub *stub;
	int err = fd < 0 ? -errno : 0;

	if (!err)
		err = client_stub_new(&stub, loop, &conf->resolver, conf->family);
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	group = x_new(struct client_group);
	group->loop = loop;
	group->conf = conf;
	group->report = report;
	group->stub = stub;
	users_init(group);
	group->cache = client_cache_new(conf->cache, group->user_count);
	group->plan = client_plan_new(conf, conf->start.ns ? conf->start : clock_now());
	ev_io_init(&group->due, on_due, fd, EV_READ);
	ev_timer_init(&group->second, on_second, 1, 1);
	ev_timer_init(&group->patience, on_patience, 0, 0);
	ev_timer_init(&group->settle, on_settle, 0, 0);
	group->due.data = group->second.data = group->patience.data = group->settle.data = group;
	due_arm(group);
	ev_io_start(loop, &group->due);
	ev_timer_start(loop, &group->second);
	*out = group;
	return 0;
}

void client_group_free(struct client_group *group)
{
	if (!group)
		return;
	group->stopping = false;
	while (group->requests)
		client_request_abort(group->requests);
	for (size_t i = 0; i < group->user_count; i++) {
		client_udp_free(&group->users[i]);
		client_session_free(&group->users[i]);
		free(group->users[i].name);
	}
	ev_io_stop(group->loop, &group->due);
	ev_timer_stop(group->loop, &group->second);
	ev_timer_stop(group->loop, &group->patience);
	ev_timer_stop(group->loop, &group->settle);
	close(group->due.fd);
	client_stub_free(group->stub);
	client_cache_free(group->cache);
	client_plan_free(group->plan);
	free(group->users);
	free(group);
}

size_t client_group_files(const struct client_conf *conf)
{
	size_t each = 0;

	for (size_t i = 0; i < conf->traffic_count; i++) {
		const unsigned period_ms = conf->traffic[i].period_ms;

		switch (conf->traffic[i].kind) {
		case CLIENT_UDP: /* the current socket, and a former one's last answers */
			each += 2;
			break;
		case CLIENT_HTTP: /* a slow page each period, until its deadline */
			each += conf->timeout_ms / period_ms + 2;
			break;
		case CLIENT_SESSION:
			each += 1;
			break;
		case CLIENT_DNS:
			break;
		}
	}
	return FILES_BASE + each * conf->users * conf->variant_count;
}
