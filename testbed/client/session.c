/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/session.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/client/heartbeat.h"
#include "testbed/client/request.h"
#include "testbed/client/token.h"

enum session_state { SESSION_NONE, SESSION_OPENING, SESSION_OPEN };

struct client_session {
	struct client_request req; /* first: the opening, valid in SESSION_OPENING */
	enum session_state state;
	unsigned traffic; /* index into the configuration's */
	uint64_t number;  /* of this or the next session, from 1 */
	char number_text[24];
	char pop[PROTOCOL_POP_MAX + 1]; /* who answered last */
	struct client_heartbeat hb;
	struct instant heard; /* the last reply */
	ev_io io;	      /* fd -1 without a connection */
	bool connected;
	ev_timer silence;
};

static struct client_group *group_of(const struct client_session *s)
{
	return s->req.user->group;
}

static void row_write(const struct client_session *s, struct instant planned,
		      enum client_result result, int64_t since_ns)
{
	const struct client_user *user = s->req.user;
	const struct client_row row = {
		.planned = planned,
		.kind = CLIENT_SESSION,
		.variant = user->group->conf->variants[user->variant].name,
		.user = user->number,
		.pop = s->pop,
		.result = result,
		.latency_us = (clock_now().ns - since_ns) / NS_PER_US,
		.detail = s->number_text,
	};

	client_report_row(user->group->report, &row);
}

/* What has failed goes without a word (a reset), what is over with a FIN. */
static void disconnect(struct client_session *s, bool failed)
{
	const struct linger reset = { 1, 0 };

	if (s->io.fd < 0)
		return;
	ev_io_stop(group_of(s)->loop, &s->io);
	if (failed)
		setsockopt(s->io.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(s->io.fd);
	s->io.fd = -1;
}

static void number_set(struct client_session *s, uint64_t number)
{
	s->number = number;
	snprintf(s->number_text, sizeof(s->number_text), "%llu", (unsigned long long)number);
}

/* An open session is over. */
static void end(struct client_session *s, enum client_result result)
{
	ev_timer_stop(group_of(s)->loop, &s->silence);
	disconnect(s, result != CLIENT_CLOSED);
	/* Like any other row: what it began with, and how long after that it was over. */
	row_write(s, s->heard, result, s->heard.ns);
	s->state = SESSION_NONE;
	number_set(s, s->number + 1);
	client_group_settle(group_of(s));
}

/* The connection has failed with err, or without one been closed by the other side (err 0). */
static void broken(struct client_session *s, int err)
{
	const enum client_result result = err ? client_result_from_errno(err) : CLIENT_RESET;

	if (s->state == SESSION_OPENING)
		client_request_finish(&s->req, result, "", NULL);
	else
		/* The kernel gives up on a silent peer by itself, after many retransmissions. */
		end(s, result == CLIENT_RESET ? CLIENT_RESET : CLIENT_TIMED_OUT);
}

/* Silence is counted from the oldest question without an answer, or the last answer since. */
static struct instant silent_since(const struct client_session *s)
{
	const struct client_request *req = &s->req;
	struct instant asked;

	if (!client_heartbeat_is_waiting(&s->hb))
		return clock_now();
	asked = client_plan_time(group_of(s)->plan, req->slot.user, s->traffic, s->hb.answered);
	return asked.ns > s->heard.ns ? asked : s->heard;
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents __attribute__((unused)))
{
	struct client_session *s = w->data;
	const struct instant deadline =
		instant_after_ms(silent_since(s), group_of(s)->conf->session_timeout_ms);
	const double rest = instant_wait_s(deadline, clock_now());

	if (rest > 0) {
		ev_timer_set(w, rest, 0);
		ev_timer_start(loop, w);
	} else {
		end(s, CLIENT_TIMED_OUT);
	}
}

static void reply_take(struct client_session *s, uint64_t n, const struct protocol_reply *reply)
{
	struct instant planned;

	s->heard = clock_now();
	memcpy(s->pop, reply->pop, sizeof(s->pop));
	if (s->state == SESSION_OPENING) {
		client_request_finish(&s->req, CLIENT_OPEN, s->pop, NULL);
		return;
	}
	planned = client_plan_time(group_of(s)->plan, s->req.slot.user, s->traffic, n);
	row_write(s, planned, CLIENT_OK, planned.ns);
	client_group_settle(group_of(s));
}

static void wrong(struct client_session *s)
{
	struct instant planned;

	if (s->state == SESSION_OPENING) {
		client_request_finish(&s->req, CLIENT_WRONG, "", NULL);
		return;
	}
	planned = client_heartbeat_is_waiting(&s->hb)
			  ? client_plan_time(group_of(s)->plan, s->req.slot.user, s->traffic,
					     s->hb.answered)
			  : clock_now();
	row_write(s, planned, CLIENT_WRONG, planned.ns);
	end(s, CLIENT_RESET);
}

static void input(struct client_session *s, const char *pos, size_t len)
{
	const char *end_of_input = pos + len;

	/* A reply may end the session (an opening that came too late): then the rest is void. */
	while (s->io.fd >= 0) {
		struct protocol_reply reply;
		uint64_t n;

		switch (client_heartbeat_input(&s->hb, &pos, end_of_input, &n, &reply)) {
		case CLIENT_BEAT_MORE:
			return;
		case CLIENT_BEAT_REPLY:
			reply_take(s, n, &reply);
			break;
		case CLIENT_BEAT_WRONG:
			wrong(s);
			return;
		}
	}
}

/* Write what is due; what does not fit goes when the socket is writable again. */
static int output(struct client_session *s)
{
	struct ev_loop *loop = group_of(s)->loop;
	char buf[4096];
	size_t len;
	int events = EV_READ;

	while ((len = client_heartbeat_output(&s->hb, buf, sizeof(buf))) > 0) {
		const ssize_t n = send(s->io.fd, buf, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return errno;
		if (n < 0) {
			events |= EV_WRITE;
			break;
		}
		client_heartbeat_written(&s->hb, (size_t)n);
	}
	ev_io_stop(loop, &s->io);
	ev_io_set(&s->io, s->io.fd, events);
	ev_io_start(loop, &s->io);
	return 0;
}

/*
 * Writable for the first time: connected, or failed. send() does not tell all failures: Linux
 * keeps an ICMP error that came while connect() held the socket for SO_ERROR.
 */
static int connect_finish(struct client_session *s)
{
	socklen_t size = sizeof(int);
	int err = 0;

	if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		err = errno;
	s->connected = err == 0;
	return err;
}

static void on_io(struct ev_loop *loop __attribute__((unused)), ev_io *w, int revents)
{
	struct client_session *s = w->data;
	char buf[4096];
	ssize_t n;
	int err;

	if (revents & EV_WRITE) {
		err = s->connected ? 0 : connect_finish(s);
		if (!err)
			err = output(s);
		if (err) {
			broken(s, err);
			return;
		}
	}
	if (!(revents & EV_READ))
		return;
	n = recv(w->fd, buf, sizeof(buf), 0);
	if (n > 0)
		input(s, buf, (size_t)n);
	else if (n == 0)
		broken(s, 0);
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		broken(s, errno);
}

/* The opening's end: an open session, or none. */
static void on_end(struct client_request *req, enum client_result result)
{
	struct client_session *s = (struct client_session *)req;
	struct client_group *group = group_of(s);

	if (result != CLIENT_OPEN) {
		s->state = SESSION_NONE;
		disconnect(s, true);
		return;
	}
	s->state = SESSION_OPEN;
	ev_timer_set(&s->silence, group->conf->session_timeout_ms / 1e3, 0);
	ev_timer_start(group->loop, &s->silence);
}

static void on_address(struct client_request *req)
{
	const struct endpoint to = { req->addr, PROTOCOL_TCP_PORT };
	struct client_session *s = (struct client_session *)req;
	const struct client_user *user = req->user;
	struct sockaddr_storage sa;
	const socklen_t len = endpoint_to_sockaddr(&to, &sa);

	client_heartbeat_init(&s->hb, client_token_flow(user->group->conf->seed, user->number,
							user->variant, CLIENT_SESSION));
	client_heartbeat_add(&s->hb, req->slot.n);
	ev_io_init(&s->io, on_io, client_socket_new(&to, SOCK_STREAM), EV_WRITE);
	s->io.data = s;
	s->connected = false;
	setsockopt(s->io.fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (connect(s->io.fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		client_request_finish(req, client_result_from_errno(errno), "", NULL);
	else
		ev_io_start(user->group->loop, &s->io);
}

static struct client_session *session_new(void)
{
	struct client_session *s = x_new(struct client_session);

	number_set(s, 1);
	s->io.fd = -1;
	ev_timer_init(&s->silence, on_silence, 0, 0);
	s->silence.data = s;
	return s;
}

static void open_at(struct client_session *s, struct client_user *user,
		    const struct client_slot *slot)
{
	static const struct client_request_ops ops = { on_address, on_end };

	s->req = (struct client_request){
		.user = user, .slot = *slot, .ops = &ops, .detail = s->number_text
	};
	s->state = SESSION_OPENING;
	s->traffic = slot->traffic;
	client_request_start(&s->req);
}

void client_session_beat(struct client_user *user, const struct client_slot *slot)
{
	struct client_session *s;
	int err;

	if (!user->session)
		user->session = session_new();
	s = user->session;
	switch (s->state) {
	case SESSION_NONE:
		open_at(s, user, slot);
		return;
	case SESSION_OPENING:
		return;
	case SESSION_OPEN:
		client_heartbeat_add(&s->hb, slot->n);
		err = output(s);
		if (err)
			broken(s, err);
		return;
	}
}

bool client_session_is_waiting(const struct client_user *user)
{
	const struct client_session *s = user->session;

	return s && s->state == SESSION_OPEN && client_heartbeat_is_waiting(&s->hb);
}

void client_session_close(struct client_user *user)
{
	if (user->session && user->session->state == SESSION_OPEN)
		end(user->session, CLIENT_CLOSED);
}

void client_session_free(struct client_user *user)
{
	struct client_session *s = user->session;

	if (!s)
		return;
	ev_timer_stop(user->group->loop, &s->silence);
	disconnect(s, true);
	free(s);
	user->session = NULL;
}
