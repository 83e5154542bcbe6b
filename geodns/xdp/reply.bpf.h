/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply.bpf.h - for answer.bpf.c: the reply over the query, in a packet that is as long.
 *
 * The UDP checksum is a sum of what is in registers anyway: the words of the name, which have been
 * read for the look-up, and those that are written. What stands behind a name of odd length is at
 * odd offsets: its sum is taken as if it were not, and its octets exchanged (RFC 1071, 2 (B)).
 */
#ifndef GEODNS_XDP_REPLY_BPF_H
#define GEODNS_XDP_REPLY_BPF_H

#include "geodns/xdp/maps.bpf.h"

/* Each writes at an address in the packet if there is room, adds to the sum, and says if not. */

static __always_inline int put64(uint8_t *at, const void *end, uint64_t word, uint64_t *sum)
{
	if ((const void *)(at + 8) > end)
		return -1;
	*(uint64_t *)at = word;
	*sum += halves(word);
	return 0;
}

static __always_inline int put32(uint8_t *at, const void *end, uint32_t word, uint64_t *sum)
{
	if ((const void *)(at + 4) > end)
		return -1;
	*(uint32_t *)at = word;
	*sum += word;
	return 0;
}

/* Owner (the question's name), type, class, TTL, length, data. */
static __always_inline int record_put(uint8_t *at, const void *end, uint32_t is_a, uint32_t index,
				      uint32_t ttl, uint64_t *sum)
{
	const uint32_t *a = chunk32_at(&addrs4, index);
	const struct xdp_addr6 *aaaa = is_a ? 0 : map_at(&addrs6, index);
	const uint8_t type = is_a ? TYPE_A : TYPE_AAAA;
	uint64_t fixed =
		0x0cc0 | (uint64_t)type << 24 | 1ULL << 40 | (uint64_t)(ttl & 0xffff) << 48;

	if (put64(at, end, fixed, sum))
		return -1;
	if (is_a)
		return a ? put64(at + 8, end, ttl >> 16 | 4U << 24 | (uint64_t)*a << 32, sum) : -1;
	if (!aaaa || put32(at + 8, end, ttl >> 16 | 16U << 24, sum))
		return -1;
	return put64(at + 12, end, aaaa->words[0], sum) || put64(at + 20, end, aaaa->words[1], sum);
}

/* The option begins at an odd offset behind OPT's beginning: sum is of that kind. */
static __always_inline int ecs_put(uint8_t *at, const void *end, const struct query *q,
				   uint32_t scope, uint64_t *sum)
{
	const uint32_t len = q->addr_len;
	uint64_t front = 8ULL << 48 | (uint64_t)(4 + len) << 32 | q->ecs_family << 16 |
			 q->source << 8 | scope;
	uint64_t last, none = 0;

	if (put64(at, end, bpf_cpu_to_be64(front), sum))
		return -1;
	*sum += halves(bpf_cpu_to_be64(q->hi)) + halves(bpf_cpu_to_be64(q->lo));
	if (len == 0)
		return 0;
	if (len > 8) {
		if (put64(at + 8, end, bpf_cpu_to_be64(q->hi), &none))
			return -1;
		last = len == 16 ? q->lo
				 : q->hi << (8 * (len - 8) & 63) | q->lo >> (8 * (16 - len) & 63);
	} else {
		last = len == 8 ? q->hi : front << (8 * len & 63) | q->hi >> (8 * (8 - len) & 63);
	}
	return put64(at + BOUNDED(len, 31), end, bpf_cpu_to_be64(last), &none);
}

static __always_inline int opt_put(uint8_t *at, const void *end, const struct query *q,
				   uint32_t scope, uint64_t *sum)
{
	uint32_t rdlen = q->has_ecs ? ECS_SIZE + q->addr_len : 0;
	uint64_t ecs_sum = 0;

	/* Root, type 41, size 1232, rcode 0, version 0, flags. */
	if (put64(at, end, 41 << 16 | 0xd004000000ULL | (uint64_t)q->edns_flags << 56, sum))
		return -1;
	if ((const void *)(at + OPT_SIZE) > end)
		return -1;
	at[8] = 0;
	at[9] = 0;
	at[10] = rdlen;
	*sum += rdlen;
	if (!q->has_ecs)
		return 0;
	if (ecs_put(at + OPT_SIZE, end, q, scope, &ecs_sum))
		return -1;
	*sum += fold_odd(ecs_sum);
	return 0;
}

/* Header and what follows the question. Returns its sum with the question's; 0: there is no room.
 */
__noinline uint64_t message_put(struct xdp_md *ctx, const struct query *q,
				const struct reply *reply)
{
	const void *end = (void *)(long)ctx->data_end;
	uint64_t sum, tail;
	uint32_t ttl, name_len;
	uint8_t *dns, *at;

	if (!q || !reply || q->at > MESSAGE_AT_MAX)
		return 0;
	name_len = q->name_len;
	if (name_len > XDP_NAME_MAX)
		return 0;
	dns = (uint8_t *)(long)ctx->data + BOUNDED(q->at, 127);
	at = dns + DNS_SIZE + BOUNDED(name_len, 127) + 4;
	if ((const void *)(dns + DNS_SIZE) > end)
		return 0;
	dns[2] = FLAG_QR | reply->flags | (dns[2] & FLAG_RD);
	dns[3] = 0;
	sum = q->name_sum + *(uint32_t *)dns;
	if (put64(dns + 4, end, 1 << 8 | reply->count << 24 | (uint64_t)q->has_edns << 56, &sum))
		return 0;
	tail = q->type_class;
	ttl = bpf_htonl(reply->ttl);
	for (uint32_t i = 0; i < XDP_RECORDS_MAX && i < reply->count; i++) {
		if (record_put(at, end, q->is_a, reply->records[i], ttl, &tail))
			return 0;
		at += q->is_a ? 16 : 28;
	}
	if (q->has_edns && opt_put(at, end, q, reply->scope, &tail))
		return 0;
	return sum + (name_len & 1 ? fold_odd(tail) : fold(tail));
}

static __always_inline void macs_swap(uint8_t *eth)
{
	uint32_t to = *(uint32_t *)eth, from = *(uint32_t *)(eth + 6);
	uint16_t to_end = *(uint16_t *)(eth + 4), from_end = *(uint16_t *)(eth + 10);

	*(uint32_t *)eth = from;
	*(uint16_t *)(eth + 4) = from_end;
	*(uint32_t *)(eth + 6) = to;
	*(uint16_t *)(eth + 10) = to_end;
}

/* Returns the sum of the addresses, which UDP's covers too. */
static __always_inline uint64_t ipv4_turn(uint8_t *ip, uint32_t length)
{
	uint32_t from = *(uint32_t *)(ip + 12), to = *(uint32_t *)(ip + 16);
	uint64_t addrs = (uint64_t)from + to;
	uint32_t first = 0x45 | (uint32_t)bpf_htons(length) << 16;
	/* Not to be fragmented, so that it needs no identification (RFC 6864). */
	uint32_t second = bpf_htonl(0x4000), third = 64 | 17 << 8;

	third |= (~fold(addrs + first + second + third) & 0xffff) << 16;
	*(uint32_t *)ip = first;
	*(uint32_t *)(ip + 4) = second;
	*(uint32_t *)(ip + 8) = third;
	*(uint32_t *)(ip + 12) = to;
	*(uint32_t *)(ip + 16) = from;
	return addrs;
}

static __always_inline uint64_t ipv6_turn(uint8_t *ip, uint32_t length)
{
	uint64_t from[2] = { *(uint64_t *)(ip + 8), *(uint64_t *)(ip + 16) };
	uint64_t to[2] = { *(uint64_t *)(ip + 24), *(uint64_t *)(ip + 32) };

	*(uint32_t *)ip = 0x60;
	*(uint32_t *)(ip + 4) = bpf_htons(length) | 17 << 16 | 64U << 24;
	*(uint64_t *)(ip + 8) = to[0];
	*(uint64_t *)(ip + 16) = to[1];
	*(uint64_t *)(ip + 24) = from[0];
	*(uint64_t *)(ip + 32) = from[1];
	return halves(from[0]) + halves(from[1]) + halves(to[0]) + halves(to[1]);
}

static __always_inline void udp_turn(uint8_t *udp, uint32_t length, uint64_t sum)
{
	uint32_t ports = *(uint32_t *)udp;
	uint32_t check;

	sum += ports + (uint64_t)bpf_htons(length) * 2 + bpf_htons(17);
	check = ~fold(sum) & 0xffff;
	*(uint32_t *)udp = ports << 16 | ports >> 16;
	*(uint16_t *)(udp + 4) = bpf_htons(length);
	*(uint16_t *)(udp + 6) = check ? check : 0xffff;
}

#endif
