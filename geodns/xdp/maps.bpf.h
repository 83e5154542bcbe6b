/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maps.bpf.h - for answer.bpf.c: the arrays of layout.h as maps, and how they are read.
 */
#ifndef GEODNS_XDP_MAPS_BPF_H
#define GEODNS_XDP_MAPS_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s64 int64_t;

static __always_inline void *map_at(const void *map, uint32_t index)
{
	return bpf_map_lookup_elem((void *)map, &index);
}

static __always_inline uint32_t *chunk32_at(const void *map, uint32_t index)
{
	uint32_t *at = map_at(map, index / 16);

	return at ? &at[index % 16] : 0;
}

#include "geodns/xdp/layout.h"

#define ETH_SIZE  14
#define IPV4_SIZE 20
#define IPV6_SIZE 40
#define UDP_SIZE  8
#define DNS_SIZE  12
#define OPT_SIZE  11
#define ECS_SIZE  8 /* of the option without the address */
#define ADDR_MAX  16

#define TYPE_A	  1
#define TYPE_AAAA 28
#define FLAG_QR	  0x80
#define FLAG_AA	  0x04
#define FLAG_TC	  0x02
#define FLAG_RD	  0x01
#define OPCODE	  0x78
#define EDNS_DO	  0x80
#define EDNS_CO	  0x40

const volatile struct xdp_settings settings = { 0 };

#define XDP_MAP(map_name, type_, per)                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, 1);                                                            \
		__type(key, uint32_t);                                                             \
		__type(value, type_);                                                              \
	} map_name SEC(".maps");
XDP_ARRAYS(XDP_MAP)

/* What is to be known of a query once its packet is written over. */
struct query {
	uint64_t from_hi, from_lo; /* who has sent it, the most significant bits first */
	uint64_t hi, lo;	   /* the same of the client subnet */
	uint64_t name_sum;	   /* of the name's octets, as they were sent */
	uint32_t at;		   /* of the message in the packet */
	uint32_t len;		   /* of the message */
	uint32_t family;	   /* 4 or 6 */
	uint32_t name_len;	   /* root included */
	uint32_t type_class;	   /* as in the packet */
	uint32_t is_a;
	uint32_t has_edns, edns_flags;
	uint32_t has_ecs, ecs_family, source, addr_len;
};

/* What is going to be written. */
struct reply {
	uint32_t records[XDP_RECORDS_MAX]; /* in addrs4 or addrs6 */
	uint32_t count, ttl, scope;
	uint32_t flags; /* AA or TC */
	uint32_t best;	/* in targets: what comes first */
};

/* Where a message can begin at the most. */
#define MESSAGE_AT_MAX (ETH_SIZE + IPV6_SIZE + UDP_SIZE)

/*
 * A number that has been compared with a limit, so that the verifier sees it, too, where the
 * compiler has made something else of the comparison. mask: 2^n - 1, not below the limit.
 */
#define BOUNDED(number, mask)                                                                      \
	({                                                                                         \
		uint64_t bounded_ = (number);                                                      \
		barrier_var(bounded_);                                                             \
		bounded_ &(mask);                                                                  \
	})

static __always_inline uint64_t halves(uint64_t word)
{
	return (word & 0xffffffff) + (word >> 32);
}

/* A sum of 16-bit words in 16 bits. */
static __always_inline uint32_t fold(uint64_t sum)
{
	sum = halves(halves(sum));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/* The same where its octets stand at odd offsets. */
static __always_inline uint32_t fold_odd(uint64_t sum)
{
	uint32_t folded = fold(sum);

	return (folded << 8 | folded >> 8) & 0xffff;
}

#endif
