/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answer.bpf.c - answers A and AAAA of geographic names where the packet comes in.
 *
 * What answer() would answer, octet for octet, written over the query and sent back by the
 * same interface (XDP_TX); a query that is in any way unusual goes up unchanged (XDP_PASS), and
 * answer() does answer it. So nothing here makes an error reply.
 *
 * The query's UDP checksum is left to the interface: behind a veth it is not filled in. Words are
 * read and written where they are, aligned or not: XDP runs on machines that can.
 */
#include "geodns/xdp/choice.bpf.h"
#include "geodns/xdp/limit.bpf.h"
#include "geodns/xdp/maps.bpf.h"
#include "geodns/xdp/query.bpf.h"
#include "geodns/xdp/reply.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct xdp_counts *counts_mine(void)
{
	return map_at(&counts, bpf_get_smp_processor_id());
}

static __always_inline void tally_add(uint32_t target)
{
	uint32_t at = bpf_get_smp_processor_id() * settings.target_count + target;
	struct xdp_chunk64 *chunk = map_at(&tally, at / 8);

	if (chunk)
		chunk->at[at % 8]++;
}

static __always_inline int up(enum xdp_reason why)
{
	struct xdp_counts *mine = counts_mine();

	if (mine)
		mine->up[why]++;
	return XDP_PASS;
}

/* The packet is as long as its reply is going to be. */
static __always_inline int reply_write(struct xdp_md *ctx, const struct query *q,
				       const struct reply *reply, uint32_t len)
{
	uint64_t sum = message_put(ctx, q, reply);
	uint8_t *data = (uint8_t *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	struct xdp_counts *mine = counts_mine();
	uint8_t *ip = data + ETH_SIZE, *udp;

	if (sum == 0 || !mine || (const void *)(ip + IPV6_SIZE + UDP_SIZE) > end)
		return XDP_DROP;
	macs_swap(data);
	if (q->family == 4) {
		sum += ipv4_turn(ip, IPV4_SIZE + UDP_SIZE + len);
		udp = ip + IPV4_SIZE;
	} else {
		sum += ipv6_turn(ip, UDP_SIZE + len);
		udp = ip + IPV6_SIZE;
	}
	udp_turn(udp, UDP_SIZE + len, sum);
	mine->ecs += q->has_ecs;
	if (reply->count > 0) {
		mine->answered[q->family == 6]++;
		tally_add(reply->best);
	}
	return XDP_TX;
}

/* Header, question and OPT. Returns XDP_REASONS if it is an ordinary query, else what it is not. */
static __always_inline enum xdp_reason query_read(struct xdp_md *ctx, struct query *q)
{
	const uint8_t *dns = (const uint8_t *)(long)ctx->data + q->at;
	const void *end = (void *)(long)ctx->data_end;
	uint32_t read, additional;
	const uint8_t *question;

	if ((const void *)(dns + DNS_SIZE) > end)
		return XDP_UP_LENGTH;
	if (dns[2] & (FLAG_QR | OPCODE | FLAG_TC) ||
	    (*(const uint64_t *)(dns + 4) & ~(1ULL << 56)) != 1 << 8)
		return XDP_UP_HEADER;
	additional = dns[11];
	q->name_len = name_length(ctx, q->at + DNS_SIZE);
	if (q->name_len == 0 || q->name_len > XDP_NAME_MAX)
		return XDP_UP_NAME;
	question = dns + DNS_SIZE + BOUNDED(q->name_len, 127);
	if ((const void *)(question + 4) > end)
		return XDP_UP_LENGTH;
	q->type_class = *(const uint32_t *)question;
	q->is_a = q->type_class == bpf_htonl(TYPE_A << 16 | 1);
	if (!q->is_a && q->type_class != bpf_htonl(TYPE_AAAA << 16 | 1))
		return XDP_UP_TYPE;
	read = DNS_SIZE + q->name_len + 4;
	if (additional) {
		uint32_t opt = opt_read(ctx, q, q->at + read);

		if (opt == 0)
			return XDP_UP_EDNS;
		read += opt;
	}
	return read == q->len ? XDP_REASONS : XDP_UP_LENGTH;
}

/* A message that is for us; at, len, family and from are set. */
static __always_inline int query_answer(struct xdp_md *ctx, struct query *q)
{
	enum xdp_reason why = query_read(ctx, q);
	struct reply reply = { .flags = FLAG_AA };
	const struct xdp_name *name;
	uint32_t index, len, count, is, will, leaf;

	if (why != XDP_REASONS)
		return up(why);
	/* First, so that memory is being waited for while the name is looked up. */
	leaf = client_leaf(q);
	index = name_lookup(ctx, q);
	name = index ? map_at(&names, index - 1) : 0;
	if (!name)
		return up(XDP_UP_OTHER);
	if (name->flags & XDP_NAME_UP)
		return up(XDP_UP_POLICY);
	if (name->flags & XDP_NAME_SIGNED && q->edns_flags)
		return up(XDP_UP_SIGNED);
	count = choose(q, &reply, index - 1, leaf);
	if (count == 0 || count > XDP_RECORDS_MAX)
		return up(XDP_UP_EMPTY);
	if (settings.limit.pace.token_ns > 0) {
		uint32_t verdict = limit_take(q, counts_mine());

		if (verdict == LIMIT_NONE)
			return XDP_DROP;
		if (verdict == LIMIT_SHORT) {
			reply.count = count = 0;
			reply.scope = 0;
			reply.flags = FLAG_TC;
		}
	}
	len = DNS_SIZE + q->name_len + 4 + count * (q->is_a ? 16 : 28);
	if (q->has_edns)
		len += OPT_SIZE;
	if (q->has_ecs)
		len += ECS_SIZE + q->addr_len;
	will = q->at + len;
	is = ctx->data_end - ctx->data;
	barrier_var(is); /* or the compiler subtracts pointers from numbers */
	if (bpf_xdp_adjust_tail(ctx, (int)(will - is)))
		return up(XDP_UP_ROOM);
	return reply_write(ctx, q, &reply, len);
}

static __always_inline int is_ours(const uint32_t family, uint64_t first, uint64_t second,
				   uint32_t port)
{
	for (uint32_t i = 0; i < XDP_LISTEN_MAX && i < settings.listen_count; i++) {
		if (settings.listen[i].family == family && settings.listen[i].port == port &&
		    settings.listen[i].addr[0] == first && settings.listen[i].addr[1] == second)
			return 1;
	}
	return 0;
}

static __always_inline int ipv4_answer(struct xdp_md *ctx)
{
	uint8_t *data = (uint8_t *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	const uint8_t *ip = data + ETH_SIZE, *udp = ip + IPV4_SIZE;
	struct query q = { .family = 4, .at = ETH_SIZE + IPV4_SIZE + UDP_SIZE };
	uint32_t length, from;

	if ((const void *)(udp + UDP_SIZE) > end)
		return XDP_PASS;
	/* Options, fragments and all but UDP. */
	if (ip[0] != 0x45 || *(const uint16_t *)(ip + 6) & bpf_htons(0x3fff) || ip[9] != 17)
		return XDP_PASS;
	if (!is_ours(4, *(const uint32_t *)(ip + 16), 0, *(const uint16_t *)(udp + 2)))
		return XDP_PASS;
	from = bpf_ntohl(*(const uint32_t *)(ip + 12));
	/* Nobody's: 0.0.0.0/8, 127.0.0.0/8, multicast and reserved. The kernel drops them. */
	if (from >> 24 == 0 || from >> 24 == 127 || from >> 28 >= 14 || *(uint16_t *)udp == 0)
		return XDP_PASS;
	length = bpf_ntohs(*(const uint16_t *)(udp + 4));
	if (length < UDP_SIZE + DNS_SIZE ||
	    bpf_ntohs(*(const uint16_t *)(ip + 2)) != IPV4_SIZE + length ||
	    (uint64_t)(end - (const void *)udp) < length)
		return up(XDP_UP_LENGTH);
	q.from_hi = (uint64_t)from << 32;
	q.len = length - UDP_SIZE;
	return query_answer(ctx, &q);
}

static __always_inline int ipv6_answer(struct xdp_md *ctx)
{
	uint8_t *data = (uint8_t *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	const uint8_t *ip = data + ETH_SIZE, *udp = ip + IPV6_SIZE;
	struct query q = { .family = 6, .at = ETH_SIZE + IPV6_SIZE + UDP_SIZE };
	uint64_t hi;
	uint32_t length;

	if ((const void *)(udp + UDP_SIZE) > end)
		return XDP_PASS;
	if (ip[0] >> 4 != 6 || ip[6] != 17)
		return XDP_PASS;
	if (!is_ours(6, *(const uint64_t *)(ip + 24), *(const uint64_t *)(ip + 32),
		     *(const uint16_t *)(udp + 2)))
		return XDP_PASS;
	hi = bpf_be64_to_cpu(*(const uint64_t *)(ip + 8));
	/* ::/64 with what is mapped there, link-local and multicast. */
	if (hi == 0 || hi >> 54 == 0x3fa || hi >> 56 == 0xff || *(uint16_t *)udp == 0)
		return XDP_PASS;
	length = bpf_ntohs(*(const uint16_t *)(udp + 4));
	if (length < UDP_SIZE + DNS_SIZE || bpf_ntohs(*(const uint16_t *)(ip + 4)) != length ||
	    (uint64_t)(end - (const void *)udp) < length)
		return up(XDP_UP_LENGTH);
	q.from_hi = hi;
	q.from_lo = bpf_be64_to_cpu(*(const uint64_t *)(ip + 16));
	q.len = length - UDP_SIZE;
	return query_answer(ctx, &q);
}

SEC("xdp")
int geodns_answer(struct xdp_md *ctx)
{
	const uint8_t *eth = (const uint8_t *)(long)ctx->data;
	const void *end = (const void *)(long)ctx->data_end;

	/* Broadcast and multicast were not meant for us alone. */
	if ((const void *)(eth + ETH_SIZE) > end || eth[0] & 1)
		return XDP_PASS;
	if (*(const uint16_t *)(eth + 12) == bpf_htons(0x0800))
		return ipv4_answer(ctx);
	if (*(const uint16_t *)(eth + 12) == bpf_htons(0x86dd))
		return ipv6_answer(ctx);
	return XDP_PASS;
}
