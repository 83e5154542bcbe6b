/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_encap.bpf.h - for front.bpf.c: a packet goes to the PoP that has its flow.
 *
 * As a whole in GUE (lb/flow/gue.h), by the kernel's routes and neighbours. Where the kernel
 * has no answer for a program (a neighbour that is not resolved, an outer packet that has to be
 * fragmented), user space sends it. UDP checksums are zero over IPv6, too (RFC 6935, 6936): the tag
 * covers the addresses.
 */
#ifndef LB_DATAPLANE_FRONT_ENCAP_BPF_H
#define LB_DATAPLANE_FRONT_ENCAP_BPF_H

#include "lb/dataplane/front_ask.bpf.h"
#include "lb/dataplane/front_maps.bpf.h"
#include "lb/flow/gue.h"

#define AF_INET_     2
#define AF_INET6_    10
#define TTL	     64U
#define IPV4_MTU_MIN 576
#define IPV6_MTU_MIN 1280
#define QUOTED4	     64 /* octets of the packet that is too big, in what says so */
#define QUOTED6	     128
#define IFINDEX_LO   1

static __always_inline uint32_t sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

static __always_inline void icmp_ipv4_write(uint8_t *ip, const uint8_t *quoted)
{
	uint64_t sum = 0;

	fixed_store32(ip, 0x45 | (uint32_t)bpf_htons(IPV4_SIZE + ICMP_SIZE + QUOTED4) << 16);
	/* Not to be fragmented, so that it needs no identification (RFC 6864). */
	fixed_store32(ip + 4, bpf_htonl(0x4000));
	fixed_store32(ip + 8, TTL | FLOW_ICMP << 8);
	fixed_store32(ip + 12, fixed_load32(quoted + 16));
	fixed_store32(ip + 16, fixed_load32(quoted + 12));
	for (int i = 0; i < IPV4_SIZE; i += 4)
		sum += fixed_load32(ip + i);
	fixed_store16(ip + 10, ~sum_fold(sum));
}

static __always_inline void icmp_ipv6_write(uint8_t *ip, const uint8_t *quoted)
{
	fixed_store32(ip, 0x60);
	fixed_store32(ip + 4, bpf_htons(ICMP_SIZE + QUOTED6) | FLOW_ICMPV6 << 16 | TTL << 24);
	fixed_store64(ip + 8, fixed_load64(quoted + 24));
	fixed_store64(ip + 16, fixed_load64(quoted + 32));
	fixed_store64(ip + 24, fixed_load64(quoted + 8));
	fixed_store64(ip + 32, fixed_load64(quoted + 16));
}

static __always_inline void macs_swap(uint8_t *to, const uint8_t *from)
{
	const uint32_t a = *(const uint32_t *)from, b = *(const uint32_t *)(from + 6);
	const uint16_t a_end = *(const uint16_t *)(from + 4),
		       b_end = *(const uint16_t *)(from + 10);

	*(uint32_t *)to = b;
	*(uint16_t *)(to + 4) = b_end;
	*(uint32_t *)(to + 6) = a;
	*(uint16_t *)(to + 10) = a_end;
}

/* RFC 792, RFC 1191. The packet has at least QUOTED4 octets, and there is room before it. */
static __always_inline int too_big4(struct xdp_md *ctx, uint32_t mtu)
{
	const int grow = IPV4_SIZE + ICMP_SIZE;
	const void *end;
	uint8_t *data, *ip, *icmp;
	int64_t sum;

	if (bpf_xdp_adjust_head(ctx, -grow))
		return XDP_DROP;
	data = (uint8_t *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((const void *)(data + ETH_SIZE + grow + QUOTED4) > end)
		return XDP_DROP;
	macs_swap(data, data + grow);
	*(uint16_t *)(data + 12) = bpf_htons(0x0800);
	ip = data + ETH_SIZE;
	icmp = ip + IPV4_SIZE;
	icmp_ipv4_write(ip, icmp + ICMP_SIZE);
	fixed_store32(icmp, 3 | 4 << 8);
	fixed_store32(icmp + 4, bpf_htonl(mtu & 0xffff));
	sum = bpf_csum_diff(0, 0, (__be32 *)icmp, ICMP_SIZE + QUOTED4, 0);
	if (sum < 0)
		return XDP_DROP;
	*(uint16_t *)(icmp + 2) = ~sum_fold(sum);
	return XDP_TX;
}

/* RFC 4443, 3.2. */
static __always_inline int too_big6(struct xdp_md *ctx, uint32_t mtu)
{
	const int grow = IPV6_SIZE + ICMP_SIZE;
	const void *end;
	uint8_t *data, *ip, *icmp;
	int64_t sum;

	if (bpf_xdp_adjust_head(ctx, -grow))
		return XDP_DROP;
	data = (uint8_t *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((const void *)(data + ETH_SIZE + grow + QUOTED6) > end)
		return XDP_DROP;
	macs_swap(data, data + grow);
	*(uint16_t *)(data + 12) = bpf_htons(0x86dd);
	ip = data + ETH_SIZE;
	icmp = ip + IPV6_SIZE;
	icmp_ipv6_write(ip, icmp + ICMP_SIZE);
	fixed_store32(icmp, 2);
	fixed_store32(icmp + 4, bpf_htonl(mtu));
	/* With the pseudo-header, of which the addresses stand before the message. */
	sum = bpf_csum_diff(0, 0, (__be32 *)(ip + 8), IPV6_SIZE - 8 + ICMP_SIZE + QUOTED6,
			    bpf_htons(ICMP_SIZE + QUOTED6) + bpf_htons(FLOW_ICMPV6));
	if (sum < 0)
		return XDP_DROP;
	*(uint16_t *)(icmp + 2) = ~sum_fold(sum);
	return XDP_TX;
}

/* mtu: what there is room for; below the least that it may be, the least. Tells the sender, from
 * the VIP and by the way that the packet came, what would fit. */
__noinline int packet_too_big(struct xdp_md *ctx, uint32_t family, uint32_t mtu)
{
	const uint32_t keep = ETH_SIZE + (family == 4 ? QUOTED4 : QUOTED6);
	uint32_t is = ctx->data_end - ctx->data;
	int verdict;

	barrier_var(is); /* or the compiler subtracts pointers from numbers */
	if (is < keep || bpf_xdp_adjust_tail(ctx, (int)(keep - is)))
		return XDP_DROP;
	if (family == 4)
		verdict = too_big4(ctx, mtu > IPV4_MTU_MIN ? mtu : IPV4_MTU_MIN);
	else
		verdict = too_big6(ctx, mtu > IPV6_MTU_MIN ? mtu : IPV6_MTU_MIN);
	if (verdict != XDP_TX)
		return verdict;
	count(FRONT_TOO_BIG);
	return send_by(ctx, ctx->ingress_ifindex);
}

/* What a packet is wrapped in. */
struct wrap {
	struct gue_header header;
	uint32_t is4; /* outside */
	uint32_t tos;
	uint32_t source_port;
	uint32_t len; /* of what is inside */
};

static __always_inline void wrap_sign(struct wrap *w, const struct front_pop *pop,
				      const struct flow_key *key)
{
	struct gue_tagged tagged;

	__builtin_memcpy(tagged.source, pop->ours, FLOW_ADDR_SIZE);
	__builtin_memcpy(tagged.destination, pop->theirs, FLOW_ADDR_SIZE);
	gue_tagged_set(&tagged, key, &w->header);
	w->header.tag = gue_tag(&pop->key_out, &tagged);
}

/* GUE and what is before it, in a frame that has room for them. Not 0: it has not. */
static __always_inline int outer_write(struct xdp_md *ctx, const struct front_pop *pop,
				       const struct wrap *w, const struct bpf_fib_lookup *fib)
{
	const void *end = (void *)(long)ctx->data_end;
	uint8_t *data = (uint8_t *)(long)ctx->data, *ip = data + ETH_SIZE, *udp;

	if ((const void *)(ip + IPV6_SIZE + UDP_SIZE + GUE_SIZE) > end)
		return -1;
	__builtin_memcpy(data, fib->dmac, 6);
	__builtin_memcpy(data + 6, fib->smac, 6);
	fixed_store16(data + 12, w->is4 ? bpf_htons(0x0800) : bpf_htons(0x86dd));
	if (w->is4) {
		gue_ipv4_write(ip, pop->ours, pop->theirs, w->tos, w->len);
		udp = ip + IPV4_SIZE;
	} else {
		gue_ipv6_write(ip, pop->ours, pop->theirs, w->tos, w->len);
		udp = ip + IPV6_SIZE;
	}
	gue_udp_write(udp, w->source_port, bpf_ntohs(pop->gue_port), w->len);
	gue_header_write(udp + UDP_SIZE, &w->header);
	return 0;
}

/* The kernel's next hop for what we send there. Returns as bpf_fib_lookup(). */
static __always_inline long route_find(struct xdp_md *ctx, const struct front_pop *pop,
				       const struct wrap *w, struct bpf_fib_lookup *fib)
{
	fib->l4_protocol = FLOW_UDP;
	fib->dport = pop->gue_port;
	fib->tot_len = w->len + (w->is4 ? GUE_OVERHEAD_IPV4 : GUE_OVERHEAD_IPV6);
	/* As if we had sent it: routes that are bound to where packets come in are not for it. */
	fib->ifindex = IFINDEX_LO;
	if (w->is4) {
		fib->family = AF_INET_;
		fib->tos = w->tos;
		fib->ipv4_src = fixed_load32(pop->ours + 12);
		fib->ipv4_dst = fixed_load32(pop->theirs + 12);
	} else {
		fib->family = AF_INET6_;
		__builtin_memcpy(fib->ipv6_src, pop->ours, FLOW_ADDR_SIZE);
		__builtin_memcpy(fib->ipv6_dst, pop->theirs, FLOW_ADDR_SIZE);
	}
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

/* DSCP only: what is not marked inside may not be marked outside (RFC 6040, 4.3). */
static __always_inline uint32_t tos_read(struct xdp_md *ctx, uint32_t family)
{
	const uint8_t *ip = (const uint8_t *)(long)ctx->data + ETH_SIZE;

	if ((const void *)(ip + IPV4_SIZE) > (void *)(long)ctx->data_end)
		return 0;
	return (family == 4 ? ip[1] : ip[0] << 4 | ip[1] >> 4) & 0xfc;
}

/*
 * Nothing is said about errors (RFC 1122, 3.2.2), nor where fragments are wanted: of IPv4
 * without DF, and of IPv6 no longer than every path must carry. User space sends those.
 */
static __always_inline int may_be_refused(struct xdp_md *ctx, const struct packet *p)
{
	const uint8_t *ip = (const uint8_t *)(long)ctx->data + ETH_SIZE;

	if (p->f.is_error)
		return 0;
	if (p->f.family == 6)
		return p->f.length > IPV6_MTU_MIN;
	return p->f.length > IPV4_MTU_MIN &&
	       (const void *)(ip + IPV4_SIZE) <= (void *)(long)ctx->data_end && ip[6] & 0x40;
}

/* The frame ends where its IP packet does, and has the headers' room in front. */
static __always_inline int frame_grow(struct xdp_md *ctx, const struct packet *p, uint32_t overhead)
{
	uint32_t is = ctx->data_end - ctx->data;

	barrier_var(is);
	if (is > ETH_SIZE + p->f.length &&
	    bpf_xdp_adjust_tail(ctx, (int)(ETH_SIZE + p->f.length - is)))
		return -1;
	return bpf_xdp_adjust_head(ctx, -(int)overhead);
}

/* A packet that came by itself, to PoP number index. */
__noinline int packet_hand_over(struct xdp_md *ctx, const struct packet *p, uint32_t index)
{
	struct bpf_fib_lookup fib = { 0 };
	struct front_vip_counts *mine;
	const struct front_pop *pop;
	struct wrap w = { 0 };
	uint32_t overhead;
	long routed;

	if (!p)
		return XDP_DROP;
	/* Those that follow have no ports: nobody could tell that they belong to it. */
	if (p->f.has_more)
		return drop(FRONT_FRAGMENT_DROP);
	pop = map_at(&pops, index);
	if (!pop || !pop->is_set)
		return packet_show(ctx, p, FRONT_ASK, 0);
	w.header.proto = gue_proto(p->f.family);
	w.header.hop = GUE_HOP;
	w.header.epoch = pop->epoch_out;
	w.is4 = flow_addr_is_ipv4(pop->theirs);
	w.tos = tos_read(ctx, p->f.family);
	w.source_port = gue_source_port(p->hash);
	w.len = p->f.length;
	overhead = w.is4 ? GUE_OVERHEAD_IPV4 : GUE_OVERHEAD_IPV6;
	routed = route_find(ctx, pop, &w, &fib);
	if (routed == BPF_FIB_LKUP_RET_FRAG_NEEDED && may_be_refused(ctx, p))
		return packet_too_big(ctx, p->f.family, fib.mtu_result - overhead);
	if (routed != BPF_FIB_LKUP_RET_SUCCESS)
		return packet_show(ctx, p, FRONT_RELEASE, index);
	wrap_sign(&w, pop, &p->f.key);
	if (frame_grow(ctx, p, overhead))
		return packet_show(ctx, p, FRONT_RELEASE, index);
	if (outer_write(ctx, pop, &w, &fib))
		return XDP_DROP;
	count(FRONT_HANDED);
	mine = vip_counts_mine(p->row);
	if (mine)
		mine->handed++;
	return send_by(ctx, fib.ifindex);
}

#endif
