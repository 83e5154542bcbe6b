/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gue.h - how a packet is handed over to the PoP that owns its flow: GUE (draft-ietf-intarea-gue),
 * variant 0, with a tag that no stranger can make.
 *
 *	 0                   1                   2                   3
 *	+---+-+---------+---------------+-------------------------------+
 *	| 0 |0| Hlen 5  | 4: IPv4, 41   |            flags 0            |
 *	+---+-+---------+-------+-------+-------------------------------+
 *	|  version 1    |  hop          |            zero               |
 *	+---------------+---------------+-------------------------------+
 *	|                      epoch of the sender                      |
 *	+---------------------------------------------------------------+
 *	|                             zero                              |
 *	+---------------------------------------------------------------+
 *	|                        tag, the lowest                        |
 *	|                       eight bits first                        |
 *	+---------------------------------------------------------------+
 *	|  the packet, from its IP header on
 *
 * The tag is SipHash-2-4 of struct gue_tagged under a key that only the two PoPs have, one for each
 * direction. It covers the flow, not the payload: whoever could change that on the way could have
 * sent such a packet to the VIP himself. For the same reason what is recorded may be replayed
 * while its epoch lasts, with the effect of a duplicate. epoch is a random number that the sender
 * draws when it starts and tells its peers in the mesh; they take the last two.
 *
 * hop is how often the packet may still be handed over: it is sent as 1, and nobody hands over
 * what has come in GUE, so that no loop can form whatever the PoPs believe.
 *
 * Outside there is UDP to GUE_PORT between identity addresses, of either family, with checksum
 * zero (RFC 6935, RFC 6936: the tag covers the addresses). Both sides include this file, the
 * program on the interface and user space. Pure.
 */
#ifndef LB_FLOW_GUE_H
#define LB_FLOW_GUE_H

#include "lb/flow/key.h"

#define GUE_PORT    6080 /* also in the configuration */
#define GUE_SIZE    24	 /* of the header */
#define GUE_HLEN    5	 /* words of 32 bits behind the first */
#define GUE_VERSION 1	 /* of what is private in it */
#define GUE_HOP	    1
#define GUE_IPV4    4
#define GUE_IPV6    41

/* By how much the packet becomes longer. */
#define GUE_OVERHEAD_IPV4 (FLOW_IPV4_SIZE + FLOW_UDP_SIZE + GUE_SIZE)
#define GUE_OVERHEAD_IPV6 (FLOW_IPV6_SIZE + FLOW_UDP_SIZE + GUE_SIZE)

/* What the tag is of, octet by octet. */
struct gue_tagged {
	struct flow_key key;		     /* of the packet inside: flow_packet_parse() */
	uint8_t source[FLOW_ADDR_SIZE];	     /* the outer addresses, IPv4 mapped */
	uint8_t destination[FLOW_ADDR_SIZE]; /* that the packet came to */
	uint8_t hop, proto, version, zero;   /* as in the header */
	uint32_t epoch;			     /* network order, as in the header */
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct gue_tagged) == 80, "gue_tagged has no holes");

enum gue_verdict {
	GUE_ACCEPTED,
	GUE_TRUNCATED,	 /* shorter than its header */
	GUE_BAD_VERSION, /* another variant of GUE or version of ours, or a control message */
	GUE_BAD_HEADER,	 /* Hlen, flags, protocol, hop or what has to be zero */
	GUE_BAD_INNER,	 /* no packet that is handed over (gue_carries()), or of another family */
	GUE_OLD_EPOCH,	 /* neither of the sender's last two */
	GUE_FORGED,	 /* the tag is another */
	GUE_STRANGER,	 /* its source is no PoP's: for callers, gue_decode() is told whose it is */
};
#define GUE_VERDICTS 8

struct gue_header {
	uint8_t proto, hop;
	uint32_t epoch; /* as on the wire */
	uint64_t tag;	/* the value */
};

/* GUE_ACCEPTED, GUE_BAD_VERSION or GUE_BAD_HEADER. p: GUE_SIZE octets that are there. */
static __always_inline enum gue_verdict gue_header_read(struct gue_header *out, const uint8_t *p)
{
	out->proto = p[1];
	out->hop = p[5];
	out->epoch = fixed_load32(p + 8);
	out->tag = FIXED_LE64(fixed_load64(p + 16));
	if (p[0] >> 5 != 0 || p[4] != GUE_VERSION)
		return GUE_BAD_VERSION;
	if (p[0] != GUE_HLEN || fixed_load16(p + 2) != 0 || fixed_load16(p + 6) != 0 ||
	    fixed_load32(p + 12) != 0)
		return GUE_BAD_HEADER;
	return (out->proto == GUE_IPV4 || out->proto == GUE_IPV6) && out->hop <= GUE_HOP
		       ? GUE_ACCEPTED
		       : GUE_BAD_HEADER;
}

static __always_inline void gue_header_write(uint8_t *p, const struct gue_header *header)
{
	p[0] = GUE_HLEN;
	p[1] = header->proto;
	fixed_store16(p + 2, 0);
	p[4] = GUE_VERSION;
	p[5] = header->hop;
	fixed_store16(p + 6, 0);
	fixed_store32(p + 8, header->epoch);
	fixed_store32(p + 12, 0);
	fixed_store64(p + 16, FIXED_LE64(header->tag));
}

static __always_inline uint64_t gue_tag(const struct siphash_key *key,
					const struct gue_tagged *tagged)
{
	return siphash24_words(key, tagged, sizeof(*tagged) / 8);
}

/* All but the addresses, which the caller sets. */
static __always_inline void gue_tagged_set(struct gue_tagged *tagged, const struct flow_key *key,
					   const struct gue_header *header)
{
	tagged->key = *key;
	tagged->hop = header->hop;
	tagged->proto = header->proto;
	tagged->version = GUE_VERSION;
	tagged->zero = 0;
	tagged->epoch = header->epoch;
}

/*
 * Whether such a packet, FLOW_FOUND, is handed over at all. Of UDP nobody is the owner, and a SYN
 * belongs to where it arrives.
 */
static __always_inline bool gue_carries(const struct flow_packet *packet)
{
	return packet->key.proto == FLOW_TCP && !flow_packet_is_syn(packet);
}

static __always_inline uint8_t gue_proto(uint32_t family)
{
	return family == 4 ? GUE_IPV4 : GUE_IPV6;
}

/* For the outer UDP source port: one flow goes one way through networks that balance (49152 on). */
static __always_inline uint16_t gue_source_port(uint64_t hash)
{
	return (uint16_t)(0xc000 | (hash >> 48 & 0x3fff));
}

/* The outer UDP header; ports in host order, length: of the packet inside. */
static __always_inline void gue_udp_write(uint8_t *p, uint16_t source_port, uint16_t port,
					  uint32_t length)
{
	fixed_store16(p, FIXED_BE16(source_port));
	fixed_store16(p + 2, FIXED_BE16(port));
	fixed_store16(p + 4, FIXED_BE16((uint16_t)(FLOW_UDP_SIZE + GUE_SIZE + length)));
	fixed_store16(p + 6, 0);
}

/*
 * The outer IPv4 header with its checksum, DF set. traffic_class: the inner packet's, so that what
 * the path says of congestion has where to stand (RFC 6040). length: of the packet inside.
 */
static __always_inline void gue_ipv4_write(uint8_t *p, const uint8_t source[FLOW_ADDR_SIZE],
					   const uint8_t destination[FLOW_ADDR_SIZE],
					   uint8_t traffic_class, uint32_t length)
{
	uint32_t sum = 0;

	fixed_store16(p, FIXED_BE16((uint16_t)(0x4500 | traffic_class)));
	fixed_store16(p + 2, FIXED_BE16((uint16_t)(GUE_OVERHEAD_IPV4 + length)));
	fixed_store16(p + 4, 0);
	fixed_store16(p + 6, FIXED_BE16(0x4000));
	p[8] = 64;
	p[9] = FLOW_UDP;
	fixed_store16(p + 10, 0);
	fixed_store32(p + 12, fixed_load32(source + 12));
	fixed_store32(p + 16, fixed_load32(destination + 12));
	for (int i = 0; i < FLOW_IPV4_SIZE; i += 2)
		sum += fixed_load16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	fixed_store16(p + 10, (uint16_t)~sum);
}

static __always_inline void gue_ipv6_write(uint8_t *p, const uint8_t source[FLOW_ADDR_SIZE],
					   const uint8_t destination[FLOW_ADDR_SIZE],
					   uint8_t traffic_class, uint32_t length)
{
	fixed_store32(p, FIXED_BE32(6U << 28 | (uint32_t)traffic_class << 20));
	fixed_store16(p + 4, FIXED_BE16((uint16_t)(FLOW_UDP_SIZE + GUE_SIZE + length)));
	p[6] = FLOW_UDP;
	p[7] = 64;
	fixed_store64(p + 8, fixed_load64(source));
	fixed_store64(p + 16, fixed_load64(source + 8));
	fixed_store64(p + 24, fixed_load64(destination));
	fixed_store64(p + 32, fixed_load64(destination + 8));
}

#ifndef __bpf__

/* One direction between two PoPs; source and destination: their identity addresses. */
struct gue_path {
	struct siphash_key key;
	uint8_t source[FLOW_ADDR_SIZE], destination[FLOW_ADDR_SIZE];
	uint32_t epoch, epoch_before; /* the sender's, host order; to send with, only epoch */
};

struct gue_packet {
	struct flow_packet flow;
	uint8_t hop;
	const uint8_t *inner; /* in the buffer that was decoded */
	size_t inner_len;     /* as its IP header says */
};

/*
 * The UDP payload that brings inner to the PoP at the path's other end: octets written, 0 if they
 * do not fit or inner is nothing that GUE carries.
 */
size_t gue_encode(const struct gue_path *path, const uint8_t *inner, size_t inner_len, uint8_t *buf,
		  size_t size);
/* A UDP payload that came on the path. *out is set only with GUE_ACCEPTED, and points into buf. */
enum gue_verdict gue_decode(struct gue_packet *out, const struct gue_path *path, const uint8_t *buf,
			    size_t len);
/* One phrase: "the tag is not that of its sender" ... */
const char *gue_verdict_name(enum gue_verdict verdict);
/* Its key in the API and in metrics: "forged" ... */
const char *gue_verdict_key(enum gue_verdict verdict);
#endif

#endif
