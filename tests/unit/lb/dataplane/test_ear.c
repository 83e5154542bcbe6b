/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter is run here by an interpreter of the few instructions that it is
 * made of, so that its jumps are tested without a socket.
 */
#include "lb/dataplane/ear.h"

#include <criterion/criterion.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/wire.h"

struct packet {
	uint8_t type; /* PACKET_HOST, ... */
	unsigned ifindex;
	uint16_t protocol;
	struct addr to;
	uint8_t head[80]; /* what else there is of the network header and the next */
};

static uint32_t octet(const struct packet *packet, uint32_t offset)
{
	offset -= (uint32_t)SKF_NET_OFF;
	cr_assert_lt(offset, sizeof(packet->head));
	return packet->head[offset];
}

static uint32_t load(const struct packet *packet, uint32_t offset)
{
	size_t base = packet->to.family == ADDR_IPV4 ? 16 : 24;
	struct wire_reader r;

	if (offset == (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE))
		return packet->type;
	if (offset == (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX))
		return packet->ifindex;
	if (offset == (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL))
		return packet->protocol;
	offset -= (uint32_t)SKF_NET_OFF + (uint32_t)base;
	cr_assert_lt(offset, addr_size(packet->to.family), "reads the destination only");
	r = wire_reader(packet->to.bytes + offset, 4);
	return wire_get_u32(&r);
}

static uint32_t run(const struct sock_filter *code, size_t len, const struct packet *packet)
{
	uint32_t a = 0, x = 0;

	for (size_t pc = 0; pc < len; pc++) {
		const struct sock_filter *in = &code[pc];

		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(packet, in->k);
			break;
		case BPF_LD | BPF_B | BPF_ABS:
			a = octet(packet, in->k);
			break;
		case BPF_LD | BPF_H | BPF_ABS:
			a = octet(packet, in->k) << 8 | octet(packet, in->k + 1);
			break;
		case BPF_LD | BPF_B | BPF_IND:
			a = octet(packet, x + in->k);
			break;
		case BPF_LDX | BPF_B | BPF_MSH:
			x = 4 * (octet(packet, in->k) & 0xf);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & in->k ? in->jt : in->jf;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == in->k ? in->jt : in->jf;
			break;
		case BPF_JMP | BPF_JA:
			pc += in->k;
			break;
		case BPF_RET | BPF_K:
			return in->k;
		default:
			cr_assert_fail("instruction %#x", in->code);
		}
	}
	cr_assert_fail("ran off the end");
	return 0;
}

#define LOOPBACK 1

/* 64 addresses, the families mixed: the list is longer than a conditional jump reaches. */
static size_t fill(struct addr addrs[64])
{
	struct addr v6;

	addr_parse(&v6, "2001:db8::");
	for (uint32_t i = 0; i < 64; i++)
		addrs[i] = i % 4 ? addr_plus(&v6, i) : addr_from_ipv4(0xc6120000 + i);
	return 64;
}

static const struct {
	const char *name;
	uint8_t type;
	unsigned ifindex;
	uint16_t protocol;
	const char *to;
	uint32_t expected;
} rows[] = {
	{ "first IPv4", PACKET_HOST, 2, ETHERTYPE_IP, "198.18.0.0", 1 },
	{ "last IPv4", PACKET_HOST, 2, ETHERTYPE_IP, "198.18.0.60", 1 },
	{ "other IPv4", PACKET_HOST, 2, ETHERTYPE_IP, "198.18.0.61", 0 },
	{ "first IPv6", PACKET_HOST, 2, ETHERTYPE_IPV6, "2001:db8::1", 1 },
	{ "last IPv6", PACKET_HOST, 2, ETHERTYPE_IPV6, "2001:db8::3f", 1 },
	{ "last word differs", PACKET_HOST, 2, ETHERTYPE_IPV6, "2001:db8::40", 0 },
	{ "first word differs", PACKET_HOST, 2, ETHERTYPE_IPV6, "2001:db9::3f", 0 },
	{ "outgoing", PACKET_OUTGOING, 2, ETHERTYPE_IP, "198.18.0.0", 0 },
	{ "to itself", PACKET_HOST, LOOPBACK, ETHERTYPE_IP, "198.18.0.0", 0 },
	{ "ARP", PACKET_HOST, 2, ETHERTYPE_ARP, "198.18.0.0", 0 },
};

Test(ear, hears_what_comes_from_outside)
{
	struct sock_filter code[EAR_PROGRAM_SIZE(64)];
	struct addr addrs[64];
	size_t len = ear_program(code, EAR_ALL, addrs, fill(addrs), LOOPBACK);

	cr_assert_leq(len, sizeof(code) / sizeof(code[0]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet packet = {
			rows[i].type, rows[i].ifindex, rows[i].protocol, { 0 }, { 0 }
		};

		cr_assert(addr_parse(&packet.to, rows[i].to));
		cr_expect_eq(run(code, len, &packet), rows[i].expected, "%s", rows[i].name);
	}
}

#define SYN 0x02
#define ACK 0x10
#define RST 0x04

struct new_row {
	const char *name, *to;
	uint8_t protocol, words; /* of IPv4's header */
	uint16_t fragment;
	uint8_t flags;
	uint32_t expected;
};

/* clang-format off */
static const struct new_row new_rows[] = {
	{ "SYN",                      "198.18.0.0",     6, 5,  0,      SYN,        1 },
	{ "SYN with ECN",             "198.18.0.0",     6, 5,  0x4000, SYN | 0xc0, 1 },
	{ "SYN after options",        "198.18.0.0",     6, 15, 0,      SYN,        1 },
	{ "SYN to somebody else",     "198.18.0.61",    6, 5,  0,      SYN,        0 },
	{ "SYN and ACK",              "198.18.0.0",     6, 5,  0,      SYN | ACK,  0 },
	{ "ACK",                      "198.18.0.0",     6, 5,  0,      ACK,        0 },
	{ "RST",                      "198.18.0.0",     6, 5,  0,      RST,        0 },
	{ "first fragment",           "198.18.0.0",     6, 5,  0x2000, SYN,        1 },
	{ "a later one",              "198.18.0.0",     6, 5,  0x0001, SYN,        0 },
	{ "UDP",                      "198.18.0.60",    17, 5, 0,      ACK,        1 },
	{ "UDP to somebody else",     "198.18.0.61",    17, 5, 0,      0,          0 },
	{ "SYN over IPv6",            "2001:db8::1",    6, 0,  0,      SYN,        1 },
	{ "ACK over IPv6",            "2001:db8::1",    6, 0,  0,      ACK,        0 },
	{ "UDP over IPv6",            "2001:db8::3f",   17, 0, 0,      0,          1 },
	{ "SYN over IPv6, elsewhere", "2001:db8::40",   6, 0,  0,      SYN,        0 },
};
/* clang-format on */

static struct packet new_packet(const struct new_row *row)
{
	struct packet p = { .type = PACKET_HOST, .ifindex = 2 };

	cr_assert(addr_parse(&p.to, row->to));
	if (p.to.family == ADDR_IPV4) {
		p.protocol = ETHERTYPE_IP;
		p.head[0] = 0x40 | row->words;
		p.head[6] = (uint8_t)(row->fragment >> 8);
		p.head[7] = (uint8_t)row->fragment;
		p.head[9] = row->protocol;
		p.head[4 * row->words + 13] = row->flags;
	} else {
		p.protocol = ETHERTYPE_IPV6;
		p.head[6] = row->protocol;
		p.head[40 + 13] = row->flags;
	}
	return p;
}

Test(ear, hears_who_is_new)
{
	struct sock_filter code[EAR_PROGRAM_SIZE(64)];
	struct addr addrs[64];
	size_t len = ear_program(code, EAR_NEW, addrs, fill(addrs), LOOPBACK);

	cr_assert_leq(len, sizeof(code) / sizeof(code[0]));
	for (size_t i = 0; i < sizeof(new_rows) / sizeof(new_rows[0]); i++) {
		const struct packet packet = new_packet(&new_rows[i]);

		cr_expect_eq(run(code, len, &packet), new_rows[i].expected, "%s", new_rows[i].name);
	}
}
