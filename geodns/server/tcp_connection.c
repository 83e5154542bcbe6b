/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/tcp_connection.h"

#include <errno.h>
#include <urcu-qsbr.h>

#include "geodns/dns/stream.h"
#include "geodns/tally.h"
#include "lib/alloc.h"
#include "lib/clock.h"

/* Answers at a turn. Signed anew, one may take 140 us, and a turn is also how long a change of
 * the snapshot may have to wait. */
#define TURN_MAX 8
/* Answers that wait for their client to read: one of the longest. */
#define WAITING_MAX DNS_STREAM_MESSAGE_MAX

struct tcp_connection {
	struct tcp_worker *worker;
	struct tcp_connection *next, **link;
	struct transport *transport;
	enum counters_stream kind;
	struct addr client;
	ev_io io;
	ev_timer idle;
	ev_timer turn; /* at once, but behind the others */
	struct dns_stream in, out;
	bool open;   /* the transport is, and has been counted as such */
	bool eof;    /* the client has said all that it will say */
	bool ending; /* answer no more, close when all is sent */
};

static void connection_free(struct tcp_connection *c)
{
	struct tcp_worker *w = c->worker;

	if (!c->open)
		counters_raise(&w->counters.handshakes[COUNTERS_HANDSHAKE_FAILED]);
	counters_raise(&w->counters.closed[c->kind]);
	ev_io_stop(w->loop, &c->io);
	ev_timer_stop(w->loop, &c->idle);
	ev_timer_stop(w->loop, &c->turn);
	transport_free(c->transport);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	gate_leave(w->gate, &c->client);
	dns_stream_fini(&c->in);
	dns_stream_fini(&c->out);
	free(c);
}

static enum counters_transport transport_of(const struct tcp_connection *c)
{
	static const enum counters_transport transports[COUNTERS_STREAMS][2] = {
		[COUNTERS_PLAIN] = { COUNTERS_TCP4, COUNTERS_TCP6 },
		[COUNTERS_TLS] = { COUNTERS_TLS4, COUNTERS_TLS6 },
	};

	return transports[c->kind][c->client.family == ADDR_IPV6];
}

/* False when it is the last message that is taken from this client. */
static bool message_answer(struct tcp_connection *c, const struct snapshot *snap,
			   const struct wire_reader *message)
{
	struct tcp_worker *w = c->worker;
	struct answer_request req = { .packet = message->pos,
				      .len = wire_left(message),
				      .client = c->client,
				      .tcp = true,
				      .encrypted = c->kind == COUNTERS_TLS,
				      .unix_time = clock_unix_time(),
				      .signer = w->signer };
	struct answer_result result = answer(snap, &req, w->reply, sizeof(w->reply));

	counters_add(&w->counters, transport_of(c), &result);
	if (result.geographic)
		tally_add(snap->catalog->tally, w->number, result.name, result.target);
	if (result.len == 0)
		return false;
	dns_stream_put(&c->out, w->reply, result.len);
	ev_timer_again(w->loop, &c->idle);
	return true;
}

static bool is_backed_up(const struct tcp_connection *c)
{
	const uint8_t *bytes;

	return dns_stream_waiting(&c->out, &bytes) > WAITING_MAX;
}

/* May more be answered, without anything new from the client? */
static bool is_ready(const struct tcp_connection *c)
{
	return !c->ending && !is_backed_up(c) && dns_stream_is_ready(&c->in);
}

/* All from one snapshot. */
static void messages_answer(struct tcp_connection *c)
{
	const struct snapshot *snap;
	struct wire_reader message;

	if (!is_ready(c))
		return;
	rcu_thread_online();
	snap = store_read(c->worker->store);
	for (unsigned i = 0; i < TURN_MAX && !c->ending && !is_backed_up(c); i++) {
		enum dns_stream_next next = dns_stream_next(&c->in, &message);

		if (next == DNS_STREAM_MORE)
			break;
		c->ending = next == DNS_STREAM_END || !message_answer(c, snap, &message);
	}
	rcu_thread_offline();
}

/* False when the connection is broken. */
static bool answers_send(struct tcp_connection *c)
{
	const uint8_t *bytes;
	size_t len;

	while ((len = dns_stream_waiting(&c->out, &bytes)) > 0) {
		ssize_t n = transport_send(c->transport, bytes, len);

		if (n < 0)
			return n == -EAGAIN;
		dns_stream_sent(&c->out, (size_t)n);
	}
	return true;
}

static bool is_reading(const struct tcp_connection *c)
{
	return !c->ending && !c->eof && !is_backed_up(c) && !dns_stream_is_ready(&c->in);
}

static void opened_count(struct tcp_connection *c)
{
	enum transport_state state = transport_state(c->transport);

	if (c->open || state == TRANSPORT_OPENING)
		return;
	c->open = true;
	if (c->kind == COUNTERS_TLS)
		counters_raise(&c->worker->counters.handshakes[state == TRANSPORT_RESUMED
								       ? COUNTERS_HANDSHAKE_RESUMED
								       : COUNTERS_HANDSHAKE_FULL]);
}

/* False when it is broken. */
static bool queries_receive(struct tcp_connection *c)
{
	size_t room;
	uint8_t *bytes = dns_stream_room(&c->in, &room);
	ssize_t n = transport_receive(c->transport, bytes, room);

	opened_count(c);
	if (n < 0)
		return n == -EAGAIN;
	c->eof = n == 0;
	dns_stream_received(&c->in, (size_t)n);
	return true;
}

static int wanted_events(const struct tcp_connection *c)
{
	const uint8_t *bytes;
	int wanted = is_reading(c) && c->open ? EV_READ : 0;

	if (dns_stream_waiting(&c->out, &bytes) > 0 || transport_wants_write(c->transport))
		wanted |= EV_WRITE;
	else if (!c->open)
		wanted |= EV_READ;
	return wanted;
}

static void watch(struct tcp_connection *c)
{
	struct ev_loop *loop = c->worker->loop;
	int wanted = wanted_events(c);

	/* Not ev_idle: that waits until nobody else wants anything. */
	if ((is_ready(c) || (is_reading(c) && transport_has_pending(c->transport))) &&
	    !ev_is_active(&c->turn)) {
		ev_timer_set(&c->turn, 0, 0);
		ev_timer_start(loop, &c->turn);
	}
	if (wanted == (c->io.events & (EV_READ | EV_WRITE)))
		return;
	ev_io_stop(loop, &c->io);
	ev_io_set(&c->io, c->io.fd, wanted);
	if (wanted)
		ev_io_start(loop, &c->io);
}

/* After whatever has happened: wait for more, or come to an end. */
static void go_on(struct tcp_connection *c)
{
	const uint8_t *bytes;

	if (c->eof && !dns_stream_is_ready(&c->in))
		c->ending = true;
	if (c->ending && dns_stream_waiting(&c->out, &bytes) == 0 &&
	    transport_end(c->transport) != -EAGAIN)
		connection_free(c);
	else
		watch(c);
}

static void turn_take(struct tcp_connection *c, bool readable)
{
	bool good = true;

	if (is_reading(c) && (readable || transport_wants_write(c->transport)))
		good = queries_receive(c);
	if (good) {
		messages_answer(c);
		good = answers_send(c);
	}
	if (good)
		go_on(c);
	else
		connection_free(c);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	turn_take(io->data, events & EV_READ);
}

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct tcp_connection *c = timer->data;

	(void)loop;
	(void)events;
	turn_take(c, transport_has_pending(c->transport));
}

static void on_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct tcp_connection *c = timer->data;

	(void)loop;
	(void)events;
	transport_end(c->transport);
	connection_free(c);
}

void tcp_connection_new(struct tcp_worker *w, enum counters_stream kind,
			struct transport *transport, int fd, const struct addr *client,
			unsigned idle_ms)
{
	struct tcp_connection *c = x_new(struct tcp_connection);

	c->worker = w;
	c->transport = transport;
	c->kind = kind;
	c->client = *client;
	c->next = w->connections;
	c->link = &w->connections;
	if (c->next)
		c->next->link = &c->next;
	w->connections = c;
	counters_raise(&w->counters.opened[kind]);
	opened_count(c);
	ev_io_init(&c->io, on_io, fd, EV_READ);
	ev_timer_init(&c->idle, on_idle, 0, idle_ms / 1e3);
	ev_timer_init(&c->turn, on_turn, 0, 0);
	c->io.data = c->idle.data = c->turn.data = c;
	ev_io_start(w->loop, &c->io);
	ev_timer_again(w->loop, &c->idle);
}

void tcp_connections_end(struct tcp_worker *w)
{
	for (struct tcp_connection *c = w->connections, *next; c; c = next) {
		next = c->next;
		transport_end(c->transport);
		connection_free(c);
	}
}
