/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/client/page.h"
#include "testbed/client/request.h"

struct fetch {
	struct client_request req; /* first: a fetch is a request */
	ev_io io;		   /* fd -1 before the connection */
	size_t len;
	char buf[CLIENT_PAGE_MAX];
};

static void on_end(struct client_request *req, enum client_result result __attribute__((unused)))
{
	const struct linger reset = { 1, 0 };
	struct fetch *fetch = (struct fetch *)req;

	if (fetch->io.fd >= 0) {
		ev_io_stop(req->user->group->loop, &fetch->io);
		setsockopt(fetch->io.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fetch->io.fd);
	}
	free(fetch);
}

static void fail(struct fetch *fetch, int err)
{
	client_request_finish(&fetch->req, client_result_from_errno(err), "", NULL);
}

static void on_readable(struct ev_loop *loop __attribute__((unused)), ev_io *w,
			int revents __attribute__((unused)))
{
	struct fetch *fetch = w->data;
	const ssize_t n = recv(w->fd, fetch->buf + fetch->len, sizeof(fetch->buf) - fetch->len, 0);
	char pop[PROTOCOL_POP_MAX + 1], detail[20];
	unsigned status;

	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			fail(fetch, errno);
		return;
	}
	fetch->len += (size_t)n;
	switch (client_page_parse(fetch->buf, fetch->len, n == 0, pop, &status)) {
	case CLIENT_PAGE_MORE:
		return;
	case CLIENT_PAGE_RIGHT:
		client_request_finish(&fetch->req, CLIENT_OK, pop, NULL);
		return;
	case CLIENT_PAGE_WRONG:
		snprintf(detail, sizeof(detail), "status %u", status);
		client_request_finish(&fetch->req, CLIENT_WRONG, "", status ? detail : NULL);
		return;
	case CLIENT_PAGE_CUT:
		client_request_finish(&fetch->req, CLIENT_RESET, "", NULL);
		return;
	}
}

static void on_connected(struct ev_loop *loop, ev_io *w, int revents __attribute__((unused)))
{
	struct fetch *fetch = w->data;
	char get[CLIENT_NAME_SIZE + 128];
	socklen_t size = sizeof(int);
	int err = 0, len;

	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		err = errno;
	len = snprintf(get, sizeof(get),
		       "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: catchment-testbed\r\n"
		       "Connection: close\r\n\r\n",
		       fetch->req.user->name);
	/* An empty send buffer takes it whole. */
	if (!err && send(w->fd, get, (size_t)len, MSG_NOSIGNAL) != len)
		err = errno;
	if (err) {
		fail(fetch, err);
		return;
	}
	ev_io_stop(loop, w);
	ev_set_cb(w, on_readable);
	ev_io_set(w, w->fd, EV_READ);
	ev_io_start(loop, w);
}

static void on_address(struct client_request *req)
{
	const struct endpoint to = { req->addr, PROTOCOL_HTTP_PORT };
	struct fetch *fetch = (struct fetch *)req;
	struct sockaddr_storage sa;
	const socklen_t len = endpoint_to_sockaddr(&to, &sa);

	ev_io_init(&fetch->io, on_connected, client_socket_new(&to, SOCK_STREAM), EV_WRITE);
	fetch->io.data = fetch;
	if (connect(fetch->io.fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		fail(fetch, errno);
	else
		ev_io_start(req->user->group->loop, &fetch->io);
}

void client_http_get(struct client_user *user, const struct client_slot *slot)
{
	static const struct client_request_ops ops = { on_address, on_end };
	struct fetch *fetch = x_new(struct fetch);

	fetch->io.fd = -1;
	fetch->req.user = user;
	fetch->req.slot = *slot;
	fetch->req.ops = &ops;
	client_request_start(&fetch->req);
}
