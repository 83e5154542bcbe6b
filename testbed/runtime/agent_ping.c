/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_ping.c - measuring wires from inside: ICMP echo to the far ends.
 *
 *	{"type":"measure", "count":5, "targets":[{"link":7, "addr":"10.1.128.1"}]}
 *	{"type":"measured", "rows":[[7, least_rtt_ns, received], ...]}
 */
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/wire.h"
#include "testbed/runtime/agent_parts.h"

#define SPACING_S  0.02 /* between two echoes to the same end */
#define PATIENCE_S 1.5	/* after the last one */

struct target {
	json_int_t link;
	struct addr addr;
	int64_t least_ns;
	unsigned received;
};

struct agent_ping {
	struct agent *agent;
	struct target *targets;
	size_t count;
	unsigned rounds, sent; /* rounds sent so far */
	size_t answers;
	ev_io readable;
	ev_timer timer;
};

/* Identifier, sequence and the instant of sending are what comes back. */
#define ECHO_SIZE 16
#define ECHO_ID	  0xca7c

static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void echo_encode(uint8_t buf[ECHO_SIZE], uint16_t sequence, struct instant sent)
{
	struct wire_writer w = wire_writer(buf, ECHO_SIZE);

	wire_put_u8(&w, ICMP_ECHO);
	wire_put_u8(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, ECHO_ID);
	wire_put_u16(&w, sequence);
	wire_put_u64(&w, (uint64_t)sent.ns);
	wire_patch_u16(&w, 2, checksum(buf, ECHO_SIZE));
}

/* False when it is not a reply to one of ours. */
static bool echo_decode(const uint8_t *buf, size_t len, uint16_t *sequence, struct instant *sent)
{
	struct wire_reader r = wire_reader(buf, len);
	uint8_t type = wire_get_u8(&r);
	uint16_t id;

	wire_get_bytes(&r, 3);
	id = wire_get_u16(&r);
	*sequence = wire_get_u16(&r);
	sent->ns = (int64_t)wire_get_u64(&r);
	return !r.failed && type == ICMP_ECHOREPLY && id == ECHO_ID;
}

static void finish(struct agent_ping *p)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(rows, json_pack("[I, I, i]", p->targets[i].link,
						      (json_int_t)p->targets[i].least_ns,
						      (int)p->targets[i].received));
	control_send(p->agent->control, json_pack("{s:s, s:o}", "type", "measured", "rows", rows),
		     -1);
	ev_io_stop(p->agent->loop, &p->readable);
	ev_timer_stop(p->agent->loop, &p->timer);
	close(p->readable.fd);
	p->agent->ping = NULL;
	free(p->targets);
	free(p);
}

static void round_send(struct agent_ping *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct endpoint ep = { .addr = p->targets[i].addr };
		uint8_t echo[ECHO_SIZE];
		struct sockaddr_storage to;
		socklen_t len = endpoint_to_sockaddr(&ep, &to);

		echo_encode(echo, (uint16_t)i, clock_now());
		/* One lost is one fewer received, which the row says. */
		if (sendto(p->readable.fd, echo, sizeof(echo), 0, (struct sockaddr *)&to, len) < 0)
			continue;
	}
	p->sent++;
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct agent_ping *p = w->data;

	(void)revents;
	if (p->sent >= p->rounds) {
		finish(p);
		return;
	}
	round_send(p);
	ev_timer_set(w, p->sent < p->rounds ? SPACING_S : PATIENCE_S, 0);
	ev_timer_start(loop, w);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct agent_ping *p = w->data;
	uint8_t buf[256];
	ssize_t n;

	(void)loop;
	(void)revents;
	while ((n = recv(w->fd, buf, sizeof(buf), 0)) > 0) {
		size_t head = (size_t)(buf[0] & 0xf) * 4;
		struct instant now = clock_now(), sent;
		struct target *t;
		uint16_t sequence;

		if ((size_t)n < head ||
		    !echo_decode(buf + head, (size_t)n - head, &sequence, &sent) ||
		    sequence >= p->count)
			continue;
		t = &p->targets[sequence];
		if (t->received++ == 0 || now.ns - sent.ns < t->least_ns)
			t->least_ns = now.ns - sent.ns;
		p->answers++;
	}
	if (p->answers >= p->count * p->rounds)
		finish(p);
}

void agent_ping_start(struct agent *agent, const json_t *request)
{
	const json_t *targets = json_object_get(request, "targets"), *item;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	struct agent_ping *p;
	size_t i;

	if (fd < 0) {
		agent_fail(agent, xasprintf("cannot measure its wires: %s", strerror(errno)));
		return;
	}
	p = x_new(struct agent_ping);
	p->agent = agent;
	p->rounds = (unsigned)json_integer_value(json_object_get(request, "count"));
	p->targets = xcalloc(json_array_size(targets), sizeof(*p->targets));
	json_array_foreach (targets, i, item) {
		struct target *t = &p->targets[p->count];

		t->link = json_integer_value(json_object_get(item, "link"));
		if (addr_parse(&t->addr, json_string_value(json_object_get(item, "addr"))))
			p->count++;
	}
	agent->ping = p;
	ev_io_init(&p->readable, on_readable, fd, EV_READ);
	ev_timer_init(&p->timer, on_timer, 0, 0);
	p->readable.data = p->timer.data = p;
	ev_io_start(agent->loop, &p->readable);
	ev_timer_start(agent->loop, &p->timer);
}
