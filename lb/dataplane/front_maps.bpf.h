/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_maps.bpf.h - for front.bpf.c: the maps of front_layout.h, and a packet as it has been read.
 */
#ifndef LB_DATAPLANE_FRONT_MAPS_BPF_H
#define LB_DATAPLANE_FRONT_MAPS_BPF_H

#include <bpf/bpf_endian.h>

#include "lb/dataplane/front_layout.h"
#include "lib/fixed.h"

#define ETH_SIZE  14
#define IPV4_SIZE 20
#define IPV6_SIZE 40
#define UDP_SIZE  8
#define ICMP_SIZE 8

const volatile struct front_settings settings = { 0 };
volatile struct front_live live = { 0 };
volatile struct front_clock clock = { 0 };
struct front_vip vips[FRONT_VIP_SLOTS] = { 0 };
struct front_origin origins[FRONT_ORIGINS_MAX] = { 0 };

#define FRONT_ARRAY(map_name, type_, count)                                                        \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, count);                                                        \
		__type(key, uint32_t);                                                             \
		__type(value, type_);                                                              \
	} map_name SEC(".maps")

FRONT_ARRAY(pops, struct front_pop, FRONT_POPS_MAX);
FRONT_ARRAY(prefix_buckets, struct front_bucket, FRONT_BUCKETS);
FRONT_ARRAY(all_bucket, struct front_bucket, 1);
FRONT_ARRAY(asking, struct front_asking, FRONT_ASKING);
/* User space's alone, here to be pinned with the table. */
FRONT_ARRAY(places, uint64_t, FRONT_ORIGINS_MAX);
FRONT_ARRAY(forwarding, uint64_t, 2);
/* Sized when loaded: by processors, flows and VIPs. */
FRONT_ARRAY(tallies, struct front_tally, 1);
FRONT_ARRAY(maglev, struct front_chunk16, 1);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FRONT_POPS_MAX);
	__type(key, struct front_addr); /* theirs */
	__type(value, uint32_t);	/* index of pops */
} pop_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FRONT_RING_OCTETS);
} ring SEC(".maps");

static __always_inline void *map_at(const void *map, uint32_t index)
{
	return bpf_map_lookup_elem((void *)map, &index);
}

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

static __always_inline const struct front_vip *vip_slot(uint64_t index)
{
	FIXED_OPAQUE(index);
	return &vips[index & (FRONT_VIP_SLOTS - 1)];
}

static __always_inline bool vip_is(const struct front_vip *vip, uint64_t hi, uint64_t lo,
				   uint32_t service)
{
	return *(volatile const uint32_t *)&vip->state == FRONT_VIP_USED && vip->addr.at[0] == hi &&
	       vip->addr.at[1] == lo && vip->service == service;
}

/* service: as in struct front_vip. */
static __always_inline const struct front_vip *vip_at(uint64_t hi, uint64_t lo, uint32_t service)
{
	const uint32_t first = front_vip_hash(hi, lo, service);

	for (uint32_t i = 0; i < FRONT_VIP_PROBES; i++) {
		const struct front_vip *vip = vip_slot(first + i);

		if (*(volatile const uint32_t *)&vip->state == FRONT_VIP_FREE)
			return 0;
		if (vip_is(vip, hi, lo, service))
			return vip;
	}
	return 0;
}

/* As it stands in the frame: its IP header is at that offset, other offsets count from there. */
struct packet {
	struct flow_packet f;
	uint64_t hash; /* of its flow */
	uint32_t at;
	uint32_t row; /* of the VIP */
};

/* Of the connection table's hash. The compiler would have its zeros; they are others once loaded.
 */
static __always_inline const struct flow_secret *flow_secret(void)
{
	uint64_t at = (uint64_t)(long)&settings.secret;

	FIXED_OPAQUE(at);
	return (const struct flow_secret *)(long)at;
}

static __always_inline struct siphash_key secret(void)
{
	return (struct siphash_key){ settings.key[0], settings.key[1] };
}

/* May be called for one in GUE, too. Its hash and row are not set yet. */
static __always_inline enum flow_found packet_read(struct xdp_md *ctx, uint32_t at,
						   struct packet *p)
{
	p->at = at;
	return flow_packet_parse(&p->f, (const uint8_t *)(long)ctx->data + at,
				 (const uint8_t *)(long)ctx->data_end);
}

/* The processor's own. */
static __always_inline struct front_tally *tally(void)
{
	return map_at(&tallies, bpf_get_smp_processor_id());
}

static __always_inline void count(uint32_t counter)
{
	struct front_tally *mine = tally();

	if (mine)
		mine->counts.at[counter]++;
}

static __always_inline int drop(uint32_t counter)
{
	count(counter);
	return XDP_DROP;
}

/*
 * Out by that interface. A veth does not wake its other end for XDP_TX, unless that has a program,
 * too; for a redirect it does.
 */
static __always_inline int send_by(struct xdp_md *ctx, uint32_t ifindex)
{
	return ifindex == ctx->ingress_ifindex && !live.by_redirect ? XDP_TX
								    : (int)bpf_redirect(ifindex, 0);
}

static __always_inline struct front_vip_counts *vip_counts_mine(uint32_t row)
{
	struct front_tally *mine = tally();

	return mine ? &mine->vips[BOUNDED(row, FRONT_VIPS_MAX - 1)] : 0;
}

#endif
