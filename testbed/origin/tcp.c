/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/origin/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/accepter.h"
#include "lib/alloc.h"
#include "testbed/origin/protocol.h"

struct connection {
	struct origin_tcp *tcp;
	struct connection *next, **link;
	ev_io io;
	ev_timer idle;
	size_t len;
	char buf[PROTOCOL_LINE_MAX];
};

struct origin_tcp {
	struct ev_loop *loop;
	struct accepter accepter;
	const char *pop;
	size_t count, limit;
	struct connection *connections;
};

static void connection_free(struct connection *c)
{
	ev_io_stop(c->tcp->loop, &c->io);
	ev_timer_stop(c->tcp->loop, &c->idle);
	close(c->io.fd);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->tcp->count--;
	free(c);
}

/* False when the connection has to go. */
static bool answer_line(struct connection *c, const char *line, size_t len)
{
	char buf[PROTOCOL_LINE_MAX];
	struct protocol_request req;
	struct protocol_reply reply;

	if (!protocol_request_parse(&req, line, len))
		return false;
	memcpy(reply.token, req.token, sizeof(reply.token));
	snprintf(reply.pop, sizeof(reply.pop), "%s", c->tcp->pop);
	len = protocol_reply_format(&reply, buf, sizeof(buf));
	/* Who lets his answers pile up to the socket's limit is not a heartbeat. */
	return send(c->io.fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Answer the whole lines received so far and keep the rest. */
static bool answer_lines(struct connection *c)
{
	size_t start = 0;
	const char *newline;

	while ((newline = memchr(c->buf + start, '\n', c->len - start))) {
		const size_t end = (size_t)(newline - c->buf) + 1;

		if (!answer_line(c, c->buf + start, end - start))
			return false;
		start = end;
	}
	if (start == 0 && c->len == sizeof(c->buf))
		return false;
	memmove(c->buf, c->buf + start, c->len - start);
	c->len -= start;
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents __attribute__((unused)))
{
	struct connection *c = w->data;
	const ssize_t n = recv(w->fd, c->buf + c->len, sizeof(c->buf) - c->len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n > 0) {
		c->len += (size_t)n;
		ev_timer_again(loop, &c->idle);
	}
	if (n <= 0 || !answer_lines(c))
		connection_free(c);
}

static void on_idle(struct ev_loop *loop __attribute__((unused)), ev_timer *w,
		    int revents __attribute__((unused)))
{
	connection_free(w->data);
}

static void connection_new(struct origin_tcp *tcp, int fd)
{
	struct connection *c = x_new(struct connection);

	c->tcp = tcp;
	c->next = tcp->connections;
	c->link = &tcp->connections;
	if (c->next)
		c->next->link = &c->next;
	tcp->connections = c;
	tcp->count++;
	/* Answers are single small segments: none may wait for another. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	ev_io_init(&c->io, on_readable, fd, EV_READ);
	ev_timer_init(&c->idle, on_idle, 0, ORIGIN_TCP_IDLE_S);
	c->io.data = c->idle.data = c;
	ev_io_start(tcp->loop, &c->io);
	ev_timer_again(tcp->loop, &c->idle);
}

static void on_connection(void *ctx, int fd, const struct sockaddr *from)
{
	struct origin_tcp *tcp = ctx;

	(void)from;
	if (tcp->count < tcp->limit)
		connection_new(tcp, fd);
	else
		close(fd);
}

static int open_socket(const struct endpoint *listen_at)
{
	struct sockaddr_storage sa;
	const socklen_t len = endpoint_to_sockaddr(listen_at, &sa);
	const int on = 1;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : 0;

	if (!err && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		err = -errno;
	if (!err && listen_at->addr.family == ADDR_IPV6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		err = -errno;
	if (!err && (bind(fd, (struct sockaddr *)&sa, len) || listen(fd, SOMAXCONN)))
		err = -errno;
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int origin_tcp_new(struct origin_tcp **out, struct ev_loop *loop, const struct endpoint *listen_at,
		   const char *pop, size_t limit)
{
	int fd = open_socket(listen_at);
	struct origin_tcp *tcp;

	if (fd < 0)
		return fd;
	tcp = x_new(struct origin_tcp);
	tcp->loop = loop;
	tcp->pop = pop;
	tcp->limit = limit;
	accepter_start(&tcp->accepter, loop, fd, "origin", on_connection, tcp);
	*out = tcp;
	return 0;
}

void origin_tcp_free(struct origin_tcp *tcp)
{
	struct connection *next;

	if (!tcp)
		return;
	for (struct connection *c = tcp->connections; c; c = next) {
		next = c->next;
		connection_free(c);
	}
	accepter_stop(&tcp->accepter);
	free(tcp);
}
