/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flow_watch ADDRESS PORT [PID IFACE POINT]...: when packets of connections to ADDRESS came by.
 *
 * POINT, at an interface of the process's namespace: "new" is what leaves for a PoP that has just
 * become theirs, "owner" what comes in at the one that has the connection, "reset" what comes
 * back from ADDRESS with RST. Of each connection, since the last mark: the first packet at a
 * point "new", the same one (by its sequence number) at a point "owner" after that, and the first
 * reset. Noted in the kernel (flow_watch.bpf.c); one clock, since it is one machine.
 *
 * Commands: "mark", answered "marked"; "report": a line for each connection that came by at "new",
 * "NEW OWNER RESET" in ns, 0 for what was not seen, and "end".
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tools/flow_watch.h"
#include "tests/tools/flow_watch.skel.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct flow_watch_bpf *programs_load(const struct in_addr *address, uint16_t port)
{
	struct flow_watch_bpf *bpf = flow_watch_bpf__open();

	if (!bpf)
		die("flow_watch.bpf");
	bpf->rodata->address = address->s_addr;
	bpf->rodata->port = htons(port);
	if (flow_watch_bpf__load(bpf) < 0)
		die("flow_watch.bpf");
	return bpf;
}

static int program_of(const struct flow_watch_bpf *bpf, const char *point)
{
	if (strcmp(point, "new") == 0)
		return bpf_program__fd(bpf->progs.at_new);
	if (strcmp(point, "owner") == 0)
		return bpf_program__fd(bpf->progs.at_owner);
	if (strcmp(point, "reset") == 0)
		return bpf_program__fd(bpf->progs.at_reset);
	fprintf(stderr, "flow_watch: no point \"%s\"\n", point);
	exit(1);
}

/* The socket stays as long as the process. */
static void point_add(const struct flow_watch_bpf *bpf, char **words)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int program = program_of(bpf, words[2]);
	char path[64];
	int ns, fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", words[0]);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(path);
	close(ns);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	at.sll_ifindex = (int)if_nametoindex(words[1]);
	if (fd < 0 || at.sll_ifindex == 0)
		die(words[1]);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("packet socket");
}

/* What was seen before the last mark is forgotten, what since then printed if that is asked. */
static void flows_walk(const struct flow_watch_bpf *bpf, bool is_report)
{
	const int flows = bpf_map__fd(bpf->maps.flows);
	struct flow_watch_key key, next;
	struct flow_watch_flow flow;
	int err = bpf_map_get_next_key(flows, NULL, &next);

	while (err == 0) {
		key = next;
		err = bpf_map_get_next_key(flows, &key, &next);
		if (bpf_map_lookup_elem(flows, &key, &flow) < 0)
			continue;
		if (flow.mark != bpf->bss->mark)
			bpf_map_delete_elem(flows, &key);
		else if (is_report)
			printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (uint64_t)flow.at[AT_NEW],
			       (uint64_t)flow.at[AT_OWNER], (uint64_t)flow.at[AT_RESET]);
	}
}

int main(int argc, char **argv)
{
	struct flow_watch_bpf *bpf;
	struct in_addr address;
	char line[64];

	if (argc < 6 || argc % 3 != 0 || inet_pton(AF_INET, argv[1], &address) != 1) {
		fputs("flow_watch ADDRESS PORT [PID IFACE POINT]...\n", stderr);
		return 1;
	}
	bpf = programs_load(&address, (uint16_t)strtoul(argv[2], NULL, 10));
	for (int i = 3; i < argc; i += 3)
		point_add(bpf, argv + i);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "mark\n") == 0) {
			bpf->bss->mark++;
			flows_walk(bpf, false);
			puts("marked");
		} else {
			flows_walk(bpf, true);
			puts("end");
		}
		fflush(stdout);
	}
	flow_watch_bpf__destroy(bpf);
	return 0;
}
