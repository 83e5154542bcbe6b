/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xdp_bench CONFIG QUERIES ROUNDS: nanoseconds per answer on the interface, by BPF_PROG_TEST_RUN.
 *
 * Different queries, each a packet of its own: for A and AAAA, over IPv4 and IPv6, the names in
 * turn, a client subnet (/24, /56) in a network of the configuration's map that was drawn from
 * all, and a source in one of 65536 networks, as a rate limit counts them. They are measured twice:
 * back to back, as from a NIC's ring (replay.h), and with a system call for each. Beside it, in
 * turns, programs that only turn the packet round, and that do nothing. Prints per round, as JSON,
 * what each took. Nothing is warmed or flushed: the first pass over all queries is a round. All
 * have to be answered, which the program's counters show, back to back in the same way as one by
 * one, which a sample shows; status 1 otherwise.
 */
#include "geodns/dns/name.h"
#include "geodns/dns/rr.h"
#include "geodns/xdp/program.h"
#include "lib/alloc.h"
#include "tests/support/replay.h"
#include "tests/support/xdp_frame.h"
#include "tests/tools/pass.skel.h"
#include "tests/tools/turn.skel.h"

struct networks {
	struct addr *first;
	size_t count, room;
};

struct query {
	uint8_t data[200];
	uint16_t len;
};

static uint32_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

/* The first address behind a prefix; false behind the last one. */
static bool step_over(struct addr *at, unsigned length)
{
	for (unsigned b = length; b-- > 0;) {
		at->bytes[b / 8] ^= (uint8_t)(0x80 >> b % 8);
		if (at->bytes[b / 8] & (0x80 >> b % 8))
			return true;
	}
	return false;
}

static void networks_collect(struct networks *n, const struct geo_map *map, enum addr_family family)
{
	struct addr at = { .family = (uint8_t)family };

	do {
		if (n->count == n->room) {
			n->room = n->room ? 2 * n->room : 1024;
			n->first = xreallocarray(n->first, n->room, sizeof(*n->first));
		}
		if (!addr_is_private(&at))
			n->first[n->count++] = at;
	} while (step_over(&at, geo_map_lookup(map, &at).length));
}

static void message_put(struct wire_writer *w, const uint8_t *owner, uint16_t type,
			const struct addr *client)
{
	const uint8_t source = client->family == ADDR_IPV4 ? 24 : 56;
	const struct addr subnet = addr_mask(client, source);

	wire_put_u32(w, 0x12340000);
	wire_put_u32(w, 0x00010000);
	wire_put_u32(w, 0x00000001);
	wire_put_bytes(w, owner, dns_name_length(owner));
	wire_put_u16(w, type);
	wire_put_u16(w, DNS_CLASS_IN);
	wire_put_u8(w, 0);
	wire_put_u16(w, DNS_TYPE_OPT);
	wire_put_u16(w, 1232);
	wire_put_u32(w, 0);
	wire_put_u16(w, (uint16_t)(8 + source / 8));
	wire_put_u16(w, DNS_OPTION_ECS);
	wire_put_u16(w, (uint16_t)(4 + source / 8));
	wire_put_u16(w, client->family == ADDR_IPV4 ? 1 : 2);
	wire_put_u16(w, (uint16_t)(source << 8));
	wire_put_bytes(w, subnet.bytes, source / 8u);
}

static struct query *queries_make(const struct catalog *catalog, size_t count)
{
	const struct geodns_conf *conf = catalog->conf;
	struct query *queries = xcalloc(count, sizeof(*queries));
	struct networks networks = { NULL, 0, 0 };
	struct test_frame frame;
	uint64_t random = 1;

	networks_collect(&networks, catalog->map, ADDR_IPV4);
	networks_collect(&networks, catalog->map, ADDR_IPV6);
	for (size_t i = 0; i < count; i++) {
		const struct endpoint *to = &conf->listen[i % conf->listen_count];
		const struct addr *client = &networks.first[draw(&random) % networks.count];
		struct endpoint from = { .addr = to->addr, .port = (uint16_t)(draw(&random) | 1) };
		uint8_t message[150];
		struct wire_writer w = wire_writer(message, sizeof(message));
		uint32_t source;

		source = draw(&random);
		from.addr.bytes[1] ^= (uint8_t)source;
		from.addr.bytes[2] ^= (uint8_t)(source >> 8);
		message_put(&w, conf->names[i % conf->name_count].owner,
			    draw(&random) & 1 ? DNS_TYPE_A : DNS_TYPE_AAAA, client);
		frame_make(&frame, &from, to, message, wire_written(&w));
		queries[i].len = (uint16_t)frame.len;
		memcpy(queries[i].data, frame.data, frame.len);
	}
	free(networks.first);
	return queries;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

struct bench {
	struct xdp_program *program;
	struct replay *replay;
	const struct query *queries;
	uint32_t count;
	int turn, pass;
};

static uint64_t answered(const struct bench *b)
{
	struct xdp_counts counts = { 0 };

	xdp_program_count(b->program, &counts);
	return counts.answered[0] + counts.answered[1];
}

static void fail(const char *what, uint64_t number)
{
	printf("%s: %llu\n", what, (unsigned long long)number);
	exit(1);
}

static int query_run(const struct query *query, int program, struct test_frame *out)
{
	struct test_frame in = { .len = query->len };

	memcpy(in.data, query->data, query->len);
	return frame_run(program, &in, out);
}

/* A system call for each. */
static void calls_measure(const struct bench *b, const char *what, int program)
{
	uint32_t *took = xcalloc(b->count, sizeof(*took));
	struct test_frame out;
	double sum = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		if (query_run(&b->queries[i], program, &out) != XDP_TX)
			fail("not answered: query", i);
		took[i] = out.duration_ns;
		sum += took[i];
	}
	qsort(took, b->count, sizeof(*took), compare);
	printf("\"%s\":{\"mean\":%.1f,\"median\":%u,\"p99\":%u}", what, sum / b->count,
	       took[b->count / 2], took[b->count - 1 - b->count / 100]);
	free(took);
}

/* All of them back to back. */
static void pass_measure(const struct bench *b, const char *what, int program, int verdict)
{
	const uint64_t before = answered(b);
	struct test_frame out;
	int last;
	uint32_t took = replay_run(b->replay, program, 0, b->count, &last, &out);

	if (last != verdict)
		fail("verdict on the last packet", (uint64_t)last);
	if (program == xdp_program_fd(b->program) && answered(b) - before != b->count)
		fail("answered, of all", answered(b) - before);
	printf("\"%s\":%u,", what, took);
}

/* Each as it is when it is alone. */
static void sample_compare(const struct bench *b)
{
	const int program = xdp_program_fd(b->program);
	struct test_frame alone, replayed;
	int last;

	for (uint32_t i = 0; i < b->count; i += 97) {
		replay_run(b->replay, program, i > 5 ? i - 5 : 0, i > 5 ? 6 : i + 1, &last,
			   &replayed);
		if (query_run(&b->queries[i], program, &alone) != last ||
		    alone.len != replayed.len || memcmp(alone.data, replayed.data, alone.len) != 0)
			fail("another answer than alone: query", i);
	}
}

static void round_run(const struct bench *b, bool with_calls)
{
	const int program = xdp_program_fd(b->program);

	printf("{");
	pass_measure(b, "answer", program, XDP_TX);
	pass_measure(b, "turn", b->turn, XDP_TX);
	pass_measure(b, "nothing", b->pass, XDP_PASS);
	if (with_calls) {
		calls_measure(b, "answer_call", program);
		printf(",");
		calls_measure(b, "turn_call", b->turn);
		printf(",");
	}
	printf("\"map_octets\":%zu,\"queries\":%u}\n", xdp_program_octets(b->program), b->count);
	fflush(stdout);
}

static struct replay *replay_of(const struct query *queries, uint32_t count)
{
	struct replay *replay = replay_new(count);

	for (uint32_t i = 0; replay && i < count; i++)
		replay_put(replay, i, queries[i].data, queries[i].len);
	return replay;
}

/* Every third round with a system call for each, too: those take longest. */
int main(int argc, char **argv)
{
	struct conf_error err = { 0 };
	struct turn_bpf *turn = turn_bpf__open_and_load();
	struct pass_bpf *pass = pass_bpf__open_and_load();
	struct bench b = { 0 };
	struct catalog *catalog;
	const char *why;
	char text[400];

	if (argc != 4 || !turn || !pass) {
		fprintf(stderr, "usage: xdp_bench CONFIG QUERIES ROUNDS, as root\n");
		return 2;
	}
	catalog = catalog_read(argv[1], &err);
	if (!catalog) {
		fprintf(stderr, "%s\n", conf_error_format(&err, text, sizeof(text)));
		return 2;
	}
	if (xdp_program_new(&b.program, snapshot_new(catalog, NULL), 12345, &why) < 0) {
		fprintf(stderr, "no program: %s\n", why ? why : "refused by the system");
		return 3;
	}
	b.turn = bpf_program__fd(turn->progs.turn);
	b.pass = bpf_program__fd(pass->progs.pass);
	b.count = (uint32_t)strtoul(argv[2], NULL, 10);
	b.queries = queries_make(catalog, b.count);
	b.replay = replay_of(b.queries, b.count);
	if (!b.replay) {
		fprintf(stderr, "no replay: refused by the system\n");
		return 3;
	}
	for (unsigned long i = 0; i < strtoul(argv[3], NULL, 10); i++)
		round_run(&b, i % 3 == 0);
	sample_compare(&b);
	return 0;
}
