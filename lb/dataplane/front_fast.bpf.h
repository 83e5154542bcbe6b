/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_fast.bpf.h - for front.bpf.c: the short way of nearly all packets of plane xdp.
 *
 * A TCP segment of an open flow behind an IP header without options or extensions, whose entry is
 * in its first bucket. A table of a million flows is in no cache: what a packet costs is one
 * fetch from memory, unless the processor sees the next packet's fetch before this one's has come.
 * That takes few instructions, no branch that hangs on what is fetched and goes now this way and
 * now that, and nothing that waits for all before it, such as a precise clock or a locked
 * operation. What is not for this way has changed nothing and goes the long one.
 */
#ifndef LB_DATAPLANE_FRONT_FAST_BPF_H
#define LB_DATAPLANE_FRONT_FAST_BPF_H

#include "lb/dataplane/front_flows.bpf.h"
#include "lb/dataplane/front_maps.bpf.h"
#include "lb/dataplane/front_origin.bpf.h"

#define FAST_NO (-1)

/* What the short way needs to know of a packet. */
struct fast {
	uint8_t *eth;
	struct front_addr vip;
	uint32_t service;   /* as in struct front_vip */
	uint32_t length;    /* of the IP packet */
	uint32_t ip_size;   /* a constant in either way */
	const uint8_t *tcp; /* all of a header without options is there */
	uint64_t hash;
};

/* The header without options, whole, of a segment that neither begins nor ends a flow. */
static __always_inline bool fast_tcp_is_plain(const struct fast *f)
{
	const uint32_t size = (f->tcp[12] >> 4) * 4U;

	return !(f->tcp[13] & (FLOW_TCP_FIN | FLOW_TCP_SYN | FLOW_TCP_RST)) &&
	       size >= FLOW_TCP_SIZE && f->ip_size + size <= f->length;
}

static __always_inline bool fast_read4(struct fast *f, const void *end)
{
	const uint8_t *ip = f->eth + ETH_SIZE;

	if ((const void *)(ip + IPV4_SIZE + FLOW_TCP_SIZE) > end || ip[0] != 0x45 ||
	    fixed_load16(ip + 6) & bpf_htons(0x3fff) || ip[9] != FLOW_TCP)
		return false;
	f->length = bpf_ntohs(fixed_load16(ip + 2));
	f->ip_size = IPV4_SIZE;
	f->tcp = ip + IPV4_SIZE;
	if (!fast_tcp_is_plain(f) || f->length > (uint64_t)((const uint8_t *)end - ip))
		return false;
	f->vip.at[0] = 0;
	f->vip.at[1] =
		FIXED_LE64(0xffff0000ULL | (uint64_t)FIXED_LE32(fixed_load32(ip + 16)) << 32);
	f->service = fixed_load16(f->tcp + 2) | (uint32_t)FLOW_TCP << 16;
	f->hash = flow_hash_ipv4(flow_secret(), fixed_load32(ip + 12), fixed_load32(ip + 16),
				 fixed_load32(f->tcp), FLOW_TCP);
	return true;
}

/* Mapped addresses never travel: no flow of theirs has an entry. */
static __always_inline bool fast_read6(struct fast *f, const void *end)
{
	const uint8_t *ip = f->eth + ETH_SIZE;

	if ((const void *)(ip + IPV6_SIZE + FLOW_TCP_SIZE) > end || ip[0] >> 4 != 6 ||
	    ip[6] != FLOW_TCP)
		return false;
	f->length = IPV6_SIZE + bpf_ntohs(fixed_load16(ip + 4));
	f->ip_size = IPV6_SIZE;
	f->tcp = ip + IPV6_SIZE;
	if (!fast_tcp_is_plain(f) || f->length > (uint64_t)((const uint8_t *)end - ip))
		return false;
	f->vip.at[0] = fixed_load64(ip + 24);
	f->vip.at[1] = fixed_load64(ip + 32);
	f->service = fixed_load16(f->tcp + 2) | (uint32_t)FLOW_TCP << 16;
	f->hash = flow_hash_ipv6(flow_secret(), ip + 8, ip + 24, fixed_load32(f->tcp), FLOW_TCP);
	return true;
}

static __always_inline bool fast_read(struct xdp_md *ctx, struct fast *f)
{
	const void *end = (void *)(long)ctx->data_end;
	uint16_t type;

	f->eth = (uint8_t *)(long)ctx->data;
	if ((const void *)(f->eth + ETH_SIZE) > end || f->eth[0] & 1)
		return false;
	type = fixed_load16(f->eth + 12);
	if (type == bpf_htons(0x0800))
		return fast_read4(f, end);
	return type == bpf_htons(0x86dd) && fast_read6(f, end);
}

/* Where the flow's packets go; TARGET_NONE: the long way finds out. */
static __always_inline uint32_t fast_target(uint64_t hash, struct flow_now now)
{
	const struct flow_place place = flow_place(hash, settings.buckets - 1);
	struct flow_bucket *bucket = flow_bucket_at(&flows, place.first);
	struct flow_entry *entry;
	uint64_t word;
	uint32_t slot;

	if (!bucket)
		return TARGET_NONE;
	slot = flow_bucket_find(bucket, place.tag);
	if (slot >= FLOW_SLOTS)
		return TARGET_NONE;
	entry = flow_entry_at(bucket, slot);
	word = flow_entry_word(entry);
	/* What is over has been due for long. */
	if (((word ^ place.tag) & (FLOW_TAG | 0xff)) != FLOW_OPEN ||
	    network_is_due(entry, hash, now))
		return TARGET_NONE;
	/* Without looking whether it says so already: that is true or not as it happens. */
	*(volatile uint32_t *)&entry->seen = now.seen;
	return FLOW_TARGET(word);
}

/* The verdict, FAST_NO: it is for the long way. */
static __always_inline int fast_packet(struct xdp_md *ctx)
{
	const struct front_origin *origin;
	const struct front_vip *vip;
	struct front_vip_counts *row;
	struct front_tally *mine;
	struct fast f;
	uint32_t target;

	if (!fast_read(ctx, &f))
		return FAST_NO;
	vip = vip_slot(front_vip_hash(f.vip.at[0], f.vip.at[1], f.service));
	if (!vip_is(vip, f.vip.at[0], f.vip.at[1], f.service))
		return FAST_NO;
	target = fast_target(f.hash, now_coarse());
	origin = origin_at(target);
	mine = tally();
	if (!origin || !mine)
		return FAST_NO;
	row = &mine->vips[BOUNDED(vip->row, FRONT_VIPS_MAX - 1)];
	row->plain++;
	row->octets += f.length;
	origin_count(mine, target, f.length);
	return frame_address(ctx, f.eth, origin);
}

#endif
