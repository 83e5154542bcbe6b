/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_kernel.bpf.h - for front.bpf.c: does this machine's TCP know a flow? (plane local)
 */
#ifndef LB_DATAPLANE_FRONT_KERNEL_BPF_H
#define LB_DATAPLANE_FRONT_KERNEL_BPF_H

#include "lb/dataplane/front_maps.bpf.h"

/*
 * A listener knows whom it has sent a cookie: the third packet of a handshake that it keeps no
 * state of. -ENOENT where no cookie has been sent lately.
 */
static __always_inline int cookie_is_ours(struct xdp_md *ctx, struct bpf_sock *listener,
					  const struct packet *p)
{
	const void *end = (void *)(long)ctx->data_end;
	uint64_t at = p->at, l4_at = p->at + p->f.l4_at;
	uint8_t *ip, *tcp;

	if (p->f.is_error ||
	    (p->f.tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_RST | FLOW_TCP_ACK)) != FLOW_TCP_ACK)
		return 0;
	FIXED_OPAQUE(at);
	FIXED_OPAQUE(l4_at);
	ip = (uint8_t *)(long)ctx->data + (at & 127);
	tcp = (uint8_t *)(long)ctx->data + (l4_at & FLOW_AT_MAX);
	if ((const void *)(tcp + FLOW_TCP_SIZE) > end)
		return 0;
	if (p->f.family == 4)
		return (const void *)(ip + IPV4_SIZE) <= end &&
		       bpf_tcp_check_syncookie(listener, ip, IPV4_SIZE, (void *)tcp,
					       FLOW_TCP_SIZE) == 0;
	return (const void *)(ip + IPV6_SIZE) <= end &&
	       bpf_tcp_check_syncookie(listener, ip, IPV6_SIZE, (void *)tcp, FLOW_TCP_SIZE) == 0;
}

static __always_inline struct bpf_sock *socket_find(struct xdp_md *ctx, const struct flow_key *key)
{
	struct bpf_sock_tuple tuple;

	if (flow_key_is_ipv4(key)) {
		tuple.ipv4.saddr = fixed_load32(key->client + 12);
		tuple.ipv4.daddr = fixed_load32(key->vip + 12);
		tuple.ipv4.sport = key->client_port;
		tuple.ipv4.dport = key->vip_port;
		return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	for (int i = 0; i < 4; i++) {
		tuple.ipv6.saddr[i] = fixed_load32(key->client + 4 * i);
		tuple.ipv6.daddr[i] = fixed_load32(key->vip + 4 * i);
	}
	tuple.ipv6.sport = key->client_port;
	tuple.ipv6.dport = key->vip_port;
	return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/*
 * A connection in whatever state, a handshake and TIME_WAIT among them; or the end of a handshake
 * that a listener has sent a cookie for. Not a SYN, which is everybody's.
 */
__noinline int kernel_knows(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_sock *sk;
	int knows = 1;

	if (!p)
		return 0;
	sk = socket_find(ctx, &p->f.key);
	if (!sk)
		return 0;
	if (sk->state == BPF_TCP_LISTEN)
		knows = cookie_is_ours(ctx, sk, p);
	bpf_sk_release(sk);
	return knows;
}

#endif
