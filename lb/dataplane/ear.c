/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a packet socket: after a withdrawal it must be known for sure whether
 * anything still comes for an address, without a firewall rule that somebody
 * else manages, and TCP's and UDP's own counters are not per address. The
 * socket exists only while a VIP lingers. It is not watched but looked into:
 * its buffer is small, so a flood costs a few packets per look, and one packet
 * is as good as many.
 */
#include "lb/dataplane/ear.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/dataplane/dataplane.h"
#include "lib/alloc.h"

#define IPV4_DESTINATION (SKF_NET_OFF + 16)
#define IPV6_DESTINATION (SKF_NET_OFF + 24)
#define IPV4_FRAGMENT	 (uint32_t)(SKF_NET_OFF + 6)
#define IPV4_PROTOCOL	 (uint32_t)(SKF_NET_OFF + 9)
#define IPV6_NEXT_HEADER (uint32_t)(SKF_NET_OFF + 6)
#define IPV6_TCP_FLAGS	 (uint32_t)(SKF_NET_OFF + 40 + TCP_FLAGS)
#define TCP_FLAGS	 13
#define RECEIVE_BUFFER	 4096 /* the kernel's least is about that */

struct dataplane_ear {
	int fd;
	uint64_t count;
	/* Instead of a socket; NULL: there is one. */
	uint64_t (*counter)(void *ctx, unsigned what);
	void *ctx;
	unsigned what;
	/* What it said when it was opened, when it was last asked, and at most. */
	uint64_t begun, heard, most;
};

struct program {
	struct sock_filter *code;
	size_t len;
};

static void load(struct program *p, int offset)
{
	p->code[p->len++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* Go on when A is value, else skip so many. */
static void expect(struct program *p, uint32_t value, size_t skip)
{
	p->code[p->len++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)skip);
}

static void finish(struct program *p, uint32_t verdict)
{
	p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
}

static void match_address(struct program *p, const struct addr *addr)
{
	int base = addr->family == ADDR_IPV4 ? IPV4_DESTINATION : IPV6_DESTINATION;
	size_t words = addr_size(addr->family) / 4;
	uint32_t word;

	for (size_t i = 0; i < words; i++) {
		memcpy(&word, addr->bytes + 4 * i, sizeof(word));
		load(p, base + (int)(4 * i));
		/* To behind this address: the words left, two instructions each, and the end. */
		expect(p, ntohl(word), 2 * (words - 1 - i) + 1);
	}
	finish(p, 1);
}

static void add(struct program *p, struct sock_filter instruction)
{
	p->code[p->len++] = instruction;
}

/* A holds TCP's flags: go on if they say SYN, without ACK, else it is nothing. */
static void match_syn(struct program *p)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK));
	expect(p, TH_SYN, 1);
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
	finish(p, 0);
}

/* Of a fragment that is not the first nobody knows: it begins nothing. */
static void match_new_ipv4(struct program *p)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV4_PROTOCOL));
	expect(p, IPPROTO_TCP, 9);
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IPV4_FRAGMENT));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 0, 1));
	finish(p, 0);
	add(p, (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, (uint32_t)SKF_NET_OFF));
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_IND,
					    (uint32_t)(SKF_NET_OFF + TCP_FLAGS)));
	match_syn(p);
}

/* What has extension headers counts: few do. */
static void match_new_ipv6(struct program *p)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV6_NEXT_HEADER));
	expect(p, IPPROTO_TCP, 5);
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV6_TCP_FLAGS));
	match_syn(p);
}

/* If the packet is of this protocol, it is one of these addresses or nothing. */
static void match_family(struct program *p, enum ear_kind kind, uint32_t protocol,
			 const struct addr *addrs, size_t count, enum addr_family family)
{
	size_t jump;

	load(p, SKF_AD_OFF + SKF_AD_PROTOCOL);
	/* A conditional jump reaches 255 instructions only; the long one goes where it needs. */
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, protocol, 1, 0);
	jump = p->len++;
	if (kind == EAR_NEW && family == ADDR_IPV4)
		match_new_ipv4(p);
	else if (kind == EAR_NEW)
		match_new_ipv6(p);
	for (size_t i = 0; i < count; i++)
		if (addrs[i].family == family)
			match_address(p, &addrs[i]);
	p->code[jump] =
		(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(p->len - jump - 1));
}

size_t ear_program(struct sock_filter *program, enum ear_kind kind, const struct addr *addrs,
		   size_t count, unsigned loopback)
{
	struct program p = { .code = program };

	load(&p, SKF_AD_OFF + SKF_AD_PKTTYPE);
	expect(&p, PACKET_OUTGOING, 1);
	finish(&p, 0);
	load(&p, SKF_AD_OFF + SKF_AD_IFINDEX);
	expect(&p, loopback, 1);
	finish(&p, 0);
	match_family(&p, kind, ETHERTYPE_IP, addrs, count, ADDR_IPV4);
	match_family(&p, kind, ETHERTYPE_IPV6, addrs, count, ADDR_IPV6);
	finish(&p, 0);
	return p.len;
}

static int open_socket(const struct sock_fprog *filter)
{
	const struct sockaddr_ll any = { .sll_family = AF_PACKET,
					 .sll_protocol = htons(ETH_P_ALL) };
	const int size = RECEIVE_BUFFER;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	/* Protocol 0 hears nothing: the filter is in place before the first packet. */
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0 &&
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int dataplane_ear_open(enum ear_kind kind, const struct addr *addrs, size_t count,
		       struct dataplane_ear **out)
{
	struct sock_filter *program = xcalloc(EAR_PROGRAM_SIZE(count), sizeof(*program));
	struct sock_fprog filter = { .filter = program };
	int fd;

	filter.len = (unsigned short)ear_program(program, kind, addrs, count, if_nametoindex("lo"));
	fd = open_socket(&filter);
	free(program);
	if (fd < 0)
		return fd;
	*out = x_new(struct dataplane_ear);
	(*out)->fd = fd;
	return 0;
}

struct dataplane_ear *dataplane_ear_of(uint64_t (*count)(void *ctx, unsigned what), void *ctx,
				       unsigned what)
{
	struct dataplane_ear *ear = x_new(struct dataplane_ear);

	*ear = (struct dataplane_ear){ .fd = -1, .counter = count, .ctx = ctx, .what = what };
	ear->begun = ear->heard = ear->most = count(ctx, what);
	return ear;
}

/*
 * A difference of counters that go up one after the other: read in between, it is for a moment more
 * than it will be.
 */
static uint64_t counter_most(struct dataplane_ear *ear)
{
	const uint64_t now = ear->counter(ear->ctx, ear->what);

	if ((int64_t)(now - ear->most) > 0)
		ear->most = now;
	return ear->most;
}

static bool counter_heard(struct dataplane_ear *ear)
{
	const uint64_t before = ear->heard;

	ear->heard = counter_most(ear);
	return ear->heard != before;
}

bool dataplane_ear_heard(struct dataplane_ear *ear)
{
	bool heard = false;
	char byte;

	if (ear->counter)
		return counter_heard(ear);
	/* Bounded by the receive buffer, unless packets come in faster than they go. */
	for (int i = 0; i < 256 && recv(ear->fd, &byte, sizeof(byte), MSG_TRUNC) >= 0; i++)
		heard = true;
	return heard;
}

/* The kernel counts what passes the filter, also what the buffer has no room for. */
uint64_t dataplane_ear_count(struct dataplane_ear *ear)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	if (ear->counter)
		return counter_most(ear) - ear->begun;
	if (getsockopt(ear->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		ear->count += stats.tp_packets;
	return ear->count;
}

void dataplane_ear_close(struct dataplane_ear *ear)
{
	if (!ear)
		return;
	if (ear->fd >= 0)
		close(ear->fd);
	free(ear);
}
