/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wires [PID IFACE PID IFACE DELAY_US]...: wires between network namespaces, as the lab's are.
 *
 * Each is a TAP in the namespace of either process, and packets take DELAY_US from one to the
 * other. Says "ready" when they are there; then by a line each "sever N", "join N" and "late",
 * which answers by how much packets were late since the last time: "P99_NS MAX_NS DROPPED". Wires
 * are gone when the input ends.
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

static void command_do(struct wire_engine *engine, const char *line)
{
	struct wire_stats stats;
	size_t wire;

	if (sscanf(line, "sever %zu", &wire) == 1) {
		wire_engine_sever(engine, wire, true);
		puts("severed");
	} else if (sscanf(line, "join %zu", &wire) == 1) {
		wire_engine_sever(engine, wire, false);
		puts("joined");
	} else {
		wire_engine_stats(engine, &stats, true);
		printf("%" PRId64 " %" PRId64 " %" PRIu64 "\n",
		       histogram_quantile(&stats.late_ns, 0.99), stats.late_ns.max, stats.dropped);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const size_t count = (size_t)(argc - 1) / WORDS;
	struct wire_shape *shapes = xcalloc(2 * count, sizeof(*shapes));
	struct wire_engine *engine;
	char line[64];
	int err;

	for (size_t i = 0; i < count; i++)
		shapes[2 * i].delay_ns = shapes[2 * i + 1].delay_ns =
			strtoll(argv[1 + WORDS * i + 4], NULL, 10) * NS_PER_US;
	err = wire_engine_new(&engine, shapes, count, 1);
	if (err) {
		fprintf(stderr, "wires: %s\n", strerror(-err));
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		for (unsigned end = 0; end < 2; end++) {
			char **words = argv + 1 + WORDS * i + (size_t)2 * end;

			wire_engine_plug(engine, (struct wire_end){ i, end },
					 tap_in(words[0], words[1]));
		}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		command_do(engine, line);
	wire_engine_free(engine);
	free(shapes);
	return 0;
}
