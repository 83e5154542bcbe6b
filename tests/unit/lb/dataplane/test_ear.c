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
};

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
	uint32_t a = 0;

	for (size_t pc = 0; pc < len; pc++) {
		const struct sock_filter *in = &code[pc];

		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(packet, in->k);
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
	size_t len = ear_program(code, addrs, fill(addrs), LOOPBACK);

	cr_assert_leq(len, sizeof(code) / sizeof(code[0]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet packet = { rows[i].type, rows[i].ifindex, rows[i].protocol, { 0 } };

		cr_assert(addr_parse(&packet.to, rows[i].to));
		cr_expect_eq(run(code, len, &packet), rows[i].expected, "%s", rows[i].name);
	}
}
