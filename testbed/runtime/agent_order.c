/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_order.c - daemons that start when others listen.
 *
 * What a daemon is "after" are Unix sockets, and it starts as soon as all of
 * them take a connection. That is tried again and again, as for event streams:
 * a socket's file may be there before anybody listens, or long after.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/runtime/agent_parts.h"

#define RETRY_S 0.01

struct agent_order {
	struct agent *agent;
	json_t *waiting; /* in the order in which they came */
	ev_timer retry;
};

static bool socket_answers(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answers;

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	answers = fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	if (fd >= 0)
		close(fd);
	return answers;
}

static bool all_answer(const json_t *daemon)
{
	const json_t *path;
	size_t i;

	json_array_foreach (json_object_get(daemon, "after"), i, path) {
		if (!socket_answers(json_string_value(path)))
			return false;
	}
	return true;
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct agent_order *o = w->data;
	size_t i = 0;

	(void)revents;
	while (i < json_array_size(o->waiting)) {
		const json_t *daemon = json_array_get(o->waiting, i);

		if (!all_answer(daemon)) {
			i++;
			continue;
		}
		agent_daemon_start(o->agent, daemon);
		json_array_remove(o->waiting, i);
	}
	if (json_array_size(o->waiting) == 0)
		ev_timer_stop(loop, w);
}

static struct agent_order *order_of(struct agent *agent)
{
	struct agent_order *o = agent->order;

	if (o)
		return o;
	o = agent->order = x_new(struct agent_order);
	o->agent = agent;
	o->waiting = json_array();
	ev_timer_init(&o->retry, on_retry, RETRY_S, RETRY_S);
	o->retry.data = o;
	return o;
}

void agent_order_start(struct agent *agent, const json_t *daemon)
{
	struct agent_order *o;

	if (all_answer(daemon)) {
		agent_daemon_start(agent, daemon);
		return;
	}
	o = order_of(agent);
	json_array_append_new(o->waiting, json_deep_copy(daemon));
	if (!ev_is_active(&o->retry))
		ev_timer_start(agent->loop, &o->retry);
}

void agent_order_forget(struct agent *agent, const char *name)
{
	json_t *waiting = agent->order ? agent->order->waiting : NULL;

	for (size_t i = json_array_size(waiting); i > 0; i--) {
		const json_t *daemon = json_array_get(waiting, i - 1);

		if (strcmp(json_string_value(json_object_get(daemon, "name")), name) == 0)
			json_array_remove(waiting, i - 1);
	}
}
