/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limit.bpf.h - for answer.bpf.c: how many answers a network gets (rate_limit.h).
 *
 * The program's answers have buckets of their own: a query that it takes is not the nameserver's
 * any more, whole, short or dropped. No cookie comes here, so that any source may be forged.
 */
#ifndef GEODNS_XDP_LIMIT_BPF_H
#define GEODNS_XDP_LIMIT_BPF_H

#include "geodns/xdp/maps.bpf.h"

enum limit_verdict { LIMIT_WHOLE, LIMIT_SHORT, LIMIT_NONE };

static __always_inline int is_exempt(const struct query *q)
{
	for (uint32_t i = 0; i < XDP_EXEMPT_MAX && i < settings.limit.exempt_count; i++) {
		const volatile struct xdp_exempt *e = &settings.limit.exempt[i];

		if (e->family == q->family && ((q->from_hi ^ e->hi) & e->mask_hi) == 0 &&
		    ((q->from_lo ^ e->lo) & e->mask_lo) == 0)
			return 1;
	}
	return 0;
}

/* Takes a token, if there is one; else counts. */
__noinline uint32_t limit_take(const struct query *q, struct xdp_counts *mine)
{
	const struct rate_pace pace = { settings.limit.pace.token_ns,
					settings.limit.pace.burst_ns };
	struct rate_set *set;
	uint64_t network, turn;

	if (!q || !mine || is_exempt(q))
		return LIMIT_WHOLE;
	network = rate_network(q->family == 4, q->from_hi);
	set = map_at(&limits, xdp_limit_set(settings.seed, network));
	if (!set || rate_token_take(set, &pace, network, (int64_t)bpf_ktime_get_ns()))
		return LIMIT_WHOLE;
	turn = mine->limited[0] + mine->limited[1] + 1;
	mine->limited[q->family == 6]++;
	if (settings.limit.slip > 0 && turn % settings.limit.slip == 0)
		return LIMIT_SHORT;
	mine->dropped++;
	return LIMIT_NONE;
}

#endif
