/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_origin.bpf.h - for front.bpf.c: which origin has a flow, and the frame's way there (plane
 * xdp).
 *
 * The frame goes to the origin's MAC address as it is, and the origin, which has the VIP, answers
 * the client itself. A TCP flow stays where its SYN went, whatever the weights are by then; a
 * datagram goes where the VIP's Maglev table says now.
 */
#ifndef LB_DATAPLANE_FRONT_ORIGIN_BPF_H
#define LB_DATAPLANE_FRONT_ORIGIN_BPF_H

#include "lb/dataplane/front_flows.bpf.h"
#include "lb/dataplane/front_maps.bpf.h"

#define TARGET_NONE 0x10000U

/* Not the bits that choose the bucket only: the table's tag has the same, which does not matter. */
static __always_inline uint32_t maglev_pick(const struct front_vip *vip, uint64_t hash)
{
	uint32_t at = vip->maglev + (uint32_t)((hash >> 32) * settings.maglev_size >> 32);
	const struct front_chunk16 *chunk = map_at(&maglev, at / 32);

	return chunk ? chunk->at[at % 32] : TARGET_NONE;
}

static __always_inline const struct front_origin *origin_at(uint32_t target)
{
	const struct front_origin *origin;

	if (target >= FRONT_ORIGINS_MAX)
		return 0;
	origin = &origins[BOUNDED(target, FRONT_ORIGINS_MAX - 1)];
	return *(volatile const uint32_t *)&origin->ifindex ? origin : 0;
}

/* The frame is its from now on. eth: the beginning, known to be there. */
static __always_inline int frame_address(struct xdp_md *ctx, uint8_t *eth,
					 const struct front_origin *origin)
{
	/* Both addresses at once: a frame begins as an origin does. */
	fixed_store64(eth, fixed_load64(origin));
	fixed_store32(eth + 8, fixed_load32((const uint8_t *)origin + 8));
	return send_by(ctx, origin->ifindex);
}

static __always_inline void origin_count(struct front_tally *mine, uint32_t target, uint32_t octets)
{
	struct front_origin_counts *at = &mine->origins[BOUNDED(target, FRONT_ORIGINS_MAX - 1)];

	at->packets++;
	at->octets += octets;
}

static __always_inline int origin_send(struct xdp_md *ctx, const struct packet *p, uint32_t target)
{
	const struct front_origin *origin = origin_at(target);
	struct front_tally *mine = tally();
	uint8_t *eth = (uint8_t *)(long)ctx->data;

	if (!origin || !mine || (const void *)(eth + ETH_SIZE) > (void *)(long)ctx->data_end)
		return drop(FRONT_NO_ORIGIN);
	origin_count(mine, target, p->f.length);
	return frame_address(ctx, eth, origin);
}

/* Where a SYN goes: to where the same SYN went before, else where Maglev says. */
__noinline int syn_place(const struct packet *p, const struct front_vip *vip, uint64_t now_ns)
{
	const struct siphash_key key = secret();
	struct flow_place place;
	struct flow_cap *caps;
	struct flow_now now;
	uint32_t target;
	uint64_t word;
	bool capped;

	if (!p || !vip)
		return TARGET_NONE;
	place = flow_place(p->hash, settings.half_buckets - 1);
	now = flow_now(now_ns);
	word = half_open_lookup(&half, &place, now);
	target = word ? FLOW_TARGET(word) : TARGET_NONE;
	if (!origin_at(target))
		target = maglev_pick(vip, p->hash);
	caps = map_at(&cap, 0);
	if (!caps || target >= FRONT_ORIGINS_MAX)
		return target;
	capped = !word && !flow_cap_take(caps, flow_network_hash(&key, flow_key_network(&p->f.key)),
					 settings.half_prefix_max);
	if (!half_open_note(&half, &place, target, capped, now))
		count(FRONT_HALF_LIMIT);
	return target;
}

/* No entry is free for the flow, and none ever was: then its origin is where Maglev says. */
static __always_inline int flows_are_full(const struct flow_place *place, struct flow_now now)
{
	struct flow_victim least = { 0, 0, ~0ULL };
	struct flow_bucket *first = flow_bucket_at(&flows, place->first);
	struct flow_bucket *second = flow_bucket_at(&flows, place->second);

	if (!first || !second)
		return 0;
	flow_bucket_weigh(&least, first, now);
	flow_bucket_weigh(&least, second, now);
	return FLOW_WORTH(least.worth) > flow_worth_limit(FLOW_OPEN);
}

/*
 * The target of a flow without an entry, of which a packet without SYN has come. is_ours: by
 * itself; of what another PoP has handed over nothing is to be guessed.
 */
__noinline int half_promote(const struct packet *p, const struct front_vip *vip, int is_ours)
{
	struct flow_place place, half_place;
	struct flow_now now;
	enum half_open is;
	uint32_t target;

	if (!p || !vip)
		return TARGET_NONE;
	place = flow_place_of(p);
	half_place = flow_place(p->hash, settings.half_buckets - 1);
	now = flow_now(bpf_ktime_get_ns());
	is = half_open_check(&half, &half_place, now, &target);
	if (is == HALF_OPEN_NONE)
		return is_ours && flows_are_full(&place, now) ? maglev_pick(vip, p->hash)
							      : TARGET_NONE;
	if (is == HALF_OPEN_EARLY || p->f.is_error)
		return target;
	if (flow_table_put(&flows, settings.buckets - 1, &place, FLOW_OPEN, target, now) ==
	    FLOW_PUT_NONE)
		count(FRONT_TABLE_FULL);
	else
		half_open_done(&half, &half_place);
	network_note(p);
	return target;
}

#endif
