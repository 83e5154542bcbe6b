/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packets.h - packets for tests, put together piece by piece.
 *
 *	struct packet p = { 0 };
 *	packet_ipv4(&p, FLOW_TCP, "192.0.2.1", "203.0.113.7");
 *	packet_tcp(&p, 1234, 443, FLOW_TCP_ACK);
 *	packet_end(&p);
 *
 * packet_end() sets the lengths of the IP headers that have been begun. No checksums.
 */
#ifndef TESTS_UNIT_LB_FLOW_PACKETS_H
#define TESTS_UNIT_LB_FLOW_PACKETS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "lb/flow/key.h"

struct packet {
	uint8_t octets[4096];
	size_t len;
	size_t ip[2]; /* where IP headers begin */
	size_t ips;
};

static inline uint8_t *packet_add(struct packet *p, const void *octets, size_t len)
{
	uint8_t *at = p->octets + p->len;

	cr_assert_leq(p->len + len, sizeof(p->octets));
	if (octets)
		memcpy(at, octets, len);
	else
		memset(at, 0, len);
	p->len += len;
	return at;
}

static inline uint8_t *packet_ip(struct packet *p, size_t len)
{
	cr_assert_lt(p->ips, 2);
	p->ip[p->ips++] = p->len;
	return packet_add(p, NULL, len);
}

static inline uint8_t *packet_ipv4(struct packet *p, uint8_t proto, const char *from,
				   const char *to)
{
	uint8_t *ip = packet_ip(p, FLOW_IPV4_SIZE);

	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = proto;
	cr_assert_eq(inet_pton(AF_INET, from, ip + 12), 1);
	cr_assert_eq(inet_pton(AF_INET, to, ip + 16), 1);
	return ip;
}

static inline uint8_t *packet_ipv6(struct packet *p, uint8_t proto, const char *from,
				   const char *to)
{
	uint8_t *ip = packet_ip(p, FLOW_IPV6_SIZE);

	ip[0] = 0x60;
	ip[6] = proto;
	ip[7] = 64;
	cr_assert_eq(inet_pton(AF_INET6, from, ip + 8), 1);
	cr_assert_eq(inet_pton(AF_INET6, to, ip + 24), 1);
	return ip;
}

static inline uint8_t *packet_tcp(struct packet *p, uint16_t from, uint16_t to, uint8_t flags)
{
	uint8_t *tcp = packet_add(p, NULL, FLOW_TCP_SIZE);

	fixed_store16(tcp, htons(from));
	fixed_store16(tcp + 2, htons(to));
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	return tcp;
}

static inline uint8_t *packet_udp(struct packet *p, uint16_t from, uint16_t to)
{
	uint8_t *udp = packet_add(p, NULL, FLOW_UDP_SIZE);

	fixed_store16(udp, htons(from));
	fixed_store16(udp + 2, htons(to));
	return udp;
}

/* An error, or whatever the type is: the packet that it quotes follows. */
static inline uint8_t *packet_icmp(struct packet *p, uint8_t type)
{
	uint8_t *icmp = packet_add(p, NULL, FLOW_ICMP_SIZE);

	icmp[0] = type;
	return icmp;
}

static inline void packet_end(struct packet *p)
{
	for (size_t i = 0; i < p->ips; i++) {
		uint8_t *ip = p->octets + p->ip[i];
		uint16_t len = (uint16_t)(p->len - p->ip[i]);

		if (ip[0] >> 4 == 4)
			fixed_store16(ip + 2, htons(len));
		else
			fixed_store16(ip + 4, htons((uint16_t)(len - FLOW_IPV6_SIZE)));
	}
}

#endif
