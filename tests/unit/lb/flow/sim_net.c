/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_net.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint32_t sim_anycast_dice(struct sim *w, uint32_t limit)
{
	w->random += 0x9e3779b97f4a7c15;
	uint64_t z = w->random;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) >> 32) % limit;
}

bool sim_net_is_lost(struct sim *w, unsigned permille)
{
	return sim_anycast_dice(w, 1000) < permille;
}

void sim_net_fault(struct sim *w, const char *fmt, ...)
{
	va_list args;

	if (w->fault[0])
		return;
	va_start(args, fmt);
	vsnprintf(w->fault, sizeof(w->fault), fmt, args);
	va_end(args);
}

void sim_net_trace(const struct sim *w, const char *fmt, ...)
{
	va_list args;

	if (!w->is_traced)
		return;
	va_start(args, fmt);
	fprintf(stderr, "%10.3f ", (double)w->now.ns / 1e6);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

/* The queue. */

static bool is_before(const struct sim_due *a, const struct sim_due *b)
{
	return a->due.ns != b->due.ns ? a->due.ns < b->due.ns : a->order < b->order;
}

static void heap_swap(struct sim *w, unsigned a, unsigned b)
{
	struct sim_due t = w->heap[a];

	w->heap[a] = w->heap[b];
	w->heap[b] = t;
}

/* To be filled by the caller. */
struct sim_event *sim_net_post(struct sim *w, enum sim_event_type type, int64_t after_ns)
{
	unsigned i;

	if (w->queued == SIM_EVENTS) {
		sim_net_fault(w, "a storm of messages");
		w->queued--;
	}
	i = w->queued;
	w->heap[i] = (struct sim_due){ instant_after_ns(w->now, after_ns), w->order++, w->free[i] };
	w->queued++;
	for (; i > 0 && is_before(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(w, i, (i - 1) / 2);
	i = w->free[w->queued - 1];
	w->events[i].type = type;
	w->events[i].flag = false;
	return &w->events[i];
}

struct sim_event sim_net_next(struct sim *w)
{
	const unsigned place = w->heap[0].place;

	w->queued--;
	w->free[w->queued] = place;
	w->heap[0] = w->heap[w->queued];
	for (unsigned i = 0;;) {
		unsigned least = i;

		for (unsigned child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < w->queued && is_before(&w->heap[child], &w->heap[least]))
				least = child;
		if (least == i)
			break;
		heap_swap(w, i, least);
		i = least;
	}
	return w->events[place];
}

/* Packets. */

struct flow_key sim_net_key(unsigned user)
{
	struct flow_key key = { .client_port = htons((uint16_t)(40000 + user)),
				.vip_port = htons(443),
				.proto = FLOW_TCP };

	flow_addr_map(key.client, htonl(0x0a000001 + (user << 8)));
	flow_addr_map(key.vip, htonl(0xc6336407));
	return key;
}

unsigned sim_net_user(const struct flow_key *key)
{
	return ntohs(key->client_port) - 40000U;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

uint32_t sim_net_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

void sim_net_packet_write(uint8_t *p, const struct sim_packet *packet)
{
	const struct flow_key key = sim_net_key(packet->user);

	memset(p, 0, PACKET_SIZE);
	p[0] = 0x45;
	p[3] = PACKET_SIZE;
	p[8] = 64;
	p[9] = FLOW_TCP;
	memcpy(p + 12, key.client + 12, 4);
	memcpy(p + 16, key.vip + 12, 4);
	memcpy(p + 20, &key.client_port, 2);
	memcpy(p + 22, &key.vip_port, 2);
	put32(p + 24, packet->seq);
	put32(p + 28, packet->ack);
	p[32] = 0x50;
	p[33] = packet->flags;
	p[34] = packet->hops; /* where the window is */
	put32(p + 40, packet->connection);
	put32(p + 44, packet->serial);
	put32(p + 48, packet->arrival);
}

struct sim_packet sim_net_packet_read(const uint8_t *p)
{
	struct flow_packet flow;

	if (flow_packet_read(&flow, p, PACKET_SIZE) != FLOW_FOUND)
		assert(!"a packet as it was sent");
	return (struct sim_packet){
		.user = sim_net_user(&flow.key),
		.flags = p[33],
		.hops = p[34],
		.seq = sim_net_get32(p + 24),
		.ack = sim_net_get32(p + 28),
		.connection = sim_net_get32(p + 40),
		.serial = sim_net_get32(p + 44),
		.arrival = sim_net_get32(p + 48),
	};
}
