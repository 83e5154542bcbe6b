/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wires QUANTUM_US [PID IFACE PID IFACE DELAY_US]...: wires between network namespaces, as the
 * lab's are.
 *
 * Each is a TAP in the namespace of either process, and packets take DELAY_US from one to the
 * other, or up to QUANTUM_US more: in turns of that length TAPs are looked at, where the lab's
 * wires are woken by each packet (testbed/wire/engine.h); 0 for that. Each wire has an engine,
 * and so a thread, of its own, so that all cores carry packets. Says "ready" when they are there;
 * then by a line each "sever N", "join N" and "late", which answers by how much packets of the
 * worst wire were late since the last time, from when they were read on, and how long they had
 * waited to be read: "P99_NS MAX_NS UNREAD_P99_NS DROPPED". Wires are gone when the input ends.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/wire/engine.h"
#include "testbed/wire/tap.h"

#define FIRST 2 /* word that is about a wire */
#define WORDS 5 /* of a wire */

static int tap_in(const char *pid, const char *iface)
{
	char path[64];
	int ns, fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) {
		perror(path);
		exit(1);
	}
	close(ns);
	fd = tap_open(iface, 0);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", iface, strerror(-fd));
		exit(1);
	}
	return fd;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void late_print(struct wire_engine **engines, size_t count)
{
	int64_t p99 = 0, max = 0, unread = 0;
	uint64_t dropped = 0;

	for (size_t i = 0; i < count; i++) {
		struct wire_stats stats;

		wire_engine_stats(engines[i], &stats, true);
		p99 = larger(p99, histogram_quantile(&stats.late_ns, 0.99));
		max = larger(max, stats.late_ns.max);
		unread = larger(unread, histogram_quantile(&stats.unread_ns, 0.99));
		dropped += stats.dropped;
	}
	printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 "\n", p99, max, unread, dropped);
}

static void command_do(struct wire_engine **engines, size_t count, const char *line)
{
	size_t wire;

	if (sscanf(line, "sever %zu", &wire) == 1 && wire < count) {
		wire_engine_sever(engines[wire], 0, true);
		puts("severed");
	} else if (sscanf(line, "join %zu", &wire) == 1 && wire < count) {
		wire_engine_sever(engines[wire], 0, false);
		puts("joined");
	} else {
		late_print(engines, count);
	}
	fflush(stdout);
}

/* words: PID IFACE PID IFACE DELAY_US */
static struct wire_engine *wire_lay(char **words, int64_t quantum_ns, uint64_t seed)
{
	const int64_t delay_ns = strtoll(words[4], NULL, 10) * NS_PER_US;
	const struct wire_shape shapes[2] = { { .delay_ns = delay_ns }, { .delay_ns = delay_ns } };
	struct wire_engine *engine;
	const int err = wire_engine_new(&engine, shapes, 1, seed, quantum_ns);

	if (err) {
		fprintf(stderr, "wires: %s\n", strerror(-err));
		exit(1);
	}
	for (unsigned end = 0; end < 2; end++)
		wire_engine_plug(engine, (struct wire_end){ 0, end },
				 tap_in(words[2 * end], words[2 * end + 1]));
	return engine;
}

int main(int argc, char **argv)
{
	const size_t count = argc > FIRST ? (size_t)(argc - FIRST) / WORDS : 0;
	struct wire_engine **engines = xcalloc(count + 1, sizeof(struct wire_engine *));
	char line[64];

	if (argc < FIRST) {
		fputs("wires QUANTUM_US [PID IFACE PID IFACE DELAY_US]...\n", stderr);
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		engines[i] = wire_lay(argv + FIRST + WORDS * i,
				      strtoll(argv[1], NULL, 10) * NS_PER_US, i + 1);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		command_do(engines, count, line);
	for (size_t i = 0; i < count; i++)
		wire_engine_free(engines[i]);
	free(engines);
	return 0;
}
