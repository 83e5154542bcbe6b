/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/tcp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/listen.h"

#define IN_ROOM_MIN 1024
/* Answers that wait for their client to read: one of the longest. */
#define OUT_MAX	    (2 + ANSWER_SIZE_MAX)
#define NETWORK_LEN 64

struct buffer {
	uint8_t *bytes;
	size_t len, room;
};

struct connection {
	struct tcp_server *server;
	struct connection *next, **link;
	ev_io io;
	ev_timer idle;
	struct addr client, network;
	struct buffer in, out;
	size_t sent; /* of out */
	bool eof;    /* the client has said all that it will say */
	bool ending; /* answer no more, close when all is sent */
};

struct tcp_server {
	struct ev_loop *loop;
	const struct store *store;
	const struct geodns_conf *conf;
	ev_io *listeners;
	size_t listen_count;
	struct connection *connections;
	unsigned connection_count;
	uint64_t refused;
	struct counters counters;
	struct dnssec_signer *signer;
	uint8_t reply[ANSWER_SIZE_MAX];
};

static void buffer_reserve(struct buffer *b, size_t room)
{
	if (room <= b->room)
		return;
	b->bytes = xrealloc(b->bytes, room);
	b->room = room;
}

static void buffer_append(struct buffer *b, const uint8_t *bytes, size_t len)
{
	size_t need = b->len + len;

	if (need > b->room)
		buffer_reserve(b, need > 2 * b->room ? need : 2 * b->room);
	memcpy(b->bytes + b->len, bytes, len);
	b->len = need;
}

static void connection_free(struct connection *c)
{
	struct tcp_server *server = c->server;

	ev_io_stop(server->loop, &c->io);
	ev_timer_stop(server->loop, &c->idle);
	close(c->io.fd);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	server->connection_count--;
	free(c->in.bytes);
	free(c->out.bytes);
	free(c);
}

/* False when it is the last message that is taken from this client. */
static bool message_answer(struct connection *c, const uint8_t *message, size_t len)
{
	struct tcp_server *server = c->server;
	struct answer_request req = { .packet = message,
				      .len = len,
				      .client = c->client,
				      .tcp = true,
				      .unix_time = clock_unix_time(),
				      .signer = server->signer };
	struct answer_result result;
	uint8_t prefix[2];

	if (len == 0)
		return false;
	result = answer(server->store->current, &req, server->reply, sizeof(server->reply));
	counters_add(&server->counters,
		     c->client.family == ADDR_IPV4 ? COUNTERS_TCP4 : COUNTERS_TCP6, &result);
	if (result.geographic)
		tally_add(server->store->current->catalog->tally, tally_writers(server->conf) - 1,
			  result.name, result.target);
	if (result.len == 0)
		return false;
	prefix[0] = (uint8_t)(result.len >> 8);
	prefix[1] = (uint8_t)result.len;
	buffer_append(&c->out, prefix, sizeof(prefix));
	buffer_append(&c->out, server->reply, result.len);
	ev_timer_again(server->loop, &c->idle);
	return true;
}

static bool is_backed_up(const struct connection *c)
{
	return c->out.len - c->sent > OUT_MAX;
}

/* Answer all whole messages in the buffer, as long as the client reads. */
static void messages_answer(struct connection *c)
{
	size_t at = 0;

	while (!c->ending && !is_backed_up(c) && c->in.len - at >= 2) {
		size_t len = (size_t)c->in.bytes[at] << 8 | c->in.bytes[at + 1];

		if (c->in.len - at < 2 + len) {
			buffer_reserve(&c->in, 2 + len);
			break;
		}
		c->ending = !message_answer(c, c->in.bytes + at + 2, len);
		at += 2 + len;
	}
	if (at > 0) {
		c->in.len -= at;
		memmove(c->in.bytes, c->in.bytes + at, c->in.len);
	}
}

/* False when the connection is broken. */
static bool answers_send(struct connection *c)
{
	while (c->sent < c->out.len) {
		ssize_t n =
			send(c->io.fd, c->out.bytes + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
	}
	c->out.len = 0;
	c->sent = 0;
	return true;
}

/* False when it is broken. */
static bool queries_receive(struct connection *c)
{
	ssize_t n;

	if (c->in.len == c->in.room)
		buffer_reserve(&c->in, c->in.room < IN_ROOM_MIN ? IN_ROOM_MIN : 2 * c->in.room);
	n = recv(c->io.fd, c->in.bytes + c->in.len, c->in.room - c->in.len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->eof = n == 0;
	c->in.len += (size_t)n;
	return true;
}

static void watch(struct connection *c)
{
	int wanted = (c->ending || c->eof || is_backed_up(c) ? 0 : EV_READ) |
		     (c->out.len > 0 ? EV_WRITE : 0);

	if (wanted == (c->io.events & (EV_READ | EV_WRITE)))
		return;
	ev_io_stop(c->server->loop, &c->io);
	ev_io_set(&c->io, c->io.fd, wanted);
	ev_io_start(c->server->loop, &c->io);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct connection *c = io->data;
	bool good = true;

	(void)loop;
	if (events & EV_READ)
		good = queries_receive(c);
	/* Sending makes room for further answers to what is already here. */
	for (size_t before = SIZE_MAX; good && c->in.len < before;) {
		before = c->in.len;
		messages_answer(c);
		good = answers_send(c);
	}
	if (c->eof && !is_backed_up(c))
		c->ending = true;
	if (!good || (c->ending && c->out.len == 0))
		connection_free(c);
	else
		watch(c);
}

static void on_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	connection_free(timer->data);
}

static bool is_allowed(const struct tcp_server *server, const struct addr *network)
{
	unsigned same = 0;

	for (const struct connection *c = server->connections; c; c = c->next)
		same += addr_equal(&c->network, network);
	return server->connection_count < server->conf->tcp_connections &&
	       same < server->conf->tcp_per_client;
}

static void connection_new(struct tcp_server *server, int fd, const struct addr *client)
{
	struct addr network =
		client->family == ADDR_IPV6 ? addr_mask(client, NETWORK_LEN) : *client;
	struct connection *c;

	if (!is_allowed(server, &network)) {
		server->refused++;
		close(fd);
		return;
	}
	c = x_new(struct connection);
	c->server = server;
	c->client = *client;
	c->network = network;
	c->next = server->connections;
	c->link = &server->connections;
	if (c->next)
		c->next->link = &c->next;
	server->connections = c;
	server->connection_count++;
	ev_io_init(&c->io, on_io, fd, EV_READ);
	c->io.data = c;
	ev_io_start(server->loop, &c->io);
	ev_timer_init(&c->idle, on_idle, 0, server->conf->tcp_idle_ms / 1e3);
	c->idle.data = c;
	ev_timer_again(server->loop, &c->idle);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint peer;
	int fd = accept4(io->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd < 0)
		return;
	if (endpoint_from_sockaddr(&peer, (struct sockaddr *)&ss))
		connection_new(io->data, fd, &peer.addr);
	else
		close(fd);
}

int tcp_server_new(struct tcp_server **out, struct ev_loop *loop, const struct geodns_conf *conf,
		   const struct store *store, const struct endpoint **failed)
{
	struct tcp_server *server = x_new(struct tcp_server);

	server->loop = loop;
	server->store = store;
	server->conf = conf;
	server->signer = dnssec_signer_new(conf->dnssec.signatures_kept);
	server->listeners = xcalloc(conf->listen_count, sizeof(ev_io));
	for (size_t i = 0; i < conf->listen_count; i++) {
		int fd = listen_tcp(&conf->listen[i]);

		*failed = &conf->listen[i];
		if (fd < 0) {
			tcp_server_free(server);
			return fd;
		}
		ev_io_init(&server->listeners[i], on_accept, fd, EV_READ);
		server->listeners[i].data = server;
		ev_io_start(loop, &server->listeners[i]);
		server->listen_count++;
	}
	*out = server;
	return 0;
}

void tcp_server_conf_set(struct tcp_server *server, const struct geodns_conf *conf)
{
	server->conf = conf;
}

void tcp_server_free(struct tcp_server *server)
{
	if (!server)
		return;
	for (struct connection *c = server->connections, *next; c; c = next) {
		next = c->next;
		connection_free(c);
	}
	for (size_t i = 0; i < server->listen_count; i++) {
		ev_io_stop(server->loop, &server->listeners[i]);
		close(server->listeners[i].fd);
	}
	dnssec_signer_free(server->signer);
	free(server->listeners);
	free(server);
}

void tcp_server_count(const struct tcp_server *server, struct counters *sum)
{
	counters_sum(sum, &server->counters);
}

unsigned tcp_server_connections(const struct tcp_server *server)
{
	return server->connection_count;
}

uint64_t tcp_server_refused(const struct tcp_server *server)
{
	return server->refused;
}
