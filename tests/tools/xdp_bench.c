/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xdp_bench CONFIG QUERIES ROUNDS: nanoseconds per answer on the interface, by BPF_PROG_TEST_RUN.
 *
 * Different queries, each a packet of its own: for A and AAAA, over IPv4 and IPv6, the names in
 * turn, a client subnet (/24, /56) in a network of the configuration's map that was drawn from
 * all. Beside it a program that only turns the packet round; they take turns. Prints per round,
 * as JSON, the mean and the median of both. All have to be answered; status 1 otherwise.
 */
#include <libgen.h>

#include "geodns/dns/name.h"
#include "geodns/dns/rr.h"
#include "geodns/xdp/program.h"
#include "lib/alloc.h"
#include "tests/support/xdp_frame.h"
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

		from.addr.bytes[1] ^= (uint8_t)draw(&random);
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

static void measure(const char *what, int program, const struct query *queries, size_t count)
{
	uint32_t *took = xcalloc(count, sizeof(*took));
	struct test_frame in, out;
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		in.len = queries[i].len;
		memcpy(in.data, queries[i].data, in.len);
		if (frame_run(program, &in, &out) != XDP_TX) {
			printf("%s: query %zu is not answered\n", what, i);
			exit(1);
		}
		took[i] = out.duration_ns;
		sum += took[i];
	}
	qsort(took, count, sizeof(*took), compare);
	printf("\"%s\":{\"mean\":%.1f,\"median\":%u,\"p99\":%u}", what, sum / (double)count,
	       took[count / 2], took[count - 1 - count / 100]);
	free(took);
}

int main(int argc, char **argv)
{
	struct conf_error err = { 0 };
	struct turn_bpf *turn = turn_bpf__open_and_load();
	struct xdp_program *program;
	struct catalog *catalog;
	struct query *queries;
	const char *why;
	char text[400];
	size_t count;

	if (argc != 4 || !turn) {
		fprintf(stderr, "usage: xdp_bench CONFIG QUERIES ROUNDS, as root\n");
		return 2;
	}
	catalog = catalog_read(argv[1], &err);
	if (!catalog) {
		fprintf(stderr, "%s\n", conf_error_format(&err, text, sizeof(text)));
		return 2;
	}
	if (xdp_program_new(&program, snapshot_new(catalog, NULL), 12345, &why) < 0) {
		fprintf(stderr, "no program: %s\n", why ? why : "refused by the system");
		return 3;
	}
	count = strtoul(argv[2], NULL, 10);
	queries = queries_make(catalog, count);
	for (unsigned long i = strtoul(argv[3], NULL, 10); i > 0; i--) {
		printf("{");
		measure("answer", xdp_program_fd(program), queries, count);
		printf(",");
		measure("turn", bpf_program__fd(turn->progs.turn), queries, count);
		printf("}\n");
		fflush(stdout);
	}
	return 0;
}
