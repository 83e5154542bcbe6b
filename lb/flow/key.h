/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * key.h - which flow a packet is of.
 *
 * A flow is named as its client sees it, whichever way the packet goes that told of it: client is
 * the source of what comes in. An ICMP error that comes in quotes a packet of ours, so there the
 * addresses change places. Both sides include this file, the program on the interface and user
 * space; all but the functions at the end is inline. Pure, and nothing outside data and end is
 * read.
 */
#ifndef LB_FLOW_KEY_H
#define LB_FLOW_KEY_H

#include "lb/flow/hash.h"
#include "lib/fixed.h"
#include "lib/siphash.h"

enum flow_kind {
	FLOW_KIND_TUPLE = 0, /* addresses, ports and protocol */
	FLOW_KIND_QUIC = 1,  /* a connection ID in the client's place; nothing makes one yet */
};

#define FLOW_ADDR_SIZE 16

/* Without holes, so that it is hashed and sent as it stands: the same octets on every machine. */
struct flow_key {
	uint8_t client[FLOW_ADDR_SIZE]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t vip[FLOW_ADDR_SIZE];
	uint16_t client_port, vip_port; /* network order */
	uint8_t proto;
	uint8_t kind; /* enum flow_kind */
	uint8_t zero[2];
} __attribute__((aligned(8)));

#define FLOW_KEY_SIZE 40
#define FLOW_PORTS_AT 32
_Static_assert(sizeof(struct flow_key) == FLOW_KEY_SIZE, "flow_key travels as it stands");

enum flow_found {
	FLOW_FOUND,
	FLOW_FRAGMENT, /* without ports, as it is not the first: the key's ports are 0 */
	FLOW_OTHER,    /* neither TCP nor UDP nor an error about them: the key's ports are 0 */
	FLOW_BAD,      /* no IP, cut short, or contradicts itself: nothing else is said of it */
};

#define FLOW_TCP    6
#define FLOW_UDP    17
#define FLOW_ICMP   1
#define FLOW_ICMPV6 58

#define FLOW_TCP_FIN 0x01
#define FLOW_TCP_SYN 0x02
#define FLOW_TCP_RST 0x04
#define FLOW_TCP_ACK 0x10

struct flow_packet {
	struct flow_key key;
	uint32_t length;   /* of the packet, as its IP header says; what is behind it is padding */
	uint32_t l4_at;	   /* of the header behind IP's, counted from the start of the packet */
	uint8_t family;	   /* 4 or 6 */
	uint8_t tcp_flags; /* of TCP that comes in; of an error 0 */
	uint8_t is_error;  /* ICMP about a packet of the flow */
	uint8_t has_more;  /* the first fragment of several */
};

#define FLOW_IPV4_SIZE	    20
#define FLOW_IPV6_SIZE	    40
#define FLOW_TCP_SIZE	    20
#define FLOW_UDP_SIZE	    8
#define FLOW_ICMP_SIZE	    8
#define FLOW_EXTENSIONS_MAX 6	   /* headers between IPv6's and the transport's that are read */
#define FLOW_AT_MAX	    0x3fff /* no header is looked for beyond; 2^n - 1 */

/* One IP header with all that belongs to it. */
struct flow_ip {
	uint8_t source[FLOW_ADDR_SIZE], destination[FLOW_ADDR_SIZE];
	uint32_t length; /* with the header */
	uint32_t end;	 /* offset at which it ends: by its length, or where it was cut short */
	uint32_t l4_at;	 /* from the start of the buffer */
	uint32_t proto;	 /* an extension header's, where there were too many */
	uint32_t family;
	uint32_t later; /* a fragment, and not the first */
	uint32_t more;	/* the first of several */
};

/* The n octets at that offset, NULL if they are not all there, or too far. n: a constant. */
static __always_inline const uint8_t *flow_at(const uint8_t *data, const uint8_t *end, uint32_t at,
					      uint32_t n)
{
	uint64_t offset = at;
	const uint8_t *p;

	if (at > FLOW_AT_MAX)
		return 0;
	FIXED_OPAQUE(offset);
	p = data + (offset & FLOW_AT_MAX);
	return p + n > end ? 0 : p;
}

static __always_inline void flow_addr_map(uint8_t out[FLOW_ADDR_SIZE], uint32_t ipv4)
{
	/* Written by words of 64 bits, as it is read: a processor is slow to join what is not. */
	fixed_store64(out, 0);
	fixed_store64(out + 8, FIXED_LE64(0xffff0000ULL | (uint64_t)FIXED_LE32(ipv4) << 32));
}

static __always_inline bool flow_addr_is_ipv4(const uint8_t addr[FLOW_ADDR_SIZE])
{
	return fixed_load64(addr) == 0 && fixed_load32(addr + 8) == FIXED_BE32(0xffff);
}

static __always_inline bool flow_addr_equal(const uint8_t *a, const uint8_t *b)
{
	return fixed_load64(a) == fixed_load64(b) && fixed_load64(a + 8) == fixed_load64(b + 8);
}

/* limit: of the packet around it. */
static __always_inline uint32_t flow_ip_end(uint32_t from, uint32_t length, uint32_t limit)
{
	return from + length < limit ? from + length : limit;
}

static __always_inline bool flow_ipv4_read(struct flow_ip *ip, const uint8_t *data,
					   const uint8_t *end, uint32_t from, uint32_t limit)
{
	const uint8_t *p = flow_at(data, end, from, FLOW_IPV4_SIZE);
	uint32_t fragment, header;

	if (!p || p[0] >> 4 != 4)
		return false;
	header = (p[0] & 15U) * 4;
	ip->family = 4;
	ip->length = FIXED_BE16(fixed_load16(p + 2));
	fragment = FIXED_BE16(fixed_load16(p + 6));
	ip->later = (fragment & 0x1fff) != 0;
	ip->more = !ip->later && fragment & 0x2000;
	ip->proto = p[9];
	flow_addr_map(ip->source, fixed_load32(p + 12));
	flow_addr_map(ip->destination, fixed_load32(p + 16));
	ip->l4_at = from + header;
	ip->end = flow_ip_end(from, ip->length, limit);
	return header >= FLOW_IPV4_SIZE && ip->l4_at <= ip->end;
}

/*
 * Past the header at *at, whose type is *next. 0: that is no header to go past; negative: it is
 * not all there.
 */
static __always_inline int flow_extension_skip(struct flow_ip *ip, const uint8_t *data,
					       const uint8_t *end)
{
	const uint32_t type = ip->proto;
	const uint8_t *p;
	uint32_t fragment;

	/* Hop-by-Hop, Routing, Fragment, Authentication, Destination Options (RFC 8200). */
	if (type != 0 && type != 43 && type != 44 && type != 51 && type != 60)
		return 0;
	p = flow_at(data, end, ip->l4_at, 8);
	if (!p || ip->l4_at + 8 > ip->end)
		return -1;
	/* It has somewhere else to go before it is where its address says: the kernel's affair. */
	if (type == 43 && p[3] != 0)
		return 0;
	ip->proto = p[0];
	if (type == 44) {
		fragment = FIXED_BE16(fixed_load16(p + 2));
		ip->later = (fragment & 0xfff8) != 0;
		ip->more = !ip->later && fragment & 1;
		ip->l4_at += 8;
		return !ip->later;
	}
	ip->l4_at += type == 51 ? (p[1] + 2U) * 4 : (p[1] + 1U) * 8;
	return 1;
}

static __always_inline bool flow_ipv6_read(struct flow_ip *ip, const uint8_t *data,
					   const uint8_t *end, uint32_t from, uint32_t limit)
{
	const uint8_t *p = flow_at(data, end, from, FLOW_IPV6_SIZE);
	int more = 1;

	if (!p || p[0] >> 4 != 6)
		return false;
	ip->family = 6;
	ip->length = FLOW_IPV6_SIZE + FIXED_BE16(fixed_load16(p + 4));
	ip->end = flow_ip_end(from, ip->length, limit);
	ip->proto = p[6];
	ip->later = ip->more = 0;
	fixed_store64(ip->source, fixed_load64(p + 8));
	fixed_store64(ip->source + 8, fixed_load64(p + 16));
	fixed_store64(ip->destination, fixed_load64(p + 24));
	fixed_store64(ip->destination + 8, fixed_load64(p + 32));
	ip->l4_at = from + FLOW_IPV6_SIZE;
	for (int i = 0; i < FLOW_EXTENSIONS_MAX && more > 0; i++)
		more = flow_extension_skip(ip, data, end);
	/* What is mapped never travels; it would be taken for a flow of IPv4. */
	return more >= 0 && ip->l4_at <= ip->end && !flow_addr_is_ipv4(ip->source) &&
	       !flow_addr_is_ipv4(ip->destination);
}

static __always_inline bool flow_ip_read(struct flow_ip *ip, const uint8_t *data,
					 const uint8_t *end, uint32_t from, uint32_t limit)
{
	const uint8_t *p = flow_at(data, end, from, 1);

	if (!p)
		return false;
	return p[0] >> 4 == 4 ? flow_ipv4_read(ip, data, end, from, limit)
			      : flow_ipv6_read(ip, data, end, from, limit);
}

/* Unreachable, time exceeded, parameter problem; IPv6 also has one of its own for too big. */
static __always_inline bool flow_icmp_is_error(uint32_t family, uint32_t type)
{
	if (family == 4)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

static __always_inline void flow_addrs_set(struct flow_key *key, const uint8_t *client,
					   const uint8_t *vip)
{
	fixed_store64(key->client, fixed_load64(client));
	fixed_store64(key->client + 8, fixed_load64(client + 8));
	fixed_store64(key->vip, fixed_load64(vip));
	fixed_store64(key->vip + 8, fixed_load64(vip + 8));
}

/* ports: as they stand in the packet, the client's first; by one word, too. */
static __always_inline void flow_ports_set(struct flow_key *key, uint32_t ports, uint32_t proto)
{
	fixed_store64((uint8_t *)key + FLOW_PORTS_AT,
		      FIXED_LE64(FIXED_LE32(ports) | (uint64_t)(proto & 0xff) << 32));
}

/* The packet that an ICMP error quotes, of which eight octets behind IP are promised. */
static __always_inline enum flow_found flow_quoted_parse(struct flow_packet *out,
							 const struct flow_ip *outer,
							 const uint8_t *data, const uint8_t *end)
{
	struct flow_ip ip;
	const uint8_t *p;
	uint32_t ports;

	if (!flow_ip_read(&ip, data, end, outer->l4_at + FLOW_ICMP_SIZE, outer->end) ||
	    ip.family != outer->family || !flow_addr_equal(ip.source, outer->destination))
		return FLOW_BAD;
	out->is_error = 1;
	flow_addrs_set(&out->key, ip.destination, ip.source);
	flow_ports_set(&out->key, 0, ip.proto);
	if (ip.later)
		return FLOW_FRAGMENT;
	if (ip.proto != FLOW_TCP && ip.proto != FLOW_UDP)
		return FLOW_OTHER;
	p = flow_at(data, end, ip.l4_at, 8);
	if (!p || ip.l4_at + 8 > ip.end)
		return FLOW_BAD;
	ports = fixed_load32(p);
	flow_ports_set(&out->key, ports << 16 | ports >> 16, ip.proto);
	return FLOW_FOUND;
}

/* TCP and UDP themselves. */
static __always_inline enum flow_found flow_ports_parse(struct flow_packet *out, uint32_t proto,
							const uint8_t *data, const uint8_t *end)
{
	const uint8_t *p = flow_at(data, end, out->l4_at, FLOW_UDP_SIZE);
	uint32_t need = FLOW_UDP_SIZE;

	if (!p)
		return FLOW_BAD;
	flow_ports_set(&out->key, fixed_load32(p), proto);
	if (proto == FLOW_TCP) {
		p = flow_at(data, end, out->l4_at, FLOW_TCP_SIZE);
		if (!p)
			return FLOW_BAD;
		out->tcp_flags = p[13];
		need = (uint32_t)(p[12] >> 4) * 4;
		if (need < FLOW_TCP_SIZE)
			return FLOW_BAD;
		/* The rest of a first fragment's options may be in the next. */
		need = out->has_more ? FLOW_TCP_SIZE : need;
	}
	return out->l4_at + need > out->length ? FLOW_BAD : FLOW_FOUND;
}

/*
 * The packet that begins with its IP header at data. With FLOW_BAD *out is undefined. Checksums
 * are not looked at.
 */
static __always_inline enum flow_found flow_packet_parse(struct flow_packet *out,
							 const uint8_t *data, const uint8_t *end)
{
	struct flow_ip ip;
	const uint8_t *p;

	if (!flow_ip_read(&ip, data, end, 0, UINT32_MAX) || ip.length > (uint64_t)(end - data))
		return FLOW_BAD;
	*out = (struct flow_packet){ .length = ip.length,
				     .l4_at = ip.l4_at,
				     .family = (uint8_t)ip.family,
				     .has_more = (uint8_t)ip.more };
	flow_addrs_set(&out->key, ip.source, ip.destination);
	flow_ports_set(&out->key, 0, ip.proto);
	if (ip.later)
		return FLOW_FRAGMENT;
	if (ip.proto == FLOW_TCP || ip.proto == FLOW_UDP)
		return flow_ports_parse(out, ip.proto, data, end);
	if (ip.proto != (ip.family == 4 ? FLOW_ICMP : FLOW_ICMPV6))
		return FLOW_OTHER;
	p = flow_at(data, end, ip.l4_at, FLOW_ICMP_SIZE);
	if (!p || ip.l4_at + FLOW_ICMP_SIZE > ip.length)
		return FLOW_BAD;
	return flow_icmp_is_error(ip.family, p[0]) ? flow_quoted_parse(out, &ip, data, end)
						   : FLOW_OTHER;
}

/* It opens a connection. */
static __always_inline bool flow_packet_is_syn(const struct flow_packet *packet)
{
	return !packet->is_error && packet->key.proto == FLOW_TCP &&
	       (packet->tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_RST | FLOW_TCP_ACK)) == FLOW_TCP_SYN;
}

static __always_inline bool flow_key_is_ipv4(const struct flow_key *key)
{
	return flow_addr_is_ipv4(key->client);
}

/* Of all that is in it: hash.h. Two machines' are the same if their secrets are. */
static __always_inline uint64_t flow_key_hash(const struct flow_secret *secret,
					      const struct flow_key *key)
{
	const uint8_t *p = (const uint8_t *)key;
	const uint32_t ports = fixed_load32(p + FLOW_PORTS_AT);
	const uint32_t what = FIXED_LE32(fixed_load32(p + FLOW_PORTS_AT + 4)) & 0xffff;

	if (flow_key_is_ipv4(key))
		return flow_hash_ipv4(secret, fixed_load32(p + 12), fixed_load32(p + 28), ports,
				      what);
	return flow_hash_ipv6(secret, p, p + 16, ports, what);
}

/* The client's network, /24 or /48, as one number in which the families differ. */
static __always_inline uint64_t flow_key_network(const struct flow_key *key)
{
	if (flow_key_is_ipv4(key))
		return 4ULL << 56 | FIXED_BE32(fixed_load32(key->client + 12)) >> 8;
	return 6ULL << 56 | FIXED_BE64(fixed_load64(key->client)) >> 16;
}

/* SipHash-1-3 of those eight octets, the highest bits' last. */
static __always_inline uint64_t flow_network_hash(const struct siphash_key *secret,
						  uint64_t network)
{
	struct siphash s = siphash_begin(secret);

	siphash13_add(&s, network);
	return siphash13_end(&s, 0, 8);
}

#ifndef __bpf__
#include <stddef.h>

#include "lib/addr.h"

#define FLOW_KEY_TEXT_SIZE 144

/* From 16 secret octets, which stay. */
void flow_secret_make(struct flow_secret *out, const struct siphash_key *key);
/* addr: of either family. */
void flow_addr_set(uint8_t out[FLOW_ADDR_SIZE], const struct addr *addr);
struct addr flow_addr_get(const uint8_t addr[FLOW_ADDR_SIZE]);
/* client's network as a prefix: /24 or /48. */
struct prefix flow_key_prefix(const struct flow_key *key);
/* flow_packet_parse() of a buffer. */
enum flow_found flow_packet_read(struct flow_packet *out, const uint8_t *data, size_t len);
/* "tcp 192.0.2.1:1234 > 203.0.113.7:443" */
const char *flow_key_format(const struct flow_key *key, char buf[FLOW_KEY_TEXT_SIZE]);
#endif

#endif
