/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_replay.bpf.c - for front_bench and front_flood: in each run of a repeated one another
 * flow's packet stands in the frame, and then the program under test is called.
 *
 * So a million packets are one call of BPF_PROG_TEST_RUN, and what that costs is not counted.
 * A packet is of a flow's number, one after the other or drawn at random; replay_turn in the
 * place of the program says what making it takes. The frame has 74 octets: IPv4's are padded.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define FRAME 74

/* What is replayed; user space sets it before each run. */
volatile struct {
	__u64 random;	 /* state of the generator */
	__u32 from;	 /* the first flow's number */
	__u32 range;	 /* so many flows from there; 0: one after the other */
	__u32 tcp_flags; /* of every packet */
	__u32 only_ipv4;
} replay = { 0 };

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

static __always_inline __u32 number_next(void)
{
	__u64 random;

	if (replay.range == 0)
		return replay.from++;
	random = replay.random * 6364136223846793005ULL + 1442695040888963407ULL;
	replay.random = random;
	return replay.from + (__u32)((random >> 32) * replay.range >> 32);
}

static __always_inline void put16(__u8 *p, __u16 value)
{
	*(__u16 *)p = bpf_htons(value);
}

static __always_inline void put32(__u8 *p, __u32 value)
{
	*(__u32 *)p = bpf_htonl(value);
}

/* A processor is slow to read what has just been written in smaller pieces; a device's is not. */
static __always_inline void put64(__u8 *p, __u64 value)
{
	*(__u64 *)p = bpf_cpu_to_be64(value);
}

#define IPV4_SUM (0x4500 + 0x0028 + 0x4000 + 0x3906 + 0xc612 + 0x0001) /* without the client */

static __always_inline __u8 *ipv4_put(__u8 *ip, __u32 number)
{
	const __u32 client = 0x64400000 + number / 8;
	__u32 sum = IPV4_SUM + (client >> 16) + (client & 0xffff);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip - 2, 0x0800);
	put64(ip, 0x4500002800004000);
	put32(ip + 8, 0x39060000 | (~sum & 0xffff));
	put64(ip + 12, (__u64)client << 32 | 0xc6120001);
	return ip + 20;
}

static __always_inline __u8 *ipv6_put(__u8 *ip, __u32 number)
{
	put16(ip - 2, 0x86dd);
	put64(ip, 0x6000000000140639);
	put64(ip + 8, 0x20010db8f8000000 + ((__u64)(number / 8) << 16));
	put64(ip + 16, number);
	put64(ip + 24, 0x20010db801000000);
	put64(ip + 32, 1);
	return ip + 40;
}

SEC("xdp")
int replay_next(struct xdp_md *ctx)
{
	__u8 *eth = (__u8 *)(long)ctx->data, *tcp;
	const __u32 number = replay.only_ipv4 ? number_next() & ~1U : number_next();

	if ((void *)(eth + FRAME) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	/* To 02:...:01, a unicast address, from 02:...:02: the last program has changed them. */
	put32(eth, 0x02000000);
	put32(eth + 4, 0x00010200);
	put32(eth + 8, 0x00000002);
	tcp = number % 2 == 0 ? ipv4_put(eth + 14, number) : ipv6_put(eth + 14, number);
	put32(tcp, (1024 + number % 8) << 16 | 80);
	put64(tcp + 4, (__u64)number << 32);
	put64(tcp + 12, (0x50000000 | replay.tcp_flags << 16 | 65535ULL) << 32);
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}

/* For live frames: out by the interface. */
SEC("xdp")
int replay_send(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

SEC("xdp")
int replay_turn(struct xdp_md *ctx)
{
	__u8 *eth = (__u8 *)(long)ctx->data;
	__u32 kept;

	if ((void *)(eth + 14) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	kept = *(__u32 *)eth;
	*(__u32 *)eth = *(__u32 *)(eth + 6);
	*(__u32 *)(eth + 6) = kept;
	return XDP_TX;
}
