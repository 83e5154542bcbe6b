/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * query.bpf.h - for answer.bpf.c: reading a query, and finding its name.
 *
 * Functions that are not inlined are global: the verifier looks at each by itself, for all
 * that it could be called with, instead of at each way through all of them.
 */
#ifndef GEODNS_XDP_QUERY_BPF_H
#define GEODNS_XDP_QUERY_BPF_H

#include "geodns/xdp/maps.bpf.h"

#define LABELS_MAX (XDP_NAME_MAX / 2 + 1)

/* Of the name at that offset of the packet; 0: longer than the table's, or with a pointer. */
__noinline uint32_t name_length(struct xdp_md *ctx, uint32_t at)
{
	const void *end = (void *)(long)ctx->data_end;
	const uint8_t *name;
	uint32_t len = 0;

	if (at > MESSAGE_AT_MAX + DNS_SIZE)
		return 0;
	name = (const uint8_t *)(long)ctx->data + BOUNDED(at, 127);
	for (int i = 0; i < LABELS_MAX; i++) {
		const uint8_t *label = name + len;

		if ((const void *)(label + 1) > end)
			return 0;
		if (*label == 0)
			return len + 1;
		len += 1 + *label;
		if (len >= XDP_NAME_MAX) /* so also of a pointer, or 0x40 */
			return 0;
	}
	return 0;
}

/* Of that many words only: the last one has the name's end in it. */
static __always_inline uint32_t entry_find(uint64_t hash, const uint64_t *key, uint32_t words,
					   uint32_t flags)
{
	const struct xdp_bucket *bucket = map_at(&buckets, hash & settings.bucket_mask);
	const struct xdp_name *name;
	uint32_t index = 0;

	if (!bucket)
		return 0;
	for (int i = 0; i < XDP_SLOTS && index == 0; i++) {
		if (bucket->slots[i].tag == xdp_hash_tag(hash))
			index = bucket->slots[i].name;
	}
	name = index ? map_at(&names, index - 1) : 0;
	if (!name || (name->flags & XDP_NAME_WILDCARD) != flags)
		return 0;
	for (uint32_t i = 0; i < XDP_NAME_WORDS && i < words; i++) {
		if (name->key[i] != key[i])
			return 0;
	}
	return index;
}

/*
 * The entry (its index plus 1, 0: there is none) of the name of that length at that offset, or of
 * the wildcard below it, as flags say. The sum is the name's.
 */
__noinline uint32_t name_find(struct xdp_md *ctx, uint32_t at, uint32_t len, uint32_t flags,
			      uint64_t *sum)
{
	const void *end = (void *)(long)ctx->data_end;
	uint64_t key[XDP_NAME_WORDS] = { 0 }, hash = settings.seed + flags, added = 0;
	const uint8_t *name, *last;
	uint32_t words = 0;

	if (at < 8 || at > MESSAGE_AT_MAX + DNS_SIZE + XDP_NAME_MAX || len == 0 ||
	    len > XDP_NAME_MAX || !sum)
		return 0;
	name = (const uint8_t *)(long)ctx->data + BOUNDED(at, 255);
	last = (const uint8_t *)(long)ctx->data + BOUNDED(at + len - 8, 255);
	if ((const void *)(last + 8) > end)
		return 0;
	for (uint32_t i = 0; i < XDP_NAME_WORDS && 8 * i < len; i++) {
		uint64_t word;

		if (8 * i + 8 <= len) {
			if ((const void *)(name + 8 * i + 8) > end)
				return 0;
			word = *(const uint64_t *)(name + 8 * i);
		} else {
			/* The last octets, and before them some that are shifted out. */
			word = *(const uint64_t *)last >> (8 * (8 * i + 8 - len) & 63);
		}
		added += halves(word);
		word = xdp_word_lower(word);
		key[i] = word;
		hash = xdp_hash_step(hash, word);
		words++;
	}
	*sum = added;
	return entry_find(xdp_hash_finish(hash), key, words, flags);
}

/*
 * The entry of the name itself, or of the wildcard beside it: what exists beside a geographic
 * wildcard is in the table, too. A name that is deeper below it goes up.
 */
static __always_inline uint32_t name_lookup(struct xdp_md *ctx, struct query *q)
{
	const uint32_t at = q->at + DNS_SIZE;
	uint32_t index = name_find(ctx, at, q->name_len, 0, &q->name_sum), skip;
	uint64_t unused;

	if (index == 0) {
		const uint8_t *label = (const uint8_t *)(long)ctx->data + BOUNDED(at, 127);

		if ((const void *)(label + 1) > (void *)(long)ctx->data_end)
			return 0;
		skip = 1 + *label;
		if (skip >= q->name_len)
			return 0;
		index = name_find(ctx, at + skip, q->name_len - skip, XDP_NAME_WILDCARD, &unused);
	}
	return index;
}

/* ---- EDNS ---- */

/* The address, of which the last octets are read as the message's last eight. */
static __always_inline int ecs_addr_read(struct query *q, const uint8_t *opt, const void *end)
{
	uint32_t len = q->addr_len;
	const uint8_t *last = opt + OPT_SIZE + BOUNDED(len, 31);
	uint64_t word;

	if (len == 0)
		return 0;
	if ((const void *)(last + 8) > end)
		return -1;
	word = bpf_be64_to_cpu(*(const uint64_t *)last);
	if (len <= 8) {
		q->hi = word << (64 - 8 * len & 63);
		return 0;
	}
	if ((const void *)(opt + OPT_SIZE + ECS_SIZE + 8) > end)
		return -1;
	q->hi = bpf_be64_to_cpu(*(const uint64_t *)(opt + OPT_SIZE + ECS_SIZE));
	q->lo = word << (128 - 8 * len & 63);
	return 0;
}

static __always_inline int ecs_is_clean(const struct query *q)
{
	if (q->source < 64)
		return (q->hi << q->source | q->lo) == 0;
	return q->source == 128 || q->lo << (q->source - 64 & 63) == 0;
}

/* opt: 11 octets that are there; the option's too. Not 0: user space is to look at it. */
static __always_inline int ecs_read(struct query *q, const uint8_t *opt, uint32_t rdlen,
				    const void *end)
{
	const uint8_t *option = opt + OPT_SIZE;
	uint32_t bits;

	if (rdlen < ECS_SIZE || rdlen > ECS_SIZE + ADDR_MAX ||
	    (const void *)(option + ECS_SIZE) > end)
		return -1;
	if (option[0] != 0 || option[1] != 8 || option[2] != 0 || option[3] != rdlen - 4 ||
	    option[4] != 0 || option[5] > 2 || option[7] != 0)
		return -1;
	q->has_ecs = 1;
	q->ecs_family = option[5];
	q->source = option[6];
	q->addr_len = rdlen - ECS_SIZE;
	bits = q->ecs_family == 1 ? 32 : q->ecs_family == 2 ? 128 : 0;
	if (q->source > bits || q->addr_len != (q->source + 7) / 8)
		return -1;
	if (ecs_addr_read(q, opt, end) || !ecs_is_clean(q))
		return -1;
	return 0;
}

/* Returns the octets of the OPT record at that offset, 0 if user space is to look at it. */
__noinline uint32_t opt_read(struct xdp_md *ctx, struct query *q, uint32_t at)
{
	const void *end = (void *)(long)ctx->data_end;
	const uint8_t *opt;
	uint32_t rdlen;

	if (!q || at > MESSAGE_AT_MAX + DNS_SIZE + XDP_NAME_MAX + 4)
		return 0;
	opt = (const uint8_t *)(long)ctx->data + BOUNDED(at, 255);
	if ((const void *)(opt + OPT_SIZE) > end)
		return 0;
	/* Owner, type and version; neither the size matters (XDP_ANSWER_MAX) nor the rcode. */
	if (opt[0] != 0 || opt[1] != 0 || opt[2] != 41 || opt[6] != 0)
		return 0;
	rdlen = opt[9] << 8 | opt[10];
	q->has_edns = 1;
	q->edns_flags = opt[7] & EDNS_DO ? opt[7] & (EDNS_DO | EDNS_CO) : 0;
	if (rdlen > 0 && ecs_read(q, opt, rdlen, end))
		return 0;
	return OPT_SIZE + rdlen;
}

#endif
