/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_decap.bpf.h - for front.bpf.c: what another PoP has handed over.
 *
 * It is delivered here, or dropped and the sender is told: never sent on, so that no loop can
 * form. Who has sent it is who has its outer source address, which the tag proves.
 */
#ifndef LB_DATAPLANE_FRONT_DECAP_BPF_H
#define LB_DATAPLANE_FRONT_DECAP_BPF_H

#include "lb/dataplane/front_maps.bpf.h"
#include "lb/flow/gue.h"

static __always_inline int addr_is_own(const uint8_t *addr)
{
	const uint64_t hi = fixed_load64(addr), lo = fixed_load64(addr + 8);

	for (uint32_t i = 0; i < FRONT_OWN_MAX && i < live.own_count; i++) {
		if (live.own[i].at[0] == hi && live.own[i].at[1] == lo)
			return 1;
	}
	return 0;
}

/* The frame becomes what its inner packet would have come in. Not 0: it cannot. */
static __always_inline int frame_strip(struct xdp_md *ctx, const struct packet *inner)
{
	const void *end = (void *)(long)ctx->data_end;
	uint8_t *data = (uint8_t *)(long)ctx->data;
	uint32_t words[3];

	if ((const void *)(data + ETH_SIZE) > end || inner->at < ETH_SIZE)
		return -1;
	words[0] = *(uint32_t *)data;
	words[1] = *(uint32_t *)(data + 4);
	words[2] = *(uint32_t *)(data + 8);
	if (bpf_xdp_adjust_head(ctx, (int)(inner->at - ETH_SIZE)))
		return -1;
	end = (void *)(long)ctx->data_end;
	data = (uint8_t *)(long)ctx->data;
	if ((const void *)(data + ETH_SIZE) > end)
		return -1;
	*(uint32_t *)data = words[0];
	*(uint32_t *)(data + 4) = words[1];
	*(uint32_t *)(data + 8) = words[2];
	*(uint16_t *)(data + 12) = inner->f.family == 4 ? bpf_htons(0x0800) : bpf_htons(0x86dd);
	return 0;
}

#endif
