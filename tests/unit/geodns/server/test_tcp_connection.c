/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "geodns/server/tcp_connection.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

#define IDLE_MS 60000

/*
 * A client that has said everything at once, over a socket that is always ready. Answers are taken
 * as long as there is room.
 */
struct client {
	struct transport transport;
	int fd;
	const uint8_t *says;
	size_t says_len, at, step; /* how much comes at once */
	size_t room;		   /* how much it takes */
	size_t got;		   /* octets of answers */
	bool half_closed;	   /* at the end; otherwise it waits */
	bool opening, wants_write; /* a handshake, that has to be written first */
	unsigned receives, ends;
	bool *freed;
};

static ssize_t client_receive(struct transport *t, void *buf, size_t size)
{
	struct client *c = (struct client *)t;
	size_t n = c->says_len - c->at;

	c->receives++;
	if (c->opening) {
		c->wants_write = !c->wants_write;
		c->opening = c->wants_write;
		return -EAGAIN;
	}
	if (n == 0)
		return c->half_closed ? 0 : -EAGAIN;
	n = n < size ? n : size;
	n = n < c->step ? n : c->step;
	memcpy(buf, c->says + c->at, n);
	c->at += n;
	return (ssize_t)n;
}

static ssize_t client_send(struct transport *t, const void *bytes, size_t len)
{
	struct client *c = (struct client *)t;
	size_t n = len < c->room ? len : c->room;

	(void)bytes;
	c->room -= n;
	c->got += n;
	return n == 0 ? -EAGAIN : (ssize_t)n;
}

static int client_end(struct transport *t)
{
	struct client *c = (struct client *)t;

	c->wants_write = ++c->ends == 1;
	return c->wants_write ? -EAGAIN : 0;
}

static enum transport_state client_state(const struct transport *t)
{
	return ((const struct client *)t)->opening ? TRANSPORT_OPENING : TRANSPORT_OPEN;
}

static bool client_wants_write(const struct transport *t)
{
	return ((const struct client *)t)->wants_write;
}

static bool client_has_pending(const struct transport *t)
{
	(void)t;
	return false;
}

static void client_free(struct transport *t)
{
	struct client *c = (struct client *)t;

	close(c->fd);
	*c->freed = true;
}

static const struct transport_ops client_ops = { .receive = client_receive,
						 .send = client_send,
						 .end = client_end,
						 .state = client_state,
						 .wants_write = client_wants_write,
						 .has_pending = client_has_pending,
						 .free = client_free };

struct fixture {
	struct catalog *catalog;
	struct store store;
	struct tcp_worker *worker;
	uint8_t *queries;
	size_t query_len, answer_len; /* with their lengths */
};

#define QUERIES 2000

static void fixture_begin(struct fixture *f)
{
	static const struct gate_limits limits = { 10, 10, IDLE_MS };
	const struct test_query q = Q("mail.lab.test", DNS_TYPE_A);
	struct answer_request req = { .tcp = true, .client = addr_from_ipv4(0x0a000001) };
	uint8_t query[300], reply[512];

	rcu_register_thread();
	rcu_thread_offline();
	f->catalog = fixture_catalog("");
	f->store.current = snapshot_new(f->catalog, NULL);
	f->worker = x_new(struct tcp_worker);
	f->worker->loop = ev_loop_new(EVFLAG_AUTO);
	f->worker->store = &f->store;
	f->worker->gate = gate_new(&limits, 1);
	f->query_len = 2 + test_query_encode(&q, query + 2, sizeof(query) - 2);
	query[0] = 0;
	query[1] = (uint8_t)(f->query_len - 2);
	req.packet = query + 2;
	req.len = f->query_len - 2;
	f->answer_len = 2 + answer(f->store.current, &req, reply, sizeof(reply)).len;
	cr_assert_gt(f->answer_len, 40);
	f->queries = xmalloc(QUERIES * f->query_len);
	for (size_t i = 0; i < QUERIES; i++)
		memcpy(f->queries + i * f->query_len, query, f->query_len);
}

static void fixture_end(struct fixture *f)
{
	tcp_connections_end(f->worker);
	ev_loop_destroy(f->worker->loop);
	gate_free(f->worker->gate);
	free(f->worker);
	free(f->queries);
	store_fini(&f->store);
	catalog_free(f->catalog);
	rcu_unregister_thread();
}

/* Says so many queries. Its memory stays the caller's. */
static void connect_client(struct fixture *f, struct client *c, size_t queries, bool *freed)
{
	const struct addr addr = addr_from_ipv4(0x0a000001);
	unsigned idle_ms;

	cr_assert(gate_enter(f->worker->gate, &addr, &idle_ms));
	c->transport.ops = &client_ops;
	c->fd = eventfd(1, 0);
	c->says = f->queries;
	c->says_len = queries * f->query_len;
	c->step = c->step ? c->step : SIZE_MAX;
	c->freed = freed;
	*freed = false;
	tcp_connection_new(f->worker, COUNTERS_PLAIN, &c->transport, c->fd, &addr, idle_ms);
}

static void run(const struct fixture *f, unsigned rounds)
{
	while (rounds-- > 0)
		ev_run(f->worker->loop, EVRUN_NOWAIT);
}

Test(tcp_connection, turns)
{
	struct client pipeliner = { .room = SIZE_MAX }, polite = { .room = SIZE_MAX };
	struct fixture f;
	bool freed[2];
	size_t most = 0, before = 0;

	fixture_begin(&f);
	connect_client(&f, &pipeliner, QUERIES, &freed[0]);
	run(&f, 3);
	cr_expect_gt(pipeliner.got, 0);
	connect_client(&f, &polite, 1, &freed[1]);
	before = pipeliner.got;
	run(&f, 2);
	cr_expect_eq(polite.got, f.answer_len, "two rounds: it has been heard, and answered");
	cr_expect_leq(pipeliner.got - before, 2 * 2 * 8 * f.answer_len);
	for (unsigned i = 0; i < QUERIES && pipeliner.got < QUERIES * f.answer_len; i++) {
		before = pipeliner.got;
		run(&f, 1);
		most = pipeliner.got - before > most ? pipeliner.got - before : most;
	}
	cr_expect_eq(pipeliner.got, QUERIES * f.answer_len);
	cr_expect_leq(most, 2 * 8 * f.answer_len, "a turn of its own and one for the socket");
	fixture_end(&f);
	cr_expect(freed[0] && freed[1]);
}

Test(tcp_connection, who_does_not_read_is_not_read_from)
{
	struct client c = { .room = 0 };
	struct fixture f;
	unsigned receives;
	bool freed;
	size_t at;

	fixture_begin(&f);
	connect_client(&f, &c, QUERIES, &freed);
	for (unsigned i = 0; i < QUERIES; i++)
		run(&f, 1);
	receives = c.receives;
	at = c.at;
	run(&f, 20);
	cr_expect_eq(c.receives, receives);
	cr_expect_lt(c.at, QUERIES * f.query_len);
	cr_expect_gt(c.at / f.query_len * f.answer_len, 65537);
	cr_expect_lt(c.at / f.query_len * f.answer_len, 4 * 65537);
	c.room = 40000;
	for (unsigned i = 0; i < QUERIES; i++)
		run(&f, 1);
	cr_expect_gt(c.at, at, "what it has read makes room for more");
	c.room = SIZE_MAX;
	for (unsigned i = 0; i < QUERIES; i++)
		run(&f, 1);
	cr_expect_eq(c.got, QUERIES * f.answer_len);
	fixture_end(&f);
}

Test(tcp_connection, octet_by_octet_both_ways)
{
	struct client c = { .step = 1, .room = 0, .half_closed = true };
	struct fixture f;
	bool freed;

	fixture_begin(&f);
	connect_client(&f, &c, 3, &freed);
	for (size_t i = 0; i < 10 * f.answer_len && !freed; i++) {
		c.room++;
		run(&f, 1);
	}
	cr_expect_eq(c.got, 3 * f.answer_len);
	cr_expect(freed, "it has ended by itself");
	cr_expect_eq(c.ends, 2, "said good-bye, when there was room for that");
	fixture_end(&f);
}

Test(tcp_connection, opening_may_want_to_write)
{
	struct client c = { .room = SIZE_MAX, .opening = true, .half_closed = true };
	struct fixture f;
	bool freed;

	fixture_begin(&f);
	connect_client(&f, &c, 2, &freed);
	cr_expect_eq(f.worker->counters.opened[COUNTERS_PLAIN], 1);
	for (unsigned i = 0; i < 10 && !freed; i++)
		run(&f, 1);
	cr_expect_eq(c.got, 2 * f.answer_len);
	cr_expect(freed);
	cr_expect_eq(f.worker->counters.handshakes[COUNTERS_HANDSHAKE_FAILED], 0);
	fixture_end(&f);
}

Test(tcp_connection, counted)
{
	struct client c[2] = { { .room = SIZE_MAX, .half_closed = true }, { .opening = true } };
	struct fixture f;
	bool freed[2];
	struct counters sum = { 0 };

	fixture_begin(&f);
	connect_client(&f, &c[0], 2, &freed[0]);
	for (unsigned i = 0; i < 10 && !freed[0]; i++)
		run(&f, 1);
	connect_client(&f, &c[1], 1, &freed[1]);
	counters_sum(&sum, &f.worker->counters);
	cr_expect_eq(sum.opened[COUNTERS_PLAIN], 2);
	cr_expect_eq(sum.closed[COUNTERS_PLAIN], 1);
	cr_expect_eq(sum.queries[COUNTERS_TCP4], 2);
	cr_expect_eq(sum.handshakes[COUNTERS_HANDSHAKE_FAILED], 0);
	tcp_connections_end(f.worker);
	cr_expect_eq(f.worker->counters.closed[COUNTERS_PLAIN], 2);
	cr_expect_eq(f.worker->counters.handshakes[COUNTERS_HANDSHAKE_FAILED], 1);
	fixture_end(&f);
}
