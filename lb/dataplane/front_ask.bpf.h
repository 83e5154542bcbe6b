/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_ask.bpf.h - for front.bpf.c: what user space is shown, and how much of it at most.
 *
 * A packet that no one here knows is copied to the ring and dropped: user space releases it to the
 * flow's owner, or the sender's TCP sends it again. Sixteen packets of a flow between two
 * verdicts; so many of a source prefix, so that one does not use up what all may have; and so
 * many in all.
 */
#ifndef LB_DATAPLANE_FRONT_ASK_BPF_H
#define LB_DATAPLANE_FRONT_ASK_BPF_H

#include "lb/dataplane/front_maps.bpf.h"

#define TOKEN	      1000 /* of a bucket's, which counts ms */
#define REFILL_MS_MAX 60000
#define SWAP_TRIES    4

/* Whether there is a token. A bucket that was never used is full. */
static __always_inline int token_take(struct front_bucket *bucket, uint32_t per_s, uint32_t burst,
				      uint32_t now_ms)
{
	for (int i = 0; i < SWAP_TRIES; i++) {
		const uint64_t old = *(volatile uint64_t *)&bucket->word;
		uint64_t passed = (uint32_t)(now_ms - (uint32_t)(old >> 32));
		uint64_t tokens = old & 0xffffffff;

		if (passed > REFILL_MS_MAX || old == 0)
			tokens = (uint64_t)burst * TOKEN;
		else
			tokens += passed * per_s;
		if (tokens > (uint64_t)burst * TOKEN)
			tokens = (uint64_t)burst * TOKEN;
		if (tokens < TOKEN)
			return 0;
		if (__sync_val_compare_and_swap(&bucket->word, old,
						(uint64_t)now_ms << 32 | (tokens - TOKEN)) == old)
			return 1;
	}
	return 0;
}

/* Two flows that share a slot take it from each other: then the buckets are the limit. */
static __always_inline int asking_admits(uint64_t hash, uint32_t now_s)
{
	struct front_asking *slot = map_at(&asking, hash % FRONT_ASKING);
	uint64_t word, age;

	if (!slot)
		return 0;
	word = slot->word;
	age = (now_s - (word >> 8)) & 0xffff;
	if (word >> 24 != hash >> 24 || age >= FRONT_ASKED_S) {
		slot->word = hash >> 24 << 24 | (now_s & 0xffff) << 8 | 1;
		return 1;
	}
	if ((word & 0xff) >= FRONT_ASKED_MAX)
		return 0;
	slot->word = word + 1;
	return 1;
}

/* Who has sent it: of an error, not who the quoted packet says. */
static __always_inline uint64_t source_network(struct xdp_md *ctx, const struct packet *p)
{
	uint32_t at = p->at;
	const uint8_t *ip;

	if (!p->f.is_error)
		return flow_key_network(&p->f.key);
	FIXED_OPAQUE(at);
	ip = (const uint8_t *)(long)ctx->data + (at & 127);
	if ((const void *)(ip + IPV4_SIZE) > (void *)(long)ctx->data_end)
		return 0;
	if (p->f.family == 4)
		return 4ULL << 56 | bpf_ntohl(fixed_load32(ip + 12)) >> 8;
	return 6ULL << 56 | bpf_be64_to_cpu(fixed_load64(ip + 8)) >> 16;
}

/* room: FRONT_PACKET_SMALL or ..._LARGE, which is a constant to the verifier. */
static __always_inline int record_send(struct xdp_md *ctx, const struct packet *p, uint32_t kind,
				       uint32_t pop, uint64_t now_ns, const uint32_t room)
{
	struct front_record *record =
		bpf_ringbuf_reserve(&ring, sizeof(struct front_record) + room, 0);
	uint32_t len = p->f.length, taken;

	if (!record)
		return -1;
	record->key = p->f.key;
	record->at_ns = now_ns;
	record->kind = kind;
	record->tcp_flags = p->f.tcp_flags;
	record->is_error = p->f.is_error;
	record->zero = 0;
	record->pop = pop;
	record->row = p->row;
	record->len = len;
	taken = len < room ? len : room;
	barrier_var(taken);
	if (taken == 0 || taken > room ||
	    bpf_xdp_load_bytes(ctx, p->at, (uint8_t *)record + sizeof(*record), taken))
		taken = 0;
	record->taken = taken;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* Copies the packet for user space, if that may be. It is dropped here in any case. */
__noinline int packet_show(struct xdp_md *ctx, const struct packet *p, uint32_t kind, uint32_t pop)
{
	struct front_bucket *prefix, *all;
	uint64_t now_ns = bpf_ktime_get_ns();
	uint32_t now_ms = now_ns / 1000000;
	const struct siphash_key key = secret();
	int err;

	if (!p)
		return XDP_DROP;
	prefix = map_at(&prefix_buckets,
			flow_network_hash(&key, source_network(ctx, p)) % FRONT_BUCKETS);
	all = map_at(&all_bucket, 0);
	if (!prefix || !all)
		return XDP_DROP;
	if (!asking_admits(p->hash, now_ns / 1000000000))
		return drop(FRONT_LIMIT_FLOW);
	if (!token_take(prefix, settings.ask_prefix.per_s, settings.ask_prefix.burst, now_ms))
		return drop(FRONT_LIMIT_PREFIX);
	if (!token_take(all, settings.ask_all.per_s, settings.ask_all.burst, now_ms))
		return drop(FRONT_LIMIT_ALL);
	if (p->f.length <= FRONT_PACKET_SMALL)
		err = record_send(ctx, p, kind, pop, now_ns, FRONT_PACKET_SMALL);
	else
		err = record_send(ctx, p, kind, pop, now_ns, FRONT_PACKET_LARGE);
	if (err)
		return drop(FRONT_RING_FULL);
	if (kind != FRONT_GONE)
		count(kind == FRONT_ASK ? FRONT_ASKED : FRONT_RELEASED);
	return XDP_DROP;
}

#endif
