/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_flood INTERFACE FLOWS FLAGS SECONDS: TCP over IPv4 out by an interface, as fast as it goes.
 *
 * To 198.18.0.1, port 80 and the MAC address 02:00:00:00:00:01, of FLOWS flows: one after the
 * other in one turn if SECONDS is 0, else drawn at random until they have passed. FLAGS: TCP's,
 * as a number. Made in the kernel, with live frames of BPF_PROG_TEST_RUN (Linux 5.18). Prints how
 * many were sent.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tests/tools/front_replay.skel.h"

#define FRAME_SIZE 74
#define BURST	   65536
#define PART	   250 /* of a veth's room, so that none is lost: a call takes far longer */

static void send_frames(const struct front_replay_bpf *replay, unsigned ifindex, uint32_t count)
{
	uint8_t frame[FRAME_SIZE] = { 0 };
	struct xdp_md in = { .data_end = sizeof(frame), .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &in, .ctx_size_in = sizeof(in), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .repeat = (int)count, .batch_size = 64);

	if (bpf_prog_test_run_opts(bpf_program__fd(replay->progs.replay_next), &opts) < 0) {
		fprintf(stderr, "BPF_PROG_TEST_RUN: %s\n", strerror(errno));
		exit(3);
	}
}

int main(int argc, char **argv)
{
	struct front_replay_bpf *replay;
	const uint32_t zero = 0;
	uint32_t flows;
	uint64_t sent = 0;
	struct instant end;
	int program;

	if (argc != 5) {
		fprintf(stderr, "usage: front_flood INTERFACE FLOWS FLAGS SECONDS, as root\n");
		return 2;
	}
	replay = front_replay_bpf__open_and_load();
	if (!replay) {
		fprintf(stderr, "the replay cannot be loaded: %s\n", strerror(errno));
		return 3;
	}
	program = bpf_program__fd(replay->progs.replay_send);
	if (bpf_map_update_elem(bpf_map__fd(replay->maps.under_test), &zero, &program, BPF_ANY))
		return 3;
	flows = (uint32_t)strtoul(argv[2], NULL, 0);
	replay->bss->replay.random = 1;
	replay->bss->replay.only_ipv4 = 1;
	replay->bss->replay.tcp_flags = (uint32_t)strtoul(argv[3], NULL, 0);
	end = instant_after_ns(clock_now(), (int64_t)strtoul(argv[4], NULL, 10) * NS_PER_S);
	for (; strtoul(argv[4], NULL, 10) == 0 && sent < flows; sent += PART)
		send_frames(replay, if_nametoindex(argv[1]), PART);
	replay->bss->replay.range = flows;
	while (clock_now().ns < end.ns) {
		send_frames(replay, if_nametoindex(argv[1]), BURST);
		sent += BURST;
	}
	printf("%llu\n", (unsigned long long)sent);
	front_replay_bpf__destroy(replay);
	return 0;
}
