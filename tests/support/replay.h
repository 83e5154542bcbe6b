/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay.h - for benches: many packets through a program back to back, as from a NIC's ring.
 *
 * BPF_PROG_TEST_RUN takes one packet. With a system call for each, what the call touches has driven
 * a part of the caches out between two packets, and the clock is read twice for each: no NIC
 * does that. Here the packets are in an array of the kernel's; a program (replay.bpf.c) that the
 * kernel repeats copies the next one into the frame and tail-calls the one under test. The same
 * with a program that does nothing shows what that costs.
 *
 * The program under test may change the frame's length at its end, but not where it begins. Of what
 * it returns only the last is seen: who measures shows by its counters that all were served.
 */
#ifndef TESTS_SUPPORT_REPLAY_H
#define TESTS_SUPPORT_REPLAY_H

#include <assert.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include "lib/alloc.h"
#include "tests/support/xdp_frame.h"
#include "tests/tools/replay.skel.h"
#include "tests/tools/replay_packet.h"

struct replay {
	struct replay_bpf *object;
	struct replay_packet *packets; /* the map's own */
	uint32_t count;
};

static inline size_t replay_octets(const struct replay *r)
{
	const size_t page = 4096;

	return (r->count * sizeof(*r->packets) + page - 1) / page * page;
}

/* Room for so many packets, all to be put. NULL, with errno: the system does not let us. */
static inline struct replay *replay_new(uint32_t count)
{
	struct replay *r = x_new(struct replay);

	r->count = count;
	r->object = replay_bpf__open();
	if (r->object && bpf_map__set_max_entries(r->object->maps.packets, count) == 0 &&
	    replay_bpf__load(r->object) == 0) {
		r->packets = mmap(NULL, replay_octets(r), PROT_READ | PROT_WRITE, MAP_SHARED,
				  bpf_map__fd(r->object->maps.packets), 0);
		if (r->packets != MAP_FAILED)
			return r;
	}
	replay_bpf__destroy(r->object);
	free(r);
	return NULL;
}

static inline void replay_free(struct replay *r)
{
	munmap(r->packets, replay_octets(r));
	replay_bpf__destroy(r->object);
	free(r);
}

/* len: REPLAY_PACKET_MAX at the most. */
static inline void replay_put(struct replay *r, uint32_t index, const void *data, size_t len)
{
	assert(index < r->count && len > 0 && len <= REPLAY_PACKET_MAX);
	r->packets[index].len = (uint32_t)len;
	memcpy(r->packets[index].data, data, len);
}

/*
 * The packets from first on, so many, one after the other through that program. Returns nanoseconds
 * per packet, copying included. last: what it has returned for the last one, whose frame is out.
 */
static inline uint32_t replay_run(struct replay *r, int program, uint32_t first, uint32_t count,
				  int *last, struct test_frame *out)
{
	static const uint8_t blank[64];
	const uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = blank, .data_size_in = sizeof(blank),
		    .data_out = out->data, .data_size_out = sizeof(out->data),
		    .repeat = (int)count);

	assert(first + count <= r->count);
	r->object->bss->next = first;
	if (bpf_map_update_elem(bpf_map__fd(r->object->maps.under_test), &zero, &program, BPF_ANY) <
		    0 ||
	    bpf_prog_test_run_opts(bpf_program__fd(r->object->progs.replay), &opts) < 0) {
		fprintf(stderr, "BPF_PROG_TEST_RUN of %u packets: %s\n", count, strerror(errno));
		exit(3);
	}
	assert(r->object->bss->next == first + count);
	out->len = opts.data_size_out;
	*last = (int)opts.retval;
	return opts.duration;
}

#endif
