/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xdp_frame.h - for tests: a DNS message as a frame, through a program, and what came of it.
 *
 * Checksums are computed octet by octet as RFC 1071 says, nothing is shared with the program.
 */
#ifndef TESTS_SUPPORT_XDP_FRAME_H
#define TESTS_SUPPORT_XDP_FRAME_H

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/wire.h"

#define FRAME_MAX 4096
#define FRAME_ETH 14

struct test_frame {
	uint8_t data[FRAME_MAX];
	size_t len;
	uint32_t duration_ns;
};

static const uint8_t frame_macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

static inline size_t frame_ip_size(enum addr_family family)
{
	return family == ADDR_IPV4 ? 20 : 40;
}

static inline uint32_t frame_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of a UDP packet with its pseudo-header: 0xffff if the checksum in it is right. */
static inline uint32_t frame_udp_sum(enum addr_family family, const uint8_t *ip, size_t udp_len)
{
	const size_t addrs = family == ADDR_IPV4 ? 8 : 32;
	const uint8_t *from = ip + (family == ADDR_IPV4 ? 12 : 8);

	return frame_sum(ip + frame_ip_size(family), udp_len,
			 frame_sum(from, addrs, 17 + (uint32_t)udp_len));
}

/* from and to: of one family. */
static inline void frame_make(struct test_frame *f, const struct endpoint *from,
			      const struct endpoint *to, const void *message, size_t len)
{
	const enum addr_family family = (enum addr_family)to->addr.family;
	const size_t udp_len = 8 + len;
	struct wire_writer w = wire_writer(f->data, sizeof(f->data));
	uint8_t *ip = f->data + FRAME_ETH;
	uint32_t sum;

	wire_put_bytes(&w, frame_macs, sizeof(frame_macs));
	if (family == ADDR_IPV4) {
		wire_put_u16(&w, 0x0800);
		wire_put_u16(&w, 0x4500);
		wire_put_u16(&w, (uint16_t)(20 + udp_len));
		wire_put_u32(&w, 0x12340000);
		wire_put_u32(&w, 0x39110000); /* TTL 57 */
	} else {
		wire_put_u16(&w, 0x86dd);
		wire_put_u32(&w, 0x60012345);
		wire_put_u16(&w, (uint16_t)udp_len);
		wire_put_u16(&w, 0x1139);
	}
	wire_put_bytes(&w, from->addr.bytes, addr_size(family));
	wire_put_bytes(&w, to->addr.bytes, addr_size(family));
	wire_put_u16(&w, from->port);
	wire_put_u16(&w, to->port);
	wire_put_u16(&w, (uint16_t)udp_len);
	wire_put_u16(&w, 0);
	wire_put_bytes(&w, message, len);
	f->len = wire_written(&w);
	if (family == ADDR_IPV4) {
		sum = ~frame_sum(ip, 20, 0) & 0xffff;
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
	sum = ~frame_udp_sum(family, ip, udp_len) & 0xffff;
	ip[frame_ip_size(family) + 6] = (uint8_t)(sum >> 8);
	ip[frame_ip_size(family) + 7] = (uint8_t)sum;
}

/* The program's verdict (XDP_PASS, ...); out becomes what it has left. */
static inline int frame_run(int program, const struct test_frame *in, struct test_frame *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = (uint32_t)in->len,
		    .data_out = out->data, .data_size_out = sizeof(out->data), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &opts) < 0) {
		fprintf(stderr, "BPF_PROG_TEST_RUN: %s\n", strerror(errno));
		exit(3);
	}
	out->len = opts.data_size_out;
	out->duration_ns = opts.duration;
	return (int)opts.retval;
}

/* NULL if reply is a proper packet from to to from with that message in it, else what is wrong. */
static inline const char *frame_reply_fault(const struct test_frame *reply,
					    const struct endpoint *from, const struct endpoint *to,
					    const uint8_t *message, size_t len)
{
	const enum addr_family family = (enum addr_family)to->addr.family;
	const size_t size = addr_size(family), ip_size = frame_ip_size(family);
	const uint8_t *ip = reply->data + FRAME_ETH, *udp = ip + ip_size;
	const uint8_t *addrs = udp - 2 * size;

	if (reply->len != FRAME_ETH + ip_size + 8 + len)
		return "length of the frame";
	if (memcmp(reply->data, frame_macs + 6, 6) != 0 || memcmp(reply->data + 6, frame_macs, 6))
		return "MAC addresses";
	if (family == ADDR_IPV4 && (ip[0] != 0x45 || (size_t)(ip[2] << 8 | ip[3]) != 28 + len ||
				    ip[6] & 0x3f || ip[7] || ip[8] != 64 || ip[9] != 17))
		return "IPv4 header";
	if (family == ADDR_IPV4 && frame_sum(ip, 20, 0) != 0xffff)
		return "checksum of IPv4";
	if (family == ADDR_IPV6 && (ip[0] != 0x60 || (size_t)(ip[4] << 8 | ip[5]) != 8 + len ||
				    ip[6] != 17 || ip[7] != 64))
		return "IPv6 header";
	if (memcmp(addrs, to->addr.bytes, size) != 0 ||
	    memcmp(addrs + size, from->addr.bytes, size) != 0)
		return "addresses";
	if (udp[0] << 8 != (to->port & 0xff00) || udp[1] != (to->port & 0xff) ||
	    (udp[2] << 8 | udp[3]) != from->port || (size_t)(udp[4] << 8 | udp[5]) != 8 + len)
		return "UDP header";
	if ((udp[6] | udp[7]) == 0 || frame_udp_sum(family, ip, 8 + len) != 0xffff)
		return "checksum of UDP";
	return memcmp(udp + 8, message, len) == 0 ? NULL : "message";
}

#endif
