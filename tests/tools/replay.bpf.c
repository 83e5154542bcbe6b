/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay.bpf.c - for replay.h: the next packet of many in place of the one that came, then a
 * tail call of the program that is to see it.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

typedef __u8 uint8_t;
typedef __u32 uint32_t;

#include "tests/tools/replay_packet.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct replay_packet);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(uint32_t));
	__uint(value_size, sizeof(uint32_t));
} under_test SEC(".maps");

uint32_t next = 0;

SEC("xdp")
int replay(struct xdp_md *ctx)
{
	uint32_t index = next++, len, is;
	struct replay_packet *packet = bpf_map_lookup_elem(&packets, &index);

	if (!packet)
		return XDP_ABORTED;
	len = packet->len;
	is = ctx->data_end - ctx->data;
	if (len == 0 || len > REPLAY_PACKET_MAX ||
	    (len != is && bpf_xdp_adjust_tail(ctx, (int)(len - is))) ||
	    bpf_xdp_store_bytes(ctx, 0, packet->data, len))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}
