/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resets that answer packets; checksums are verified octet by octet as RFC 1071 says. */
#include <criterion/criterion.h>
#include <string.h>

#include "lb/flow/reset.h"

#define PACKET_MAX 200

struct packet {
	uint8_t bytes[PACKET_MAX];
	size_t len;
};

static const uint8_t ipv4_header[] = { 0x45, 0, 0,   40, 1, 2, 0x40, 0,	 64,  6,
				       0,    0, 192, 0,	 2, 1, 198,  51, 100, 7 };
static const uint8_t ipv6_header[] = { 0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 1, 0x0d, 0xb8, 0,    0,
				       0,    1, 0, 0, 0, 0,  0, 0,  0,	  1, 0x20, 1,	 0x0d, 0xb8,
				       0xff, 0, 0, 0, 0, 0,  0, 0,  0,	  0, 0,	   7 };

static struct packet packet(bool is_ipv6, const uint8_t *options, size_t options_len, uint8_t flags,
			    size_t payload)
{
	struct packet p = { .len = 0 };
	const size_t ip = is_ipv6 ? sizeof(ipv6_header) : sizeof(ipv4_header);
	const uint8_t tcp[20] = { 0xc0, 1,    1,    0xbb, 0x11, 0x22,  0x33, 0x44,
				  0xff, 0xee, 0xdd, 0xcc, 0x50, flags, 0x12, 0x34 };
	size_t total;

	memcpy(p.bytes, is_ipv6 ? ipv6_header : ipv4_header, ip);
	if (options_len > 0)
		memcpy(p.bytes + ip, options, options_len);
	memcpy(p.bytes + ip + options_len, tcp, sizeof(tcp));
	p.len = ip + options_len + sizeof(tcp) + payload;
	total = is_ipv6 ? p.len - ip : p.len;
	p.bytes[is_ipv6 ? 4 : 2] = (uint8_t)(total >> 8);
	p.bytes[is_ipv6 ? 5 : 3] = (uint8_t)total;
	if (!is_ipv6)
		p.bytes[0] = (uint8_t)(0x40 | (ip + options_len) / 4);
	return p;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t total)
{
	for (size_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void expect_reset(const char *name, const struct packet *p, uint32_t seq, uint32_t ack,
			 uint8_t flags)
{
	const bool is_ipv6 = p->bytes[0] >> 4 == 6;
	const size_t ip = is_ipv6 ? 40 : 20, addr = is_ipv6 ? 16 : 4, at = is_ipv6 ? 8 : 12;
	uint8_t out[RESET_SIZE_MAX];
	const uint8_t *tcp = out + ip;
	size_t len = reset_packet_build(out, p->bytes, p->len);

	cr_assert_eq(len, ip + 20, "%s: %zu octets", name, len);
	cr_expect_leq(len, p->len, "%s: longer than what it answers", name);
	cr_expect_arr_eq(out + at, p->bytes + at + addr, addr, "%s: from", name);
	cr_expect_arr_eq(out + at + addr, p->bytes + at, addr, "%s: to", name);
	cr_expect_arr_eq(tcp, ((uint8_t[]){ 1, 0xbb, 0xc0, 1 }), 4, "%s: ports", name);
	cr_expect_eq(be32(tcp + 4), seq, "%s: SEQ %x", name, be32(tcp + 4));
	cr_expect_eq(be32(tcp + 8), ack, "%s: ACK %x", name, be32(tcp + 8));
	cr_expect_eq(tcp[12], 0x50, "%s", name);
	cr_expect_eq(tcp[13], flags, "%s: flags %x", name, tcp[13]);
	cr_expect_eq(sum(tcp, 20, sum(out + at, 2 * addr, 6 + 20)), 0xffff, "%s: TCP's sum", name);
	if (is_ipv6) {
		cr_expect_arr_eq(out, ((uint8_t[]){ 0x60, 0, 0, 0, 0, 20, 6, 64 }), 8, "%s", name);
	} else {
		cr_expect_eq(sum(out, 20, 0), 0xffff, "%s: IP's sum", name);
		cr_expect_arr_eq(out, ((uint8_t[]){ 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6 }), 10,
				 "%s", name);
	}
	len = reset_packet_build(out, out, len);
	cr_expect_eq(len, 0, "%s: a reset is not answered", name);
}

/* RFC 9293, 3.10.7.1. */
Test(reset, answers_as_a_closed_port_does)
{
	static const struct {
		const char *name;
		uint8_t flags;
		size_t payload;
		uint32_t seq, ack;
		uint8_t out;
	} rows[] = {
		{ "ACK", 0x10, 0, 0xffeeddcc, 0, 0x04 },
		{ "data", 0x18, 100, 0xffeeddcc, 0, 0x04 },
		{ "FIN ACK", 0x11, 0, 0xffeeddcc, 0, 0x04 },
		{ "SYN ACK", 0x12, 0, 0xffeeddcc, 0, 0x04 },
		{ "nothing", 0x00, 0, 0, 0x11223344, 0x14 },
		{ "data without ACK", 0x08, 100, 0, 0x112233a8, 0x14 },
		{ "SYN", 0x02, 0, 0, 0x11223345, 0x14 },
		{ "FIN with data", 0x01, 10, 0, 0x1122334f, 0x14 },
		{ "SYN and FIN", 0x03, 1, 0, 0x11223347, 0x14 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int v6 = 0; v6 < 2; v6++) {
			struct packet p = packet(v6, NULL, 0, rows[i].flags, rows[i].payload);

			expect_reset(rows[i].name, &p, rows[i].seq, rows[i].ack, rows[i].out);
		}
}

Test(reset, options_do_no_harm)
{
	static const uint8_t record_route[8] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	static const uint8_t extensions[24] = { 60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12 };
	struct packet p = packet(false, record_route, sizeof(record_route), 0x08, 60);

	expect_reset("IPv4 options", &p, 0, 0x11223344 + 60, 0x14);
	p = packet(true, extensions, sizeof(extensions), 0x10, 5);
	p.bytes[6] = 0;
	expect_reset("hop-by-hop and destination options", &p, 0xffeeddcc, 0, 0x04);
	p = packet(false, NULL, 0, 0x08, 60);
	p.bytes[32] = 0x60;
	expect_reset("TCP options are not payload", &p, 0, 0x11223344 + 56, 0x14);
}

Test(reset, most_things_are_not_answered)
{
	static const struct {
		const char *name;
		bool is_ipv6;
		uint8_t at, value, flags;
	} rows[] = {
		{ "RST", false, 0, 0x45, 0x04 },
		{ "RST ACK", true, 0, 0x60, 0x14 },
		{ "no version", false, 0, 0x55, 0x10 },
		{ "UDP", false, 9, 17, 0x10 },
		{ "UDP over IPv6", true, 6, 17, 0x10 },
		{ "a first fragment", false, 6, 0x20, 0x10 },
		{ "a later fragment", false, 7, 1, 0x10 },
		{ "an IPv6 fragment", true, 6, 44, 0x10 },
		{ "an IP header of 16", false, 0, 0x44, 0x10 },
		{ "shorter than its IP header", false, 3, 19, 0x10 },
		{ "no room for TCP", false, 3, 39, 0x10 },
		{ "no room for TCP over IPv6", true, 5, 19, 0x10 },
		{ "a TCP header of 16", false, 32, 0x40, 0x10 },
		{ "a TCP header beyond the end", false, 32, 0x60, 0x10 },
		{ "from 0.0.0.0/8", false, 12, 0, 0x10 },
		{ "from loopback", false, 12, 127, 0x10 },
		{ "from multicast", false, 12, 224, 0x10 },
		{ "from broadcast", false, 12, 255, 0x10 },
		{ "from IPv6 multicast", true, 8, 0xff, 0x10 },
	};
	uint8_t out[RESET_SIZE_MAX];
	struct packet p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		p = packet(rows[i].is_ipv6, NULL, 0, rows[i].flags, 0);
		p.bytes[rows[i].at] = rows[i].value;
		cr_expect_eq(reset_packet_build(out, p.bytes, p.len), 0, "%s", rows[i].name);
	}
	p = packet(false, NULL, 0, 0x10, 0);
	memcpy(p.bytes + 16, p.bytes + 12, 4);
	cr_expect_eq(reset_packet_build(out, p.bytes, p.len), 0, "from itself");
	p = packet(true, NULL, 0, 0x10, 0);
	memset(p.bytes + 8, 0, 16);
	cr_expect_eq(reset_packet_build(out, p.bytes, p.len), 0, "from ::");
	p.bytes[23] = 1;
	cr_expect_eq(reset_packet_build(out, p.bytes, p.len), 0, "from ::1");
}

Test(reset, every_shorter_packet_is_not_answered)
{
	uint8_t out[RESET_SIZE_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		const struct packet p = packet(v6, NULL, 0, 0x10, 0);

		for (size_t len = 0; len < p.len; len++) {
			uint8_t *copy = malloc(len + 1);

			memcpy(copy + 1, p.bytes, len);
			cr_expect_eq(reset_packet_build(out, copy + 1, len), 0, "%zu octets", len);
			free(copy);
		}
	}
}
