/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/reset.h"

#include <stdbool.h>
#include <string.h>

#include "lb/flow/key.h"
#include "lib/wire.h"

#define HOP_LIMIT 64

struct segment {
	const uint8_t *from, *to;
	size_t addr_size;
	uint16_t from_port, to_port;
	uint32_t seq, ack, len; /* len: SEG.LEN, with SYN and FIN */
	uint8_t flags;
};

/* False: it is none that could be answered. */
static bool segment_read(struct segment *s, const uint8_t *packet, size_t len)
{
	struct flow_packet flow;
	struct wire_reader r;
	size_t addrs, header;

	if (flow_packet_read(&flow, packet, len) != FLOW_FOUND || flow.key.proto != FLOW_TCP ||
	    flow.is_error || flow.has_more)
		return false;
	s->addr_size = flow.family == 4 ? 4 : 16;
	addrs = flow.family == 4 ? 12 : 8;
	s->from = packet + addrs;
	s->to = s->from + s->addr_size;
	r = wire_reader(packet + flow.l4_at, flow.length - flow.l4_at);
	s->from_port = wire_get_u16(&r);
	s->to_port = wire_get_u16(&r);
	s->seq = wire_get_u32(&r);
	s->ack = wire_get_u32(&r);
	header = (size_t)(wire_get_u8(&r) >> 4) * 4;
	s->flags = wire_get_u8(&r);
	s->len = (uint32_t)(flow.length - flow.l4_at - header) + !!(s->flags & FLOW_TCP_SYN) +
		 !!(s->flags & FLOW_TCP_FIN);
	return true;
}

static bool is_one_host(const uint8_t *addr, size_t size)
{
	static const uint8_t zero[16];

	if (size == 4)
		return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
	return addr[0] != 0xff && memcmp(addr, zero, 15) != 0;
}

/* RFC 1071. */
static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t sum_end(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void ip_encode(struct wire_writer *w, const struct segment *s)
{
	if (s->addr_size == 4) {
		wire_put_u16(w, 0x4500);
		wire_put_u16(w, FLOW_IPV4_SIZE + FLOW_TCP_SIZE);
		wire_put_u32(w, 0x4000); /* never in fragments, so it needs no name */
		wire_put_u8(w, HOP_LIMIT);
		wire_put_u8(w, FLOW_TCP);
		wire_put_u16(w, 0);
	} else {
		wire_put_u32(w, 0x60000000);
		wire_put_u16(w, FLOW_TCP_SIZE);
		wire_put_u8(w, FLOW_TCP);
		wire_put_u8(w, HOP_LIMIT);
	}
	wire_put_bytes(w, s->to, s->addr_size);
	wire_put_bytes(w, s->from, s->addr_size);
	if (s->addr_size == 4)
		wire_patch_u16(w, 10, sum_end(sum_add(0, w->start, FLOW_IPV4_SIZE)));
}

static void tcp_encode(struct wire_writer *w, const struct segment *s)
{
	const size_t start = wire_offset(w), addrs = 2 * s->addr_size;
	uint32_t sum;

	wire_put_u16(w, s->to_port);
	wire_put_u16(w, s->from_port);
	wire_put_u32(w, s->flags & FLOW_TCP_ACK ? s->ack : 0);
	wire_put_u32(w, s->flags & FLOW_TCP_ACK ? 0 : s->seq + s->len);
	wire_put_u8(w, FLOW_TCP_SIZE / 4 << 4);
	wire_put_u8(w, s->flags & FLOW_TCP_ACK ? FLOW_TCP_RST : FLOW_TCP_RST | FLOW_TCP_ACK);
	wire_put_u16(w, 0);
	wire_put_u32(w, 0);
	sum = sum_add(FLOW_TCP + FLOW_TCP_SIZE, w->start + start - addrs, addrs + FLOW_TCP_SIZE);
	wire_patch_u16(w, start + 16, sum_end(sum));
}

size_t reset_packet_build(uint8_t out[RESET_SIZE_MAX], const uint8_t *packet, size_t len)
{
	struct wire_writer w = wire_writer(out, RESET_SIZE_MAX);
	struct segment s;

	if (!segment_read(&s, packet, len) || s.flags & FLOW_TCP_RST ||
	    !is_one_host(s.from, s.addr_size) || memcmp(s.from, s.to, s.addr_size) == 0)
		return 0;
	ip_encode(&w, &s);
	tcp_encode(&w, &s);
	return wire_written(&w);
}
