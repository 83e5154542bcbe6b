/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/nameserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/http_head.h"
#include "lib/log.h"

#define TTL_S	  60
#define AGAIN_S	  5.0 /* one that has been started anew has forgotten it */
#define RETRY_S	  1.0
#define TIMEOUT_S 2.0

struct nameserver {
	struct ev_loop *loop;
	const struct lb_geodns_conf *conf;
	bool drains, owed, told; /* owed: there is something that it has to hear */
	char reason[80];
	double expires; /* in the loop's time: what it was told last is forgotten then */
	char *request;
	size_t len, sent;
	char answer[HTTP_HEAD_MAX];
	size_t got;
	int fd; /* -1: nothing is under way */
	struct ev_io io;
	struct ev_timer timer;
};

struct lb_nameservers {
	size_t count;
	struct nameserver *servers;
};

static void hang_up(struct nameserver *ns)
{
	ev_io_stop(ns->loop, &ns->io);
	ev_timer_stop(ns->loop, &ns->timer);
	if (ns->fd >= 0)
		close(ns->fd);
	ns->fd = -1;
	free(ns->request);
	ns->request = NULL;
}

static void wait_for(struct nameserver *ns, double seconds)
{
	ev_now_update(ns->loop);
	ev_timer_set(&ns->timer, seconds, 0);
	ev_timer_start(ns->loop, &ns->timer);
}

static void fail(struct nameserver *ns, const char *why)
{
	hang_up(ns);
	if (strcmp(ns->reason, why) != 0)
		log_warn("nameserver %s: not told that we %s: %s", ns->conf->api,
			 ns->drains ? "drain" : "serve", why);
	snprintf(ns->reason, sizeof(ns->reason), "%s", why);
	ev_now_update(ns->loop);
	if (ev_now(ns->loop) >= ns->expires) {
		ns->told = false;
		/* It knows that we serve, without having been told. */
		ns->owed = ns->drains;
	}
	if (ns->owed)
		wait_for(ns, RETRY_S);
}

static void judge(struct nameserver *ns, unsigned status)
{
	char why[40];

	if (status != 200) {
		snprintf(why, sizeof(why), "it answers with status %u", status);
		fail(ns, why);
		return;
	}
	hang_up(ns);
	if (!ns->told)
		log_info("nameserver %s: knows that we %s", ns->conf->api,
			 ns->drains ? "drain" : "serve");
	ns->told = true;
	ns->expires = ev_now(ns->loop) + TTL_S;
	ns->reason[0] = '\0';
	ns->owed = ns->drains;
	if (ns->drains)
		wait_for(ns, AGAIN_S);
}

static char *request_make(const struct nameserver *ns)
{
	const struct lb_geodns_conf *conf = ns->conf;
	char *body = xasprintf("{\"state\": \"%s\", \"source\": \"catchment-lb\", \"ttl_s\": %d}",
			       ns->drains ? "drain" : "auto", TTL_S);
	char *request = xasprintf("PUT /v1/pops/%s/state HTTP/1.1\r\nHost: catchment\r\n"
				  "%s%s%sContent-Type: application/json\r\n"
				  "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
				  conf->pop, conf->token ? "Authorization: Bearer " : "",
				  conf->token ? conf->token : "", conf->token ? "\r\n" : "",
				  strlen(body), body);

	free(body);
	return request;
}

static int dial(struct nameserver *ns)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_storage remote;
	const struct sockaddr *to = (const struct sockaddr *)&local;
	socklen_t len = sizeof(local);

	if (ns->conf->unix_path) {
		memcpy(local.sun_path, ns->conf->unix_path, strlen(ns->conf->unix_path));
	} else {
		len = endpoint_to_sockaddr(&ns->conf->at, &remote);
		to = (const struct sockaddr *)&remote;
	}
	ns->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ns->fd < 0)
		return -errno;
	return connect(ns->fd, to, len) < 0 && errno != EINPROGRESS ? -errno : 0;
}

static void watch(struct nameserver *ns, int events)
{
	ev_io_stop(ns->loop, &ns->io);
	ev_io_set(&ns->io, ns->fd, events);
	ev_io_start(ns->loop, &ns->io);
}

static void begin(struct nameserver *ns)
{
	int err;

	hang_up(ns);
	ns->request = request_make(ns);
	ns->len = strlen(ns->request);
	ns->sent = ns->got = 0;
	err = dial(ns);
	if (err) {
		fail(ns, strerror(-err));
		return;
	}
	watch(ns, EV_WRITE);
	wait_for(ns, TIMEOUT_S);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct nameserver *ns = timer->data;

	(void)loop;
	(void)revents;
	if (ns->fd >= 0)
		fail(ns, "no answer");
	else
		begin(ns);
}

static void on_writable(struct nameserver *ns)
{
	ssize_t n = send(ns->fd, ns->request + ns->sent, ns->len - ns->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		fail(ns, strerror(errno));
	if (n <= 0)
		return;
	ns->sent += (size_t)n;
	if (ns->sent == ns->len)
		watch(ns, EV_READ);
}

static void on_readable(struct nameserver *ns)
{
	ssize_t n = recv(ns->fd, ns->answer + ns->got, sizeof(ns->answer) - ns->got, 0);
	struct http_head head;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fail(ns, n < 0 ? strerror(errno) : "it hangs up");
		return;
	}
	ns->got += (size_t)n;
	switch (http_head_parse(&head, ns->answer, ns->got)) {
	case HTTP_HEAD_MORE:
		if (ns->got == sizeof(ns->answer))
			fail(ns, "its answer is too long");
		break;
	case HTTP_HEAD_DONE:
		judge(ns, head.status);
		break;
	case HTTP_HEAD_BAD:
		fail(ns, "its answer is not HTTP");
		break;
	}
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct nameserver *ns = io->data;

	(void)loop;
	if (revents & EV_WRITE)
		on_writable(ns);
	else
		on_readable(ns);
}

struct lb_nameservers *lb_nameservers_new(struct ev_loop *loop, const struct lb_conf *conf)
{
	struct lb_nameservers *all = x_new(struct lb_nameservers);

	all->count = conf->geodns_count;
	all->servers = xcalloc(all->count + 1, sizeof(*all->servers));
	for (size_t i = 0; i < all->count; i++) {
		struct nameserver *ns = &all->servers[i];

		ns->loop = loop;
		ns->conf = &conf->geodns[i];
		ns->fd = -1;
		ev_init(&ns->io, on_io);
		ev_init(&ns->timer, on_timer);
		ns->io.data = ns->timer.data = ns;
	}
	return all;
}

void lb_nameservers_free(struct lb_nameservers *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++)
		hang_up(&all->servers[i]);
	free(all->servers);
	free(all);
}

void lb_nameservers_tell(struct lb_nameservers *all, bool drains)
{
	for (size_t i = 0; all && i < all->count; i++) {
		struct nameserver *ns = &all->servers[i];

		ns->drains = drains;
		ns->owed = true;
		ns->told = false;
		ns->reason[0] = '\0';
		ns->expires = ev_now(ns->loop) + TTL_S;
		begin(ns);
	}
}

bool lb_nameservers_owe(const struct lb_nameservers *all)
{
	for (size_t i = 0; all && i < all->count; i++)
		if (all->servers[i].owed)
			return true;
	return false;
}

json_t *lb_nameservers_show(const struct lb_nameservers *all)
{
	json_t *array = json_array();

	for (size_t i = 0; all && i < all->count; i++) {
		const struct nameserver *ns = &all->servers[i];

		json_array_append_new(array, json_pack("{s:s, s:b, s:s?}", "api", ns->conf->api,
						       "told", ns->told, "reason",
						       ns->reason[0] ? ns->reason : NULL));
	}
	return array;
}
