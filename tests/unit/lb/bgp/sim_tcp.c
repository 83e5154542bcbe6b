/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_tcp.h"

#include <string.h>

#include "lib/alloc.h"

#define RTO_DATA    (200 * NS_PER_MS)
#define RTO_SYN	    NS_PER_S
#define RTO_MAX	    (4 * NS_PER_S)
#define ORPHAN	    (60 * NS_PER_S) /* how long a closed end is retried for */
#define SEGMENT_MAX 1460

enum kind { SYN, SYN_ACK, DATA, FIN };

struct segment {
	struct segment *next;
	enum kind kind;
	size_t len;
	uint8_t bytes[];
};

/* What is on its way to one host; the first of it arrives, or is lost again, at that instant. */
struct way {
	struct segment *head, **end;
	struct instant at;
	int64_t rto;
	size_t queued;
};

struct conn {
	struct conn *next;
	int number;
	struct way to[2];
	bool known[2]; /* to the host's kernel */
	bool open[2];  /* to its program */
	struct instant gone_at;
};

struct sim_tcp {
	struct sim_tcp_app app;
	struct sim_link link;
	struct conn *conns;
	int next_number;
	uint64_t random;
	struct instant now;
	unsigned rejected;
};

uint32_t sim_tcp_random(struct sim_tcp *tcp, uint32_t limit)
{
	tcp->random = tcp->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((tcp->random >> 33) % limit);
}

struct sim_tcp *sim_tcp_new(const struct sim_tcp_app *app, uint64_t seed)
{
	struct sim_tcp *tcp = x_new(struct sim_tcp);

	tcp->app = *app;
	tcp->random = seed * 0x9e3779b97f4a7c15U;
	tcp->link.delay_min = tcp->link.delay_max = NS_PER_MS;
	return tcp;
}

static void clear(struct way *way)
{
	while (way->head) {
		struct segment *segment = way->head;

		way->head = segment->next;
		free(segment);
	}
	*way = (struct way){ .end = &way->head, .at = INSTANT_NEVER, .rto = RTO_DATA };
}

static void free_conn(struct conn *conn)
{
	clear(&conn->to[0]);
	clear(&conn->to[1]);
	free(conn);
}

void sim_tcp_free(struct sim_tcp *tcp)
{
	while (tcp->conns) {
		struct conn *conn = tcp->conns;

		tcp->conns = conn->next;
		free_conn(conn);
	}
	free(tcp);
}

struct sim_link *sim_tcp_link(struct sim_tcp *tcp)
{
	return &tcp->link;
}

unsigned sim_tcp_rejected(const struct sim_tcp *tcp)
{
	return tcp->rejected;
}

static struct conn *find(const struct sim_tcp *tcp, int number)
{
	struct conn *conn = tcp->conns;

	while (conn && conn->number != number)
		conn = conn->next;
	return conn;
}

static int64_t delay(struct sim_tcp *tcp)
{
	const struct sim_link *link = &tcp->link;
	uint32_t spread = (uint32_t)((link->delay_max - link->delay_min) / 1000);

	return link->delay_min + 1000 * (int64_t)sim_tcp_random(tcp, spread + 1);
}

static void post(struct sim_tcp *tcp, struct way *way, enum kind kind, const uint8_t *bytes,
		 size_t len)
{
	struct segment *segment = xcalloc(1, sizeof(*segment) + len);

	segment->kind = kind;
	segment->len = len;
	if (len > 0)
		memcpy(segment->bytes, bytes, len);
	if (!way->head) {
		way->at = instant_after_ns(tcp->now, delay(tcp));
		way->rto = kind == SYN ? RTO_SYN : RTO_DATA;
	}
	*way->end = segment;
	way->end = &segment->next;
	way->queued += len;
}

void sim_tcp_set_now(struct sim_tcp *tcp, struct instant now)
{
	tcp->now = now;
}

int sim_tcp_dial(struct sim_tcp *tcp, int host)
{
	struct conn *conn = x_new(struct conn);

	clear(&conn->to[0]);
	clear(&conn->to[1]);
	conn->number = tcp->next_number++;
	conn->known[host] = conn->open[host] = true;
	conn->gone_at = INSTANT_NEVER;
	conn->next = tcp->conns;
	tcp->conns = conn;
	post(tcp, &conn->to[!host], SYN, NULL, 0);
	return conn->number;
}

/* Cut anywhere, as TCP does. */
void sim_tcp_send(struct sim_tcp *tcp, int host, int number, const uint8_t *bytes, size_t len)
{
	struct conn *conn = find(tcp, number);

	while (conn && conn->open[host] && len > 0) {
		size_t n = len < SEGMENT_MAX ? len : SEGMENT_MAX;

		if (sim_tcp_random(tcp, 4) == 0)
			n = 1 + sim_tcp_random(tcp, (uint32_t)n);
		post(tcp, &conn->to[!host], DATA, bytes, n);
		bytes += n;
		len -= n;
	}
}

size_t sim_tcp_queued(const struct sim_tcp *tcp, int host, int number)
{
	const struct conn *conn = find(tcp, number);

	return conn ? conn->to[!host].queued : 0;
}

void sim_tcp_close(struct sim_tcp *tcp, int host, int number)
{
	struct conn *conn = find(tcp, number);

	if (!conn || !conn->open[host])
		return;
	conn->open[host] = false;
	if (!conn->open[!host])
		conn->gone_at = instant_after_ns(tcp->now, ORPHAN);
	if (!conn->known[host])
		return;
	if (conn->to[!host].head && conn->to[!host].head->kind == SYN) {
		conn->known[host] = false; /* nobody has heard of it */
		clear(&conn->to[!host]);
	} else {
		post(tcp, &conn->to[!host], FIN, NULL, 0);
	}
}

/* This end is no more; its program, if it has one, is told. */
static void lose(struct sim_tcp *tcp, struct conn *conn, int host)
{
	conn->known[host] = false;
	clear(&conn->to[!host]);
	if (conn->open[host])
		tcp->app.on_down(tcp->app.ctx, host, conn->number);
}

bool sim_tcp_reset_any(struct sim_tcp *tcp, int host)
{
	for (struct conn *conn = tcp->conns; conn; conn = conn->next) {
		if (!conn->open[host] || !conn->known[host])
			continue;
		lose(tcp, conn, host);
		return true;
	}
	return false;
}

void sim_tcp_crash(struct sim_tcp *tcp, int host)
{
	for (struct conn *conn = tcp->conns; conn; conn = conn->next) {
		conn->open[host] = conn->known[host] = false;
		clear(&conn->to[!host]);
	}
}

static void sweep(struct sim_tcp *tcp)
{
	struct conn **link = &tcp->conns;

	while (*link) {
		struct conn *conn = *link;
		bool idle = !conn->to[0].head && !conn->to[1].head;

		if (conn->open[0] || conn->open[1] ||
		    (!idle && !instant_reached(conn->gone_at, tcp->now))) {
			link = &conn->next;
			continue;
		}
		*link = conn->next;
		free_conn(conn);
	}
}

static bool arrives(struct sim_tcp *tcp, int host)
{
	const struct sim_link *link = &tcp->link;

	return instant_reached(link->cut[host], tcp->now) &&
	       instant_reached(link->dead[host], tcp->now) &&
	       sim_tcp_random(tcp, 1000) >= link->loss;
}

static void retransmit(struct sim_tcp *tcp, struct way *way)
{
	way->at = instant_after_ns(tcp->now, way->rto);
	way->rto = 2 * way->rto < RTO_MAX ? 2 * way->rto : RTO_MAX;
}

static struct segment *pop(struct sim_tcp *tcp, struct way *way)
{
	struct segment *segment = way->head;

	way->head = segment->next;
	way->queued -= segment->len;
	way->rto = RTO_DATA;
	if (!way->head) {
		way->end = &way->head;
		way->at = INSTANT_NEVER;
	} else {
		way->at = instant_after_ns(tcp->now, delay(tcp) / 8); /* sent right behind it */
	}
	return segment;
}

static void hand_over(struct sim_tcp *tcp, struct conn *conn, int host,
		      const struct segment *segment)
{
	const struct sim_tcp_app *app = &tcp->app;

	switch (segment->kind) {
	case SYN:
		conn->known[host] = conn->open[host] = true;
		post(tcp, &conn->to[!host], SYN_ACK, NULL, 0);
		app->on_accept(app->ctx, host, conn->number);
		break;
	case SYN_ACK:
		if (conn->open[host])
			app->on_up(app->ctx, host, conn->number);
		break;
	case DATA:
		if (conn->open[host])
			app->on_data(app->ctx, host, conn->number, segment->bytes, segment->len);
		break;
	case FIN:
		if (conn->open[host])
			app->on_down(app->ctx, host, conn->number);
		break;
	}
}

static void take(struct sim_tcp *tcp, struct conn *conn, int host)
{
	struct way *way = &conn->to[host];
	struct segment *segment;

	if (!instant_reached(tcp->link.frozen[host], tcp->now)) {
		way->at = tcp->link.frozen[host];
		return;
	}
	if (!arrives(tcp, host)) {
		retransmit(tcp, way);
		return;
	}
	if (way->head->kind != SYN && !conn->known[host]) {
		if (arrives(tcp, !host)) { /* the reset */
			tcp->rejected++;
			lose(tcp, conn, !host);
		} else {
			retransmit(tcp, way);
		}
		return;
	}
	segment = pop(tcp, way);
	hand_over(tcp, conn, host, segment);
	free(segment);
	if (conn->open[!host])
		tcp->app.on_room(tcp->app.ctx, !host, conn->number);
}

struct instant sim_tcp_deadline(const struct sim_tcp *tcp)
{
	struct instant t = INSTANT_NEVER;

	for (const struct conn *conn = tcp->conns; conn; conn = conn->next)
		t = instant_min(t, instant_min(conn->to[0].at, conn->to[1].at));
	return t;
}

void sim_tcp_step(struct sim_tcp *tcp)
{
	for (struct conn *conn = tcp->conns; conn; conn = conn->next) {
		for (int host = 0; host < 2; host++) {
			if (!instant_reached(conn->to[host].at, tcp->now))
				continue;
			take(tcp, conn, host);
			sweep(tcp);
			return;
		}
	}
}
