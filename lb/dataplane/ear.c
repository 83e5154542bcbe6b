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
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/dataplane/dataplane.h"
#include "lib/alloc.h"

#define IPV4_DESTINATION (SKF_NET_OFF + 16)
#define IPV6_DESTINATION (SKF_NET_OFF + 24)
#define RECEIVE_BUFFER	 4096 /* the kernel's least is about that */

struct dataplane_ear {
	int fd;
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

/* If the packet is of this protocol, it is one of these addresses or nothing. */
static void match_family(struct program *p, uint32_t protocol, const struct addr *addrs,
			 size_t count, enum addr_family family)
{
	size_t jump;

	load(p, SKF_AD_OFF + SKF_AD_PROTOCOL);
	/* A conditional jump reaches 255 instructions only; the long one goes where it needs. */
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, protocol, 1, 0);
	jump = p->len++;
	for (size_t i = 0; i < count; i++)
		if (addrs[i].family == family)
			match_address(p, &addrs[i]);
	p->code[jump] =
		(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(p->len - jump - 1));
}

size_t ear_program(struct sock_filter *program, const struct addr *addrs, size_t count,
		   unsigned loopback)
{
	struct program p = { .code = program };

	load(&p, SKF_AD_OFF + SKF_AD_PKTTYPE);
	expect(&p, PACKET_OUTGOING, 1);
	finish(&p, 0);
	load(&p, SKF_AD_OFF + SKF_AD_IFINDEX);
	expect(&p, loopback, 1);
	finish(&p, 0);
	match_family(&p, ETHERTYPE_IP, addrs, count, ADDR_IPV4);
	match_family(&p, ETHERTYPE_IPV6, addrs, count, ADDR_IPV6);
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

int dataplane_ear_open(const struct addr *addrs, size_t count, struct dataplane_ear **out)
{
	struct sock_filter *program = xcalloc(EAR_PROGRAM_SIZE(count), sizeof(*program));
	struct sock_fprog filter = { .filter = program };
	int fd;

	filter.len = (unsigned short)ear_program(program, addrs, count, if_nametoindex("lo"));
	fd = open_socket(&filter);
	free(program);
	if (fd < 0)
		return fd;
	*out = x_new(struct dataplane_ear);
	(*out)->fd = fd;
	return 0;
}

bool dataplane_ear_heard(struct dataplane_ear *ear)
{
	bool heard = false;
	char byte;

	/* Bounded by the receive buffer, unless packets come in faster than they go. */
	for (int i = 0; i < 256 && recv(ear->fd, &byte, sizeof(byte), MSG_TRUNC) >= 0; i++)
		heard = true;
	return heard;
}

void dataplane_ear_close(struct dataplane_ear *ear)
{
	if (!ear)
		return;
	close(ear->fd);
	free(ear);
}
