/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front.bpf.c - in front of the kernel: packets for VIPs, and what other PoPs hand over.
 *
 *	GUE for us ─── tag ─── known here? ── deliver          else drop, and say so
 *	for a VIP ──── SYN, or known here ─── deliver
 *	               another PoP's ──────── GUE to it
 *	               nobody's ───────────── drop
 *	               not known ──────────── user space asks the others
 *
 * The planes differ in who knows a flow and in how it is delivered: `local` asks this machine's
 * TCP and passes the packet up; `xdp` keeps flows in the table and sends the frame to an origin.
 * What is not understood passes up unchanged.
 */
#include "lb/dataplane/front_ask.bpf.h"
#include "lb/dataplane/front_decap.bpf.h"
#include "lb/dataplane/front_encap.bpf.h"
#include "lb/dataplane/front_fast.bpf.h"
#include "lb/dataplane/front_flows.bpf.h"
#include "lb/dataplane/front_kernel.bpf.h"
#include "lb/dataplane/front_maps.bpf.h"
#include "lb/dataplane/front_origin.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline const struct front_vip *vip_find(const struct flow_key *key)
{
	return vip_at(fixed_load64(key->vip), fixed_load64(key->vip + 8),
		      settings.plane == FRONT_XDP ? key->vip_port | (uint32_t)key->proto << 16 : 0);
}

/* ---- plane local ---- */

/* A packet in the middle of a flow that is not here. */
static __always_inline int unknown(struct xdp_md *ctx, const struct packet *p, uint64_t word)
{
	struct front_vip_counts *mine;

	if (FLOW_STATE(word) == FLOW_ELSEWHERE)
		return packet_hand_over(ctx, p, FLOW_TARGET(word));
	if (FLOW_STATE(word) == FLOW_NOWHERE)
		return drop(FRONT_REFUSED);
	if (p->f.has_more)
		return drop(FRONT_FRAGMENT_DROP);
	mine = vip_counts_mine(p->row);
	if (mine)
		mine->asked++;
	return packet_show(ctx, p, FRONT_ASK, 0);
}

static __always_inline int local_tcp(struct xdp_md *ctx, const struct packet *p,
				     struct front_vip_counts *mine)
{
	if (is_syn(p)) {
		/* The kernel decides; what it knows of the flow, lives. */
		if (flow_renew(p, 0) && !kernel_knows(ctx, p))
			flow_renew(p, 1);
		mine->syns++;
		count(FRONT_SYN);
		return XDP_PASS;
	}
	if (kernel_knows(ctx, p)) {
		flow_keep(p);
		mine->known++;
		count(FRONT_KNOWN);
		return XDP_PASS;
	}
	return unknown(ctx, p, flow_elsewhere(p));
}

/* ---- plane xdp ---- */

static __always_inline int xdp_syn(struct xdp_md *ctx, const struct packet *p,
				   const struct front_vip *vip, struct front_vip_counts *mine)
{
	/* First of all: it waits for what is on its way from memory, and the rest need not. */
	const uint64_t now_ns = bpf_ktime_get_ns();
	const struct flow_place place = flow_place_of(p);
	uint64_t word;
	struct flow_entry *entry = flow_table_lookup(&flows, &place, flow_now(now_ns), &word);

	mine->syns++;
	count(FRONT_SYN);
	/* Its origin knows what a SYN of an open connection means. */
	if (entry && FLOW_STATE(word) == FLOW_OPEN && origin_at(FLOW_TARGET(word)))
		return origin_send(ctx, p, FLOW_TARGET(word));
	if (entry)
		flow_entry_forget(entry, word);
	return origin_send(ctx, p, (uint32_t)syn_place(p, vip, now_ns));
}

static __always_inline int xdp_served(struct xdp_md *ctx, const struct packet *p,
				      struct front_vip_counts *mine, uint32_t target)
{
	mine->known++;
	count(FRONT_KNOWN);
	return origin_send(ctx, p, target);
}

static __always_inline int xdp_tcp(struct xdp_md *ctx, const struct packet *p,
				   const struct front_vip *vip, struct front_vip_counts *mine)
{
	const struct flow_place place = flow_place_of(p);
	const struct flow_now now = now_coarse();
	struct flow_entry *entry;
	uint32_t target;
	uint64_t word;

	if (is_syn(p))
		return xdp_syn(ctx, p, vip, mine);
	entry = flow_table_lookup(&flows, &place, now, &word);
	if (!entry) {
		target = (uint32_t)half_promote(p, vip, 1);
		return target == TARGET_NONE ? unknown(ctx, p, 0)
					     : xdp_served(ctx, p, mine, target);
	}
	if (FLOW_STATE(word) == FLOW_NOWHERE)
		return unknown(ctx, p, word);
	if (FLOW_STATE(word) == FLOW_ELSEWHERE) {
		if (!p->f.is_error)
			flow_entry_touch(entry, now);
		return unknown(ctx, p, word);
	}
	if (!p->f.is_error)
		flow_entry_see(entry, word, p, now);
	target = FLOW_TARGET(word);
	/* Of an origin that is no more: another one says so with a reset. */
	if (!origin_at(target))
		target = maglev_pick(vip, p->hash);
	return xdp_served(ctx, p, mine, target);
}

/* ---- both ---- */

static __always_inline int vip_packet(struct xdp_md *ctx, struct packet *p,
				      const struct front_vip *vip, enum flow_found found)
{
	struct front_vip_counts *mine = vip_counts_mine(vip->row);

	if (!mine)
		return XDP_PASS;
	mine->packets++;
	mine->octets += p->f.length;
	count(FRONT_PACKETS);
	if (found == FLOW_FRAGMENT)
		count(FRONT_FRAGMENT_UP);
	if (found != FLOW_FOUND || (p->f.key.proto == FLOW_UDP && settings.plane == FRONT_LOCAL)) {
		count(FRONT_OTHER);
		return XDP_PASS;
	}
	p->row = vip->row;
	p->hash = flow_key_hash(flow_secret(), &p->f.key);
	if (settings.plane == FRONT_LOCAL)
		return local_tcp(ctx, p, mine);
	if (p->f.key.proto == FLOW_TCP)
		return xdp_tcp(ctx, p, vip, mine);
	count(FRONT_KNOWN);
	return origin_send(ctx, p, maglev_pick(vip, p->hash));
}

/* ---- GUE ---- */

/* Where a flow that was handed over is served: TARGET_NONE, it is not here. */
static __always_inline uint32_t handed_target(struct xdp_md *ctx, const struct packet *inner,
					      const struct front_vip *vip)
{
	struct flow_place place;
	struct flow_now now;
	struct flow_entry *entry;
	uint64_t word;

	if (settings.plane == FRONT_LOCAL) {
		if (!kernel_knows(ctx, inner)) {
			flow_elsewhere(inner); /* forgets what has ended */
			return TARGET_NONE;
		}
		flow_keep(inner);
		return 0;
	}
	place = flow_place_of(inner);
	now = now_coarse();
	entry = flow_table_lookup(&flows, &place, now, &word);
	if (!entry)
		return (uint32_t)half_promote(inner, vip, 0);
	if (FLOW_STATE(word) != FLOW_OPEN && FLOW_STATE(word) != FLOW_CLOSING)
		return TARGET_NONE;
	if (!inner->f.is_error)
		flow_entry_see(entry, word, inner, now);
	return FLOW_TARGET(word);
}

/* Who has sent it is proved, and inner is what has come with it. */
static __always_inline int handed_deliver(struct xdp_md *ctx, struct packet *inner, uint32_t pop)
{
	const struct front_vip *vip = vip_find(&inner->f.key);
	struct front_vip_counts *mine = vip ? vip_counts_mine(vip->row) : 0;
	uint32_t target = TARGET_NONE;

	inner->row = vip ? vip->row : 0;
	inner->hash = flow_key_hash(flow_secret(), &inner->f.key);
	if (vip)
		target = handed_target(ctx, inner, vip);
	if (target == TARGET_NONE || (settings.plane == FRONT_XDP && !origin_at(target))) {
		packet_show(ctx, inner, FRONT_GONE, pop);
		return drop(vip ? FRONT_GUE_GONE : FRONT_GUE_NO_VIP);
	}
	if (!mine || frame_strip(ctx, inner))
		return XDP_DROP;
	mine->delivered++;
	count(FRONT_GUE_DELIVERED);
	return settings.plane == FRONT_LOCAL ? XDP_PASS : origin_send(ctx, inner, target);
}

static __always_inline bool epoch_is_known(const struct front_pop *pop, uint32_t epoch)
{
	return epoch == pop->epoch_in[0] || epoch == pop->epoch_in[1];
}

__noinline int tag_is_right(const struct packet *inner, const struct gue_header *header,
			    const struct front_pop *pop)
{
	struct gue_tagged tagged;

	if (!inner || !header || !pop)
		return 0;
	__builtin_memcpy(tagged.source, pop->theirs, FLOW_ADDR_SIZE);
	__builtin_memcpy(tagged.destination, pop->ours, FLOW_ADDR_SIZE);
	gue_tagged_set(&tagged, &inner->f.key, header);
	return gue_tag(&pop->key_in, &tagged) == header->tag;
}

/* As gue_decode() would take it; then p, which was the outer packet, is what has come in it. */
__noinline int gue_read(struct xdp_md *ctx, struct packet *p, struct gue_header *header)
{
	enum gue_verdict verdict;
	const uint8_t *gue;
	uint32_t end;
	uint64_t at;

	if (!p || !header)
		return GUE_TRUNCATED;
	at = p->at + p->f.l4_at + UDP_SIZE;
	end = p->at + p->f.length;
	FIXED_OPAQUE(at);
	at &= 511;
	gue = (const uint8_t *)(long)ctx->data + at;
	if (at + GUE_SIZE > end || (const void *)(gue + GUE_SIZE) > (void *)(long)ctx->data_end)
		return GUE_TRUNCATED;
	verdict = gue_header_read(header, gue);
	if (verdict != GUE_ACCEPTED)
		return verdict;
	if (packet_read(ctx, at + GUE_SIZE, p) != FLOW_FOUND ||
	    header->proto != gue_proto(p->f.family) || p->f.key.proto != FLOW_TCP || is_syn(p))
		return GUE_BAD_INNER;
	/* Not what may stand behind the outer packet's end. */
	return at + GUE_SIZE + p->f.length <= end ? GUE_ACCEPTED : GUE_BAD_INNER;
}

static __always_inline int gue_packet(struct xdp_md *ctx, struct packet *p)
{
	const uint32_t *index = bpf_map_lookup_elem(&pop_slots, &p->f.key.client);
	const struct front_pop *pop = index ? map_at(&pops, *index) : 0;
	struct gue_header header;
	int verdict;

	if (!pop || !pop->is_set || !flow_addr_equal(p->f.key.vip, pop->ours))
		return drop(FRONT_GUE_STRANGER);
	verdict = gue_read(ctx, p, &header);
	if (verdict == GUE_ACCEPTED && !epoch_is_known(pop, header.epoch))
		verdict = GUE_OLD_EPOCH;
	if (verdict == GUE_ACCEPTED && !tag_is_right(p, &header, pop))
		verdict = GUE_FORGED;
	if (verdict < 0 || verdict >= GUE_VERDICTS)
		return XDP_DROP;
	count(FRONT_GUE_ACCEPTED + verdict);
	return verdict == GUE_ACCEPTED ? handed_deliver(ctx, p, *index) : XDP_DROP;
}

/* Or the beginning of it. */
static __always_inline bool is_gue(const struct packet *p, enum flow_found found)
{
	return found == FLOW_FOUND && p->f.key.proto == FLOW_UDP &&
	       p->f.key.vip_port == settings.gue_port && !p->f.is_error &&
	       addr_is_own(p->f.key.vip);
}

/* ---- the probe ---- */

/* RFC 826: a reply of who is waited for. */
static __always_inline int arp_packet(struct xdp_md *ctx)
{
	const uint8_t *arp = (const uint8_t *)(long)ctx->data + ETH_SIZE;

	if (live.probe_is_on && (const void *)(arp + 28) <= (void *)(long)ctx->data_end &&
	    fixed_load16(arp + 6) == bpf_htons(2) && live.probe.at[0] == 0 &&
	    (uint64_t)fixed_load32(arp + 14) << 32 == (live.probe.at[1] & 0xffffffff00000000))
		count(FRONT_PROBE);
	return XDP_PASS;
}

/* RFC 4861, 4.4: its neighbour advertisement. */
static __always_inline void nd_packet(struct xdp_md *ctx)
{
	const uint8_t *icmp = (const uint8_t *)(long)ctx->data + ETH_SIZE + IPV6_SIZE;

	if ((const void *)(icmp + 24) <= (void *)(long)ctx->data_end &&
	    icmp[-IPV6_SIZE + 6] == FLOW_ICMPV6 && icmp[0] == 136 &&
	    fixed_load64(icmp + 8) == live.probe.at[0] &&
	    fixed_load64(icmp + 16) == live.probe.at[1])
		count(FRONT_PROBE);
}

static __always_inline int long_way(struct xdp_md *ctx)
{
	const uint8_t *eth = (const uint8_t *)(long)ctx->data;
	const struct front_vip *vip;
	struct packet p = { 0 };
	enum flow_found found;
	uint16_t type;

	/* Broadcast and multicast were not meant for us alone. */
	if ((const void *)(eth + ETH_SIZE) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	type = fixed_load16(eth + 12);
	if (type == bpf_htons(0x0806))
		return arp_packet(ctx);
	if (eth[0] & 1 || (type != bpf_htons(0x0800) && type != bpf_htons(0x86dd)))
		return XDP_PASS;
	found = packet_read(ctx, ETH_SIZE, &p);
	if (found == FLOW_BAD || p.f.family != (type == bpf_htons(0x0800) ? 4 : 6))
		return XDP_PASS;
	/* Its rest is worth nothing without the beginning. */
	if (is_gue(&p, found))
		return p.f.has_more ? drop(FRONT_GUE_FRAGMENT) : gue_packet(ctx, &p);
	vip = vip_find(&p.f.key);
	if (vip)
		return vip_packet(ctx, &p, vip, found);
	if (live.probe_is_on)
		nd_packet(ctx);
	return XDP_PASS;
}

SEC("xdp")
int catchment_front(struct xdp_md *ctx)
{
	const int verdict = settings.short_way ? fast_packet(ctx) : FAST_NO;

	return verdict != FAST_NO ? verdict : long_way(ctx);
}

/* For user space, which runs it itself: does this machine's TCP know the flow whose key is data? */
SEC("xdp")
int catchment_known(struct xdp_md *ctx)
{
	const uint8_t *data = (const uint8_t *)(long)ctx->data;
	struct packet p = { 0 };

	if ((const void *)(data + FLOW_KEY_SIZE) > (void *)(long)ctx->data_end)
		return 0;
	__builtin_memcpy(&p.f.key, data, FLOW_KEY_SIZE);
	p.f.is_error = 1; /* there is no packet that could carry a cookie */
	return kernel_knows(ctx, &p);
}

/* So, too: sends the frame out of the interface that it is said to have come in by. */
SEC("xdp")
int catchment_probe(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}
