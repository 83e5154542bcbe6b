/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/http_connections.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/starved.h"

/* While there is no room, how often to look for some. */
#define FULL_RETRY_S 0.1
/* Whoever has waited less is not sent away for another. */
#define GRACE_S 1.0
/* Accepted in one turn of the loop: others have work there too. */
#define ACCEPT_MAX 64

struct http_connections {
	struct ev_loop *loop;
	struct ev_io *wake;
	struct MHD_Daemon *daemon;
	struct ev_io listener;
	struct ev_timer retry;
	struct connection *first, **last; /* those that wait longest come first */
	unsigned count, limit;
	double timeout_s;
	bool is_exhausted; /* no descriptor was left for the last one */
};

struct connection {
	struct http_connections *all;
	struct connection *next, **link;
	struct ev_timer timer;
	ev_tstamp since;
	int fd;
	enum http_phase phase;
};

static void list_append(struct connection *c)
{
	struct http_connections *all = c->all;

	c->next = NULL;
	c->link = all->last;
	*all->last = c;
	all->last = &c->next;
}

static void list_remove(struct connection *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	else
		c->all->last = c->link;
}

/* libmicrohttpd finds the end of the stream, and closes. */
static void hang_up(const struct connection *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

static void on_timeout(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)revents;
	ev_timer_stop(loop, timer);
	hang_up(timer->data);
}

static void phase_enter(struct connection *c, enum http_phase phase)
{
	list_remove(c);
	list_append(c);
	c->phase = phase;
	c->since = ev_now(c->all->loop);
	if (phase == HTTP_STREAMING)
		ev_timer_stop(c->all->loop, &c->timer);
	else
		ev_timer_again(c->all->loop, &c->timer);
}

static bool is_full(const struct http_connections *all)
{
	return all->is_exhausted || all->count >= all->limit;
}

/*
 * How many wait outside is not known, so an eighth goes at a time. The list is in the
 * order of since: those that have waited longest come first.
 */
static void make_room(const struct http_connections *all)
{
	struct pollfd pfd = { .fd = all->listener.fd, .events = POLLIN };
	unsigned left = all->limit / 8 + 1;

	if (poll(&pfd, 1, 0) <= 0)
		return;
	for (const struct connection *c = all->first; c && left > 0; c = c->next) {
		if (ev_now(all->loop) - c->since < GRACE_S)
			break;
		if (c->phase == HTTP_WAITING) {
			hang_up(c);
			left--;
		}
	}
}

/* Listen, or look again a little later. */
static void listener_arm(struct http_connections *all)
{
	if (is_full(all)) {
		ev_io_stop(all->loop, &all->listener);
		if (!ev_is_active(&all->retry))
			ev_timer_again(all->loop, &all->retry);
	} else {
		ev_timer_stop(all->loop, &all->retry);
		ev_io_start(all->loop, &all->listener);
	}
}

static void on_retry(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct http_connections *all = timer->data;

	(void)loop;
	(void)revents;
	if (is_full(all))
		make_room(all);
	all->is_exhausted = false;
	listener_arm(all);
}

/* False when nobody is there, or nobody can be let in now. */
static bool accept_one(struct http_connections *all)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	int fd = accept4(all->listener.fd, (struct sockaddr *)&ss, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && errno_is_starved(errno)) {
		log_debug("http: no descriptor for another connection");
		all->is_exhausted = true;
	}
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	/* Closes fd where it fails. */
	MHD_add_connection(all->daemon, fd, (struct sockaddr *)&ss, len);
	return true;
}

static void accept_all(struct http_connections *all)
{
	int n = 0;

	while (n < ACCEPT_MAX && !is_full(all) && accept_one(all))
		n++;
	if (n > 0)
		ev_feed_event(all->loop, all->wake, EV_READ);
}

static void on_listener(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	accept_all(io->data);
	listener_arm(io->data);
}

struct http_connections *http_connections_new(struct ev_loop *loop, struct ev_io *wake, int fd,
					      unsigned limit, unsigned timeout_s)
{
	struct http_connections *all = x_new(struct http_connections);

	all->loop = loop;
	all->wake = wake;
	all->last = &all->first;
	all->limit = limit;
	all->timeout_s = timeout_s;
	ev_io_init(&all->listener, on_listener, fd, EV_READ);
	all->listener.data = all;
	ev_init(&all->retry, on_retry);
	all->retry.repeat = FULL_RETRY_S;
	all->retry.data = all;
	return all;
}

void http_connections_start(struct http_connections *all, struct MHD_Daemon *daemon)
{
	all->daemon = daemon;
	listener_arm(all);
}

void http_connections_last(struct http_connections *all)
{
	accept_all(all);
	ev_io_stop(all->loop, &all->listener);
	ev_timer_stop(all->loop, &all->retry);
	close(all->listener.fd);
	all->daemon = NULL;
}

void http_connections_free(struct http_connections *all)
{
	free(all);
}

void http_connections_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
			     enum MHD_ConnectionNotificationCode code)
{
	struct http_connections *all = cls;
	struct connection *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		c = x_new(struct connection);
		c->all = all;
		c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		ev_init(&c->timer, on_timeout);
		c->timer.repeat = all->timeout_s;
		c->timer.data = c;
		list_append(c);
		phase_enter(c, HTTP_WAITING);
		all->count++;
		*socket_context = c;
		return;
	}
	ev_timer_stop(all->loop, &c->timer);
	list_remove(c);
	free(c);
	*socket_context = NULL;
	all->count--;
	if (all->daemon)
		listener_arm(all);
}

void http_connection_enter(struct MHD_Connection *mhd, enum http_phase phase)
{
	phase_enter(
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context,
		phase);
}
