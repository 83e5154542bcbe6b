/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flow_watch ADDRESS PORT [PID IFACE POINT]...: when packets of connections to ADDRESS came by.
 *
 * POINT, at an interface of the process's namespace: "new" is what leaves for a PoP that has just
 * become theirs, "owner" what comes in at the one that has the connection, "reset" what comes
 * back from ADDRESS with RST. Of each connection, since the last mark: the first packet at a
 * point "new", the same one (by its sequence number) at a point "owner" after that, and the first
 * reset. The kernel's time stamps; one clock, since it is one machine.
 *
 * Commands: "mark", answered "marked"; "report": a line for each connection that came by at "new",
 * "NEW OWNER RESET" in ns, 0 for what was not seen, and "end".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

#define POINTS_MAX 8
#define FLOWS	   16384 /* a power of two, more than there are connections */
#define BATCH	   64
#define HEADERS	   40 /* IP and TCP without options: all that is looked at */
#define RECEIVE	   (8 << 20)

enum point { AT_NEW, AT_OWNER, AT_RESET };
static const char *const point_names[] = { "new", "owner", "reset" };

struct flow {
	uint32_t client;
	uint16_t port;
	uint32_t seq;
	int64_t at[3]; /* by enum point; 0: not yet */
};

struct watch {
	struct in_addr address;
	uint16_t port;
	unsigned count;
	struct pollfd fds[1 + POINTS_MAX];
	enum point points[1 + POINTS_MAX];
	struct flow flows[FLOWS];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct flow *flow_at(struct watch *w, uint32_t client, uint16_t port)
{
	uint32_t i = (client * 2654435761U) ^ (port * 40503U);

	for (;; i++) {
		struct flow *f = &w->flows[i % FLOWS];

		if (f->port == 0) {
			f->client = client;
			f->port = port;
		}
		if (f->client == client && f->port == port)
			return f;
	}
}

static void packet_see(struct watch *w, enum point point, const uint8_t *bytes, int64_t now)
{
	struct iphdr ip;
	struct tcphdr tcp;
	struct flow *f;

	memcpy(&ip, bytes, sizeof(ip));
	memcpy(&tcp, bytes + sizeof(ip), sizeof(tcp));
	f = point == AT_RESET ? flow_at(w, ip.daddr, tcp.dest) : flow_at(w, ip.saddr, tcp.source);
	if (f->at[point] || (point == AT_NEW && tcp.syn))
		return;
	if (point == AT_NEW)
		f->seq = tcp.seq;
	else if (f->at[AT_NEW] == 0 || (point == AT_OWNER && tcp.seq != f->seq))
		return;
	f->at[point] = now;
}

static int64_t stamp_of(struct msghdr *message)
{
	struct timespec ts = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void point_read(struct watch *w, unsigned i)
{
	uint8_t bytes[BATCH][HEADERS], control[BATCH][64];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];
	int n;

	do {
		for (int k = 0; k < BATCH; k++) {
			iov[k] = (struct iovec){ bytes[k], HEADERS };
			messages[k].msg_hdr =
				(struct msghdr){ .msg_iov = &iov[k],
						 .msg_iovlen = 1,
						 .msg_control = control[k],
						 .msg_controllen = sizeof(control[k]) };
		}
		n = recvmmsg(w->fds[i].fd, messages, BATCH, MSG_DONTWAIT, NULL);
		for (int k = 0; k < n; k++)
			if (messages[k].msg_len == HEADERS)
				packet_see(w, w->points[i], bytes[k],
					   stamp_of(&messages[k].msg_hdr));
	} while (n == BATCH);
}

/* TCP over IPv4 without options, with the address and port as source or destination, one way. */
static void filter_set(int fd, const struct watch *w, enum point point)
{
	const bool is_back = point == AT_RESET;
	const uint32_t way = point == AT_NEW ? PACKET_OUTGOING : PACKET_HOST;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, way, 0, 10),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 8),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, is_back ? 12 : 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(w->address.s_addr), 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, is_back ? 20 : 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, w->port, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 33),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x04, is_back, !is_back),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, HEADERS),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		die("filter");
}

static void point_add(struct watch *w, char **words)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int on = 1, room = RECEIVE;
	char path[64];
	int ns, fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", words[0]);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(path);
	close(ns);
	w->count++;
	while (strcmp(words[2], point_names[w->points[w->count]]) != 0)
		if (w->points[w->count]++ == AT_RESET)
			die(words[2]);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	at.sll_ifindex = (int)if_nametoindex(words[1]);
	if (fd < 0 || at.sll_ifindex == 0)
		die(words[1]);
	filter_set(fd, w, w->points[w->count]);
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("packet socket");
	w->fds[w->count] = (struct pollfd){ fd, POLLIN, 0 };
}

static void command_do(struct watch *w, const char *line)
{
	if (strcmp(line, "mark\n") == 0) {
		memset(w->flows, 0, sizeof(w->flows));
		puts("marked");
	} else {
		for (unsigned i = 0; i < FLOWS; i++)
			if (w->flows[i].at[AT_NEW])
				printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", w->flows[i].at[0],
				       w->flows[i].at[1], w->flows[i].at[2]);
		puts("end");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct watch w;
	char line[64];

	if (argc < 6 || argc > 3 + 3 * POINTS_MAX || inet_pton(AF_INET, argv[1], &w.address) != 1) {
		fputs("flow_watch ADDRESS PORT [PID IFACE POINT]...\n", stderr);
		return 1;
	}
	w.port = (uint16_t)strtoul(argv[2], NULL, 10);
	setvbuf(stdin, NULL, _IONBF, 0);
	w.fds[0] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
	for (int i = 3; i + 2 < argc; i += 3)
		point_add(&w, argv + i);
	puts("ready");
	fflush(stdout);
	for (;;) {
		poll(w.fds, 1 + w.count, -1);
		/* In this order: what was new is known before it comes to the owner. */
		for (enum point point = AT_NEW; point <= AT_RESET; point++)
			for (unsigned i = 1; i <= w.count; i++)
				if (w.points[i] == point)
					point_read(&w, i);
		if (w.fds[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			command_do(&w, line);
		}
	}
}
