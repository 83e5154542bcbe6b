/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * turn.bpf.c - for xdp_bench: sends each UDP packet back as it is, the least that an answer costs.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

static __always_inline void swap(__u8 *a, __u8 *b, int size)
{
	for (int i = 0; i < size; i += 2) {
		__u16 kept = *(__u16 *)(a + i);

		*(__u16 *)(a + i) = *(__u16 *)(b + i);
		*(__u16 *)(b + i) = kept;
	}
}

SEC("xdp")
int turn(struct xdp_md *ctx)
{
	__u8 *eth = (__u8 *)(long)ctx->data, *ip = eth + 14;
	const void *end = (void *)(long)ctx->data_end;

	if ((void *)(ip + 48) > end)
		return XDP_PASS;
	if (ip[0] == 0x45 && ip[9] == 17) {
		swap(ip + 12, ip + 16, 4);
		swap(ip + 20, ip + 22, 2);
	} else if (ip[0] >> 4 == 6 && ip[6] == 17) {
		swap(ip + 8, ip + 24, 16);
		swap(ip + 40, ip + 42, 2);
	} else {
		return XDP_PASS;
	}
	swap(eth, eth + 6, 6);
	return XDP_TX;
}
