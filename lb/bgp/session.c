/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/session.h"

#include <errno.h>
#include <ev.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"

#define LINGER_S 1.0 /* for the peer to close after us */
/* As much as is taken in one go; the rest waits a turn of the loop, so that no peer starves others.
 */
#define INPUT_SIZE (4 * BGP_MESSAGE_MAX)

#define RECEIVE_MAX 16 /* times INPUT_SIZE in one bgp_session_receive() */

struct mark {
	struct mark *next;
	uint64_t at; /* stream offset behind the bytes */
	struct instant sent;
	void *data;
};

struct mark_queue {
	struct mark *first, **end;
};

struct bgp_session {
	struct ev_loop *loop;
	int fd;
	ev_io readable, writable;
	ev_timer linger;
	ev_idle reporting;
	const struct bgp_session_handlers *on;
	void *ctx;
	bool connecting, closing, shut, blocked;
	uint8_t *out;
	size_t out_len, out_done, out_capacity;
	uint64_t written; /* of the whole stream */
	struct mark_queue unsent, sent;
	size_t in_len;
	uint8_t in[INPUT_SIZE];
};

static void mark_push(struct mark_queue *queue, struct mark *mark)
{
	mark->next = NULL;
	*queue->end = mark;
	queue->end = &mark->next;
}

/* NULL when it is empty. */
static struct mark *mark_pop(struct mark_queue *queue)
{
	struct mark *mark = queue->first;

	if (!mark)
		return NULL;
	queue->first = mark->next;
	if (!queue->first)
		queue->end = &queue->first;
	return mark;
}

static void mark_free(struct mark *mark)
{
	free(mark->data);
	free(mark);
}

static void free_session(struct bgp_session *s)
{
	struct mark *mark;

	ev_io_stop(s->loop, &s->readable);
	ev_io_stop(s->loop, &s->writable);
	ev_timer_stop(s->loop, &s->linger);
	ev_idle_stop(s->loop, &s->reporting);
	close(s->fd);
	while ((mark = mark_pop(&s->unsent)) || (mark = mark_pop(&s->sent)))
		mark_free(mark);
	free(s->out);
	free(s);
}

void bgp_session_abort(struct bgp_session *s)
{
	free_session(s);
}

/* False when there is nothing left to tell. */
static bool report_sent(struct bgp_session *s)
{
	struct mark *mark = mark_pop(&s->sent);

	if (!mark)
		return false;
	s->on->on_sent(s->ctx, mark->data, mark->sent);
	mark_free(mark);
	return true;
}

static void gone(struct bgp_session *s)
{
	const struct bgp_session_handlers *on = s->on;
	void *ctx = s->ctx;

	while (report_sent(s))
		continue;
	free_session(s);
	on->on_gone(ctx);
}

static void on_linger(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	gone(timer->data);
}

/* The connection is of no use any more: tell the owner, or end the closing. */
static void lost(struct bgp_session *s, int error)
{
	if (s->closing) {
		gone(s);
		return;
	}
	ev_io_stop(s->loop, &s->readable);
	ev_io_stop(s->loop, &s->writable);
	s->shut = true; /* nothing left to flush to */
	s->on->on_down(s->ctx, error);
}

/* One at a time, when nothing else is to be done: what waits to be sent to others goes first. */
static void on_reporting(struct ev_loop *loop, ev_idle *idle, int events)
{
	struct bgp_session *s = idle->data;

	(void)events;
	if (!report_sent(s))
		ev_idle_stop(loop, idle);
}

/* So many bytes are with the kernel. */
static void pass(struct bgp_session *s, size_t n)
{
	struct instant now = clock_now();

	s->written += n;
	while (s->unsent.first && s->unsent.first->at <= s->written) {
		struct mark *mark = mark_pop(&s->unsent);

		mark->sent = now;
		mark_push(&s->sent, mark);
		ev_idle_start(s->loop, &s->reporting);
	}
}

static void set_blocked(struct bgp_session *s, bool blocked)
{
	bool was = s->blocked;

	s->blocked = blocked;
	if (!s->closing && (blocked || was))
		s->on->on_blocked(s->ctx, blocked);
}

/* All is written: when closing, say so to the peer and wait for its end. */
static void drained(struct bgp_session *s)
{
	s->out_len = s->out_done = 0;
	ev_io_stop(s->loop, &s->writable);
	set_blocked(s, false);
	if (s->closing && !s->shut) {
		s->shut = true;
		shutdown(s->fd, SHUT_WR);
	}
}

/* -errno when the connection is broken. */
static int flush(struct bgp_session *s)
{
	while (s->out_done < s->out_len) {
		ssize_t n =
			send(s->fd, s->out + s->out_done, s->out_len - s->out_done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			set_blocked(s, true);
			return 0;
		}
		if (n < 0)
			return -errno;
		if (s->blocked) /* it moves: the send hold timer starts anew */
			set_blocked(s, false);
		s->out_done += (size_t)n;
		pass(s, (size_t)n);
	}
	drained(s);
	return 0;
}

static int connect_result(const struct bgp_session *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct bgp_session *s = io->data;
	int error;

	(void)loop;
	(void)events;
	if (s->connecting) {
		error = connect_result(s);
		if (error) {
			lost(s, error);
			return;
		}
		s->connecting = false;
		ev_io_start(s->loop, &s->readable);
		s->on->on_up(s->ctx);
		return;
	}
	error = flush(s);
	if (error)
		lost(s, error);
}

/* Hand over whole messages. Stops when the owner has closed the session in a handler. */
static void take_messages(struct bgp_session *s)
{
	size_t used = 0;

	while (!s->closing) {
		struct bgp_frame frame;
		struct bgp_error err;
		enum bgp_frame_result result =
			bgp_frame_next(&frame, &err, s->in + used, s->in_len - used);

		if (result == BGP_FRAME_MORE)
			break;
		if (result == BGP_FRAME_ERROR) {
			s->on->on_bad_frame(s->ctx, &err);
			break;
		}
		used += frame.size;
		s->on->on_message(s->ctx, &frame);
	}
	memmove(s->in, s->in + used, s->in_len - used);
	s->in_len -= used;
}

/* Read once. False when there is nothing, or nobody, to read from any more. */
static bool receive(struct bgp_session *s)
{
	ssize_t n;

	if (s->closing) /* read past it: unread bytes would turn close() into a reset */
		s->in_len = 0;
	n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n <= 0) {
		lost(s, n < 0 ? -errno : 0);
		return false;
	}
	s->in_len += (size_t)n;
	if (!s->closing)
		take_messages(s);
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	receive(io->data);
}

void bgp_session_receive(struct bgp_session *s)
{
	for (int i = 0; i < RECEIVE_MAX && !s->connecting && !s->closing && !s->shut; i++) {
		if (!receive(s))
			break;
	}
}

static struct bgp_session *session_new(struct ev_loop *loop, int fd)
{
	struct bgp_session *s = x_new(struct bgp_session);
	int one = 1;

	s->loop = loop;
	s->fd = fd;
	s->unsent.end = &s->unsent.first;
	s->sent.end = &s->sent.first;
	/* Kernels that refuse it still work. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ev_io_init(&s->readable, on_readable, fd, EV_READ);
	ev_io_init(&s->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&s->linger, on_linger, LINGER_S, 0);
	ev_idle_init(&s->reporting, on_reporting);
	ev_set_priority(&s->reporting, EV_MINPRI);
	s->readable.data = s->writable.data = s->linger.data = s->reporting.data = s;
	return s;
}

/* Returns the length. */
static socklen_t sockaddr_of(struct sockaddr_storage *sa, const struct endpoint *ep,
			     unsigned ifindex)
{
	socklen_t len = endpoint_to_sockaddr(ep, sa);

	if (addr_is_link_local(&ep->addr))
		((struct sockaddr_in6 *)sa)->sin6_scope_id = ifindex;
	return len;
}

static int bind_local(int fd, const struct addr *local, unsigned ifindex)
{
	struct endpoint ep = { .addr = *local };
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of(&sa, &ep, ifindex);

	return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int prepare(int fd, const struct addr *remote, const struct bgp_transport *transport)
{
	const struct prefix peer = { *remote, (uint8_t)addr_bits(remote->family) };
	int error = bgp_transport_apply(fd, remote->family, transport);

	return error || !transport->md5_key ? error
					    : bgp_transport_key(fd, &peer, transport->md5_key);
}

static int connect_to(int fd, const struct bgp_dial *to, const struct sockaddr_storage *sa,
		      socklen_t len, unsigned ifindex)
{
	int error = prepare(fd, &to->remote.addr, to->transport);

	if (error == 0 && to->local.family != ADDR_NONE)
		error = bind_local(fd, &to->local, ifindex);
	if (error == 0 && connect(fd, (const struct sockaddr *)sa, len) < 0 && errno != EINPROGRESS)
		error = -errno;
	return error;
}

struct bgp_session *bgp_session_dial(struct ev_loop *loop, const struct bgp_dial *to, int *error)
{
	unsigned ifindex = to->interface ? if_nametoindex(to->interface) : 0;
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of(&sa, &to->remote, ifindex);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct bgp_session *s;

	*error = fd < 0 ? -errno : connect_to(fd, to, &sa, len, ifindex);
	if (*error) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	/* A connect() that is through at once shows as writable, as any other does. */
	s = session_new(loop, fd);
	s->connecting = true;
	ev_io_start(loop, &s->writable);
	return s;
}

struct bgp_session *bgp_session_adopt(struct ev_loop *loop, int fd)
{
	struct bgp_session *s = session_new(loop, fd);

	ev_io_start(loop, &s->readable);
	return s;
}

void bgp_session_set_handlers(struct bgp_session *s, const struct bgp_session_handlers *handlers,
			      void *ctx)
{
	s->on = handlers;
	s->ctx = ctx;
}

static void queue(struct bgp_session *s, const uint8_t *bytes, size_t len)
{
	if (s->out_done > 0 && s->out_len + len > s->out_capacity) {
		memmove(s->out, s->out + s->out_done, s->out_len - s->out_done);
		s->out_len -= s->out_done;
		s->out_done = 0;
	}
	if (s->out_len + len > s->out_capacity) {
		s->out_capacity = 2 * (s->out_len + len);
		s->out = xrealloc(s->out, s->out_capacity);
	}
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

/*
 * To the kernel at once if it takes it: returns how much. What it does not take, and what is wrong
 * with the connection, is for the loop to find out: no handler is called from here.
 */
static size_t try_send(struct bgp_session *s, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL);

	if (n > 0)
		pass(s, (size_t)n);
	/* A socket that stays full would never say so, and the send hold timer not start. */
	if (n < 0 || (size_t)n < len)
		ev_feed_event(s->loop, &s->writable, EV_WRITE);
	return n < 0 ? 0 : (size_t)n;
}

void bgp_session_write(struct bgp_session *s, const void *bytes, size_t len, void *mark_data)
{
	size_t sent = 0;

	if (mark_data) {
		struct mark *mark = x_new(struct mark);

		mark->at = s->written + bgp_session_queued(s) + len;
		mark->data = mark_data;
		mark_push(&s->unsent, mark);
	}
	if (!s->shut && !s->connecting && !ev_is_active(&s->writable))
		sent = try_send(s, bytes, len);
	if (sent == len)
		return;
	queue(s, (const uint8_t *)bytes + sent, len - sent);
	if (!s->shut)
		ev_io_start(s->loop, &s->writable);
}

size_t bgp_session_queued(const struct bgp_session *s)
{
	return s->out_len - s->out_done;
}

void bgp_session_close(struct bgp_session *s)
{
	if (s->closing)
		return;
	s->closing = true;
	ev_io_stop(s->loop, &s->writable);
	if (s->shut || s->connecting) {
		/* Nobody to talk to; from the loop, as promised. */
		ev_io_stop(s->loop, &s->readable);
		ev_timer_set(&s->linger, 0, 0);
	} else {
		ev_io_start(s->loop, &s->writable);
	}
	ev_timer_start(s->loop, &s->linger);
}

static struct endpoint name_of(const struct bgp_session *s,
			       int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct endpoint ep = { 0 };

	if (get(s->fd, (struct sockaddr *)&sa, &len) < 0 ||
	    !endpoint_from_sockaddr(&ep, (struct sockaddr *)&sa))
		return (struct endpoint){ 0 };
	return ep;
}

struct endpoint bgp_session_local(const struct bgp_session *s)
{
	return name_of(s, getsockname);
}

struct endpoint bgp_session_remote(const struct bgp_session *s)
{
	return name_of(s, getpeername);
}
