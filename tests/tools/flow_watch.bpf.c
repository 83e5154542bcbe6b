/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flow_watch.bpf.c - filters of packet sockets that let nothing through and note when a packet
 * came by: what came by before costs a look, and nobody is woken.
 */
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_helpers.h>

#include "tests/tools/flow_watch.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __be32 address;
const volatile __be16 port;
volatile __u32 mark; /* counted up by each "mark" */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOW_WATCH_MAX);
	__type(key, struct flow_watch_key);
	__type(value, struct flow_watch_flow);
} flows SEC(".maps");

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* TCP over IPv4 without options; packets begin at the IP header here. */
static __always_inline int segment_load(struct __sk_buff *skb, __u32 way, struct segment *s)
{
	return skb->pkt_type == way && bpf_skb_load_bytes(skb, 0, s, sizeof(*s)) == 0 &&
	       s->ip.version == 4 && s->ip.ihl == 5 && s->ip.protocol == IPPROTO_TCP;
}

static __always_inline int is_to(const struct segment *s)
{
	return s->ip.daddr == address && s->tcp.dest == port;
}

static __always_inline struct flow_watch_flow *flow_find(__be32 client, __be16 client_port)
{
	const struct flow_watch_key key = { client, client_port, 0 };
	struct flow_watch_flow *flow = bpf_map_lookup_elem(&flows, &key);

	return flow && flow->mark == mark ? flow : 0;
}

SEC("socket")
int at_new(struct __sk_buff *skb)
{
	struct flow_watch_flow flow = { .mark = mark };
	struct flow_watch_key key = { 0 };
	struct segment s;

	if (!segment_load(skb, PACKET_OUTGOING, &s) || !is_to(&s) || s.tcp.syn ||
	    flow_find(s.ip.saddr, s.tcp.source))
		return 0;
	key.client = s.ip.saddr;
	key.port = s.tcp.source;
	flow.seq = s.tcp.seq;
	flow.at[AT_NEW] = bpf_ktime_get_ns();
	bpf_map_update_elem(&flows, &key, &flow, BPF_ANY);
	return 0;
}

SEC("socket")
int at_owner(struct __sk_buff *skb)
{
	struct flow_watch_flow *flow;
	struct segment s;

	if (!segment_load(skb, PACKET_HOST, &s) || !is_to(&s))
		return 0;
	flow = flow_find(s.ip.saddr, s.tcp.source);
	if (flow && !flow->at[AT_OWNER] && flow->seq == s.tcp.seq)
		flow->at[AT_OWNER] = bpf_ktime_get_ns();
	return 0;
}

SEC("socket")
int at_reset(struct __sk_buff *skb)
{
	struct flow_watch_flow *flow;
	struct segment s;

	if (!segment_load(skb, PACKET_HOST, &s) || !s.tcp.rst || s.ip.saddr != address ||
	    s.tcp.source != port)
		return 0;
	flow = flow_find(s.ip.daddr, s.tcp.dest);
	if (flow && !flow->at[AT_RESET])
		flow->at[AT_RESET] = bpf_ktime_get_ns();
	return 0;
}
