/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_bench FLOWS PACKETS ROUNDS: nanoseconds per packet of plane xdp, by BPF_PROG_TEST_RUN.
 *
 * A thousand origins, so many open flows, half of them IPv6's; each packet is of one drawn at
 * random, so that no line of the table is in a cache by chance. "known" is of an open flow, "new" a
 * SYN of another one. All packets of a round are one call, in which front_replay.bpf.c makes each
 * anew; "turn" is that with a program that only changes the frame's addresses, so what the rest
 * cost by itself is the difference. "known_once" and "new_once" are of calls with one packet each,
 * as on a machine that does other things in between. "read" is what this machine's memory leaves of
 * all that: one line of a table as large as the connection table, which says which is read next.
 * Kinds take turns; a line of JSON per round. All packets have to be served; status 1 otherwise.
 */
#include <arpa/inet.h>
#include <sys/mman.h>
#include <time.h>

#include "lb/dataplane/front.h"
#include "lb/flow/table.h"
#include "lib/alloc.h"
#include "tests/support/xdp_frame.h"
#include "tests/tools/front_replay.skel.h"

#define ORIGINS	    1000
#define MAGLEV_SIZE 65537
#define LO	    1

static uint32_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

/* TCP without a checksum, which nobody looks at. Client and port follow from the number. */
static void packet_make(struct test_frame *f, uint32_t number, uint8_t flags)
{
	struct wire_writer w = wire_writer(f->data, sizeof(f->data));

	wire_put_bytes(&w, frame_macs, sizeof(frame_macs));
	if (number % 2 == 0) {
		wire_put_u16(&w, 0x0800);
		wire_put_u32(&w, 0x45000000 | 40);
		wire_put_u32(&w, 0x00004000);
		wire_put_u32(&w, 0x39060000);
		wire_put_u32(&w, 0x64400000 + number / 8);
		wire_put_u32(&w, 0xc6120001);
	} else {
		wire_put_u16(&w, 0x86dd);
		wire_put_u32(&w, 0x60000000);
		wire_put_u32(&w, 20 << 16 | 6 << 8 | 57);
		wire_put_u64(&w, UINT64_C(0x20010db8f8000000) + ((uint64_t)(number / 8) << 16));
		wire_put_u64(&w, number);
		wire_put_u64(&w, UINT64_C(0x20010db801000000));
		wire_put_u64(&w, 1);
	}
	wire_put_u16(&w, (uint16_t)(1024 + number % 8));
	wire_put_u16(&w, 80);
	wire_put_u64(&w, number);
	wire_put_u8(&w, 0x50);
	wire_put_u8(&w, flags);
	wire_put_u16(&w, 65535);
	wire_put_u32(&w, 0);
	f->len = wire_written(&w);
}

static void on_packet(void *ctx, const struct front_packet *packet)
{
	(void)ctx;
	(void)packet;
}

static struct front *front_make(uint64_t flows)
{
	const struct front_options options = { .plane = FRONT_XDP,
					       .flows = flows,
					       .gue_port = GUE_PORT,
					       .half_prefix_max = UINT32_MAX,
					       .services = 1,
					       .maglev_size = MAGLEV_SIZE,
					       .on_packet = on_packet };
	uint16_t *table = xcalloc(MAGLEV_SIZE, sizeof(*table));
	struct endpoint vips[2] = { { .port = 80 }, { .port = 80 } };
	struct front *front;
	const char *why;

	if (front_new(&front, &options, &why)) {
		fprintf(stderr, "no program: %s\n", why ? why : "refused by the system");
		exit(3);
	}
	addr_parse(&vips[0].addr, "198.18.0.1");
	addr_parse(&vips[1].addr, "2001:db8:100::1");
	for (unsigned i = 0; i < ORIGINS; i++) {
		const uint8_t mac[6] = { 2, 0, 0, 1, (uint8_t)(i >> 8), (uint8_t)i };

		front_origin_set(front, i, mac, LO, frame_macs);
	}
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		table[i] = (uint16_t)(i % ORIGINS);
	front_service_set(front, 0, table);
	free(table);
	for (unsigned i = 0; i < 2; i++)
		front_vip_add(front, &vips[i], 6, i, 0);
	return front;
}

#define FRAME_SIZE 74
#define PART	   16384 /* flows that are opened at a time: the half-open table has room */
#define ONCE	   20000 /* calls with one packet each, at most */

struct line {
	uint64_t next;
} __attribute__((aligned(sizeof(struct flow_bucket))));

struct bench {
	struct front *front;
	struct front_replay_bpf *replay;
	struct line *lines; /* as many as the connection table has */
	uint32_t flows, packets;
	uint64_t random;
};

static void program_choose(const struct bench *b, int program)
{
	const uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(b->replay->maps.under_test), &zero, &program,
				BPF_ANY)) {
		fprintf(stderr, "the program cannot be called: %s\n", strerror(errno));
		exit(3);
	}
}

/* So many packets of count flows from that number on, drawn at random; count 0: in their order. */
static uint32_t replay(const struct bench *b, uint32_t from, uint32_t count, uint8_t flags,
		       uint32_t packets)
{
	uint8_t frame[FRAME_SIZE] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = (int)packets);

	b->replay->bss->replay.from = from;
	b->replay->bss->replay.range = count;
	b->replay->bss->replay.tcp_flags = flags;
	if (bpf_prog_test_run_opts(bpf_program__fd(b->replay->progs.replay_next), &opts) < 0) {
		fprintf(stderr, "BPF_PROG_TEST_RUN: %s\n", strerror(errno));
		exit(3);
	}
	if (opts.retval != XDP_TX) {
		printf("not served: %u\n", opts.retval);
		exit(1);
	}
	return opts.duration;
}

static uint64_t served(const struct bench *b)
{
	return front_count(b->front, FRONT_KNOWN) + front_count(b->front, FRONT_SYN);
}

static void measure(const struct bench *b, const char *what, uint32_t from, uint8_t flags)
{
	const uint64_t before = served(b);
	const uint32_t took = replay(b, from, b->flows, flags, b->packets);

	printf("\"%s\":%u,", what, took);
	if (served(b) - before != b->packets) {
		printf("\n%s: not all were served\n", what);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint32_t median_once(struct bench *b, uint32_t from, uint8_t flags)
{
	const uint32_t calls = b->packets < ONCE ? b->packets : ONCE;
	uint32_t *took = xcalloc(calls, sizeof(*took)), median;
	struct test_frame in, out;

	for (uint32_t i = 0; i < calls; i++) {
		packet_make(&in, from + draw(&b->random) % b->flows, flags);
		if (frame_run(front_program_fd(b->front), &in, &out) != XDP_TX) {
			printf("not served\n");
			exit(1);
		}
		took[i] = out.duration_ns;
	}
	qsort(took, calls, sizeof(*took), compare);
	median = took[calls / 2];
	free(took);
	return median;
}

/* One cycle through all of them (Sattolo's), in small pages, as the kernel maps the table. */
static struct line *lines_make(uint64_t count)
{
	struct line *lines = mmap(NULL, count * sizeof(*lines), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t state = 1, other, kept;

	if (lines == MAP_FAILED || madvise(lines, count * sizeof(*lines), MADV_NOHUGEPAGE)) {
		fprintf(stderr, "no memory to read: %s\n", strerror(errno));
		exit(3);
	}
	for (uint64_t i = 0; i < count; i++)
		lines[i].next = i;
	for (uint64_t i = count - 1; i > 0; i--) {
		other = draw(&state) % i;
		kept = lines[i].next;
		lines[i].next = lines[other].next;
		lines[other].next = kept;
	}
	return lines;
}

static const struct line *lines_read(const struct line *all, const struct line *from,
				     uint32_t reads)
{
	for (uint32_t i = 0; i < reads; i++)
		from = &all[*(const volatile uint64_t *)&from->next];
	return from;
}

/* The first time is for what has been in the caches before. */
static uint32_t read_ns(const struct line *lines, uint32_t reads)
{
	const struct line *from = lines_read(lines, lines, reads);
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	lines_read(lines, from, reads);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (uint32_t)(((end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec -
			   start.tv_nsec) /
			  reads);
}

/* In parts that the half-open table has room for; a part takes longer than a round trip. */
static void flows_open(const struct bench *b)
{
	const uint32_t part = b->flows < PART ? b->flows : PART;

	for (uint32_t first = 0; first < b->flows; first += part) {
		/* The last part has some of the one before, so that it takes as long. */
		const uint32_t from = first < b->flows - part ? first : b->flows - part;

		replay(b, from, 0, FLOW_TCP_SYN, part);
		replay(b, from, 0, FLOW_TCP_ACK, part);
	}
}

static void round_run(struct bench *b, uint32_t number)
{
	const uint32_t others = b->flows * (2 * number + 1);

	printf("{");
	measure(b, "known", 0, FLOW_TCP_ACK);
	measure(b, "new", others, FLOW_TCP_SYN);
	program_choose(b, bpf_program__fd(b->replay->progs.replay_turn));
	printf("\"turn\":%u,", replay(b, 0, b->flows, FLOW_TCP_ACK, b->packets));
	printf("\"read\":%u,", read_ns(b->lines, b->packets));
	program_choose(b, front_program_fd(b->front));
	printf("\"known_once\":%u,", median_once(b, 0, FLOW_TCP_ACK));
	printf("\"new_once\":%u}\n", median_once(b, others + b->flows, FLOW_TCP_SYN));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench b = { .random = 1 };
	unsigned long rounds;

	if (argc != 4) {
		fprintf(stderr, "usage: front_bench FLOWS PACKETS ROUNDS, as root\n");
		return 2;
	}
	b.flows = (uint32_t)strtoul(argv[1], NULL, 10);
	b.packets = (uint32_t)strtoul(argv[2], NULL, 10);
	rounds = strtoul(argv[3], NULL, 10);
	b.front = front_make(b.flows);
	b.lines = lines_make(flow_buckets_for(b.flows));
	b.replay = front_replay_bpf__open_and_load();
	if (!b.replay) {
		fprintf(stderr, "the replay cannot be loaded: %s\n", strerror(errno));
		return 3;
	}
	b.replay->bss->replay.random = 1;
	program_choose(&b, front_program_fd(b.front));
	flows_open(&b);
	for (unsigned long i = 0; i < rounds; i++)
		round_run(&b, (uint32_t)i);
	front_replay_bpf__destroy(b.replay);
	front_free(b.front, false);
	munmap(b.lines, flow_buckets_for(b.flows) * sizeof(*b.lines));
	return 0;
}
