/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_shell: the program in front of the kernel, by hand; for tests/integration/test_front*.py.
 *
 * Reads commands, a line each, and answers each with a line that begins with "ok" or "error"; what
 * user space was shown comes before it, a line each. Octets are in hex. In the network namespace
 * that it is started in; ends with its input.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/dataplane/front.h"
#include "lib/alloc.h"

#define WORDS_MAX  64
#define PACKET_MAX 16384

struct shell {
	struct front *front;
	struct front_options options;
	char *words[WORDS_MAX];
	size_t count;
};

static const char *word(const struct shell *sh, size_t i)
{
	return i < sh->count ? sh->words[i] : "";
}

static unsigned number(const struct shell *sh, size_t i)
{
	return (unsigned)strtoul(word(sh, i), NULL, 0);
}

static size_t hex_read(const char *text, uint8_t *out, size_t size)
{
	size_t len = 0;
	unsigned octet;

	for (; len < size && sscanf(text, "%2x", &octet) == 1; text += 2)
		out[len++] = (uint8_t)octet;
	return len;
}

static void hex_print(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
}

static int answer(int err)
{
	if (err < 0)
		printf("error %s\n", strerror(-err));
	else
		printf("ok\n");
	return 0;
}

static void on_packet(void *ctx, const struct front_packet *p)
{
	static const char *const kinds[] = {
		[FRONT_ASK] = "ask", [FRONT_RELEASE] = "release", [FRONT_GONE] = "gone"
	};

	(void)ctx;
	printf("packet %s %d %d %u %u %d ", kinds[p->kind], p->tcp_flags, p->is_error, p->pop,
	       p->row, p->is_cut);
	hex_print((const uint8_t *)&p->key, sizeof(p->key));
	printf(" ");
	hex_print(p->data, p->len);
	printf("\n");
}

/* Names and values of options. */
static int do_new(struct shell *sh)
{
	struct front_options *o = &sh->options;
	const char *why;
	int err;

	*o = (struct front_options){ .gue_port = GUE_PORT, .on_packet = on_packet, .ctx = sh };
	for (size_t i = 1; i + 1 < sh->count; i += 2) {
		const char *name = sh->words[i];
		const unsigned value = number(sh, i + 1);

		if (strcmp(name, "xdp") == 0)
			o->plane = value ? FRONT_XDP : FRONT_LOCAL;
		else if (strcmp(name, "flows") == 0)
			o->flows = value;
		else if (strcmp(name, "services") == 0)
			o->services = value;
		else if (strcmp(name, "maglev") == 0)
			o->maglev_size = value;
		else if (strcmp(name, "prefix_burst") == 0)
			o->ask_prefix = (struct front_rate){ 1, value };
		else if (strcmp(name, "all_burst") == 0)
			o->ask_all = (struct front_rate){ 1, value };
		else if (strcmp(name, "half") == 0)
			o->half_prefix_max = value;
		else if (strcmp(name, "long") == 0)
			o->long_way_only = value;
		else if (strcmp(name, "pin") == 0)
			o->pin = sh->words[i + 1];
		else
			return answer(-EINVAL);
	}
	err = front_new(&sh->front, o, &why);
	if (err)
		printf("error %s: %s\n", strerror(-err), why ? why : "-");
	else
		printf("ok\n");
	return 0;
}

static int do_own(struct shell *sh)
{
	struct addr addrs[WORDS_MAX];

	for (size_t i = 1; i < sh->count; i++)
		if (!addr_parse(&addrs[i - 1], sh->words[i]))
			return answer(-EINVAL);
	return answer(front_own_set(sh->front, addrs, sh->count - 1));
}

/* address, port, protocol, row, service */
static int do_vip(struct shell *sh)
{
	struct endpoint vip = { .port = (uint16_t)number(sh, 2) };

	if (!addr_parse(&vip.addr, word(sh, 1)))
		return answer(-EINVAL);
	return answer(front_vip_add(sh->front, &vip, (uint8_t)number(sh, 3), number(sh, 4),
				    number(sh, 5)));
}

static int do_unvip(struct shell *sh)
{
	struct endpoint vip = { .port = (uint16_t)number(sh, 2) };

	if (!addr_parse(&vip.addr, word(sh, 1)))
		return answer(-EINVAL);
	return answer(front_vip_remove(sh->front, &vip, (uint8_t)number(sh, 3)));
}

static struct siphash_key key_read(const char *text)
{
	uint8_t octets[SIPHASH_KEY_SIZE] = { 0 };

	hex_read(text, octets, sizeof(octets));
	return siphash_key(octets);
}

/* index, theirs, ours, key in, key out, epoch in, the one before, epoch out */
static int do_pop(struct shell *sh)
{
	struct gue_path in = { .key = key_read(word(sh, 4)),
			       .epoch = number(sh, 6),
			       .epoch_before = number(sh, 7) };
	struct gue_path out = { .key = key_read(word(sh, 5)), .epoch = number(sh, 8) };
	struct addr theirs, ours;

	if (sh->count == 2)
		return answer(front_pop_set(sh->front, number(sh, 1), NULL, NULL, 0));
	if (!addr_parse(&theirs, word(sh, 2)) || !addr_parse(&ours, word(sh, 3)))
		return answer(-EINVAL);
	flow_addr_set(in.source, &theirs);
	flow_addr_set(in.destination, &ours);
	flow_addr_set(out.source, &ours);
	flow_addr_set(out.destination, &theirs);
	return answer(front_pop_set(sh->front, number(sh, 1), &in, &out,
				    sh->count > 9 ? (uint16_t)number(sh, 9) : GUE_PORT));
}

/* interface, mode, neighbour */
static int do_attach(struct shell *sh)
{
	static const char *const modes[] = { "auto", "native", "generic" };
	enum front_mode mode = FRONT_MODE_AUTO, got = FRONT_MODE_AUTO;
	struct addr neighbor;
	bool has = sh->count > 3 && addr_parse(&neighbor, sh->words[3]);
	int err;

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(word(sh, 2), modes[i]) == 0)
			mode = (enum front_mode)i;
	err = front_attach(sh->front, word(sh, 1), mode, has ? &neighbor : NULL, &got);
	if (err)
		return answer(err);
	printf("ok %s\n", modes[got]);
	return 0;
}

static int do_detach(struct shell *sh)
{
	return answer(front_detach(sh->front, word(sh, 1)));
}

/* frame; how often, and the time is printed */
static int do_run(struct shell *sh)
{
	uint8_t in[PACKET_MAX], out[PACKET_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);

	opts.data_size_in = (uint32_t)hex_read(word(sh, 1), in, sizeof(in));
	if (bpf_prog_test_run_opts(front_program_fd(sh->front), &opts) < 0)
		return answer(-errno);
	printf("ok %u ", opts.retval);
	hex_print(out, opts.data_size_out);
	printf("\n");
	return 0;
}

static int do_read(struct shell *sh)
{
	return answer(front_read(sh->front));
}

static int do_flow(struct shell *sh)
{
	const char *what = word(sh, 0);
	struct flow_key key = { .proto = 0 };
	uint64_t age_ms = 0;
	bool is = true;

	if (hex_read(word(sh, 1), (uint8_t *)&key, sizeof(key)) != sizeof(key))
		return answer(-EINVAL);
	if (strcmp(what, "find") == 0)
		is = front_flow_find(sh->front, &key, &age_ms);
	else if (strcmp(what, "learn") == 0)
		is = front_flow_learn(sh->front, &key, number(sh, 2));
	else if (strcmp(what, "refuse") == 0)
		front_flow_refuse(sh->front, &key);
	else
		front_flow_forget(sh->front, &key);
	printf("ok %d %llu\n", is, (unsigned long long)age_ms);
	return 0;
}

/* What others would be told of it: standing, age and idle time. */
static int do_look(struct shell *sh)
{
	struct flow_key key = { .proto = 0 };
	struct answerer_flow flow;

	if (hex_read(word(sh, 1), (uint8_t *)&key, sizeof(key)) != sizeof(key))
		return answer(-EINVAL);
	flow = front_flow_look(sh->front, &key);
	printf("ok %d %u %u\n", flow.standing, flow.age_ms, flow.idle_ms);
	return 0;
}

static int do_pop_forget(struct shell *sh)
{
	bool pops[FRONT_POPS_MAX] = { false };

	pops[number(sh, 1) % FRONT_POPS_MAX] = true;
	front_pops_forget(sh->front, pops);
	return answer(0);
}

/* How many seconds' sweeps; the flows in each state by the last whole walk. */
static int do_sweep(struct shell *sh)
{
	struct flow_census census;

	for (unsigned i = 0; i < number(sh, 1); i++)
		front_sweep(sh->front);
	front_census(sh->front, &census);
	printf("ok");
	for (unsigned i = 0; i <= FLOW_HALF; i++)
		printf(" %llu", (unsigned long long)census.states[i]);
	printf("\n");
	return 0;
}

static int do_count(struct shell *sh)
{
	printf("ok {");
	for (unsigned i = 0; i < FRONT_COUNTS; i++)
		if (front_count_name((enum front_count)i))
			printf("%s\"%s\":%llu", i ? "," : "", front_count_name((enum front_count)i),
			       (unsigned long long)front_count(sh->front, (enum front_count)i));
	printf("}\n");
	return 0;
}

static int do_vip_count(struct shell *sh)
{
	struct front_vip_counts c;

	front_vip_count(sh->front, number(sh, 1), &c);
	printf("ok {\"packets\":%llu,\"octets\":%llu,\"syns\":%llu,\"known\":%llu,\"handed\":%llu,"
	       "\"asked\":%llu,\"delivered\":%llu,\"plain\":%llu}\n",
	       (unsigned long long)c.packets, (unsigned long long)c.octets,
	       (unsigned long long)c.syns, (unsigned long long)c.known,
	       (unsigned long long)c.handed, (unsigned long long)c.asked,
	       (unsigned long long)c.delivered, (unsigned long long)c.plain);
	return 0;
}

/* index, MAC, ifindex, MAC of that interface */
static int do_origin(struct shell *sh)
{
	uint8_t mac[6] = { 0 }, from[6] = { 0 };

	if (sh->count == 2) {
		front_origin_clear(sh->front, number(sh, 1));
		return answer(0);
	}
	hex_read(word(sh, 2), mac, sizeof(mac));
	hex_read(word(sh, 4), from, sizeof(from));
	return answer(front_origin_set(sh->front, number(sh, 1), mac, number(sh, 3), from));
}

static int do_origin_count(struct shell *sh)
{
	struct front_origin_counts c;

	front_origin_count(sh->front, number(sh, 1), &c);
	printf("ok %llu %llu\n", (unsigned long long)c.packets, (unsigned long long)c.octets);
	return 0;
}

/* service, and origins, which take turns in its table */
static int do_service(struct shell *sh)
{
	uint16_t *table = xcalloc(sh->options.maglev_size, sizeof(*table));
	int err;

	for (uint32_t i = 0; i < sh->options.maglev_size && sh->count > 2; i++)
		table[i] = (uint16_t)number(sh, 2 + i % (sh->count - 2));
	err = front_service_set(sh->front, number(sh, 1), table);
	free(table);
	return answer(err);
}

static void network_print(void *ctx, const uint8_t client[FLOW_ADDR_SIZE])
{
	(void)ctx;
	printf(" ");
	hex_print(client, FLOW_ADDR_SIZE);
}

/* An address of each. */
static int do_networks(struct shell *sh)
{
	printf("ok");
	front_networks_take(sh->front, network_print, NULL);
	printf("\n");
	return 0;
}

/* 1: what is pinned stays */
static int do_free(struct shell *sh)
{
	front_free(sh->front, number(sh, 1));
	sh->front = NULL;
	return answer(0);
}

static int carry_out(struct shell *sh)
{
	static const struct {
		const char *name;
		int (*run)(struct shell *sh);
	} commands[] = {
		{ "new", do_new },
		{ "own", do_own },
		{ "vip", do_vip },
		{ "unvip", do_unvip },
		{ "pop", do_pop },
		{ "attach", do_attach },
		{ "detach", do_detach },
		{ "run", do_run },
		{ "read", do_read },
		{ "find", do_flow },
		{ "look", do_look },
		{ "learn", do_flow },
		{ "refuse", do_flow },
		{ "forget", do_flow },
		{ "pop_forget", do_pop_forget },
		{ "sweep", do_sweep },
		{ "networks", do_networks },
		{ "count", do_count },
		{ "vip_count", do_vip_count },
		{ "origin", do_origin },
		{ "origin_count", do_origin_count },
		{ "service", do_service },
		{ "free", do_free },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, sh->words[0]) == 0)
			return commands[i].run(sh);
	return answer(-EINVAL);
}

int main(void)
{
	struct shell sh = { .front = NULL };
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		sh.count = 0;
		for (char *w = strtok(line, " \n"); w && sh.count < WORDS_MAX;
		     w = strtok(NULL, " \n"))
			sh.words[sh.count++] = w;
		if (sh.count > 0)
			carry_out(&sh);
		fflush(stdout);
	}
	front_free(sh.front, false);
	free(line);
	return 0;
}
