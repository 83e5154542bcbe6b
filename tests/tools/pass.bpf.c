/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pass.bpf.c - does nothing: for the other end of a veth, which takes frames of XDP_TX only then.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
