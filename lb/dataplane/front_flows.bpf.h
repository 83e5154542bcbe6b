/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_flows.bpf.h - for front.bpf.c: the connection table as the planes use it.
 *
 * Time is the kernel's coarse clock, a tick old at most, but where a round trip is measured.
 */
#ifndef LB_DATAPLANE_FRONT_FLOWS_BPF_H
#define LB_DATAPLANE_FRONT_FLOWS_BPF_H

#include "lb/dataplane/front_maps.bpf.h"
#include "lb/dataplane/front_networks.bpf.h"
#include "lb/flow/half_open.h"

FRONT_ARRAY(flows, struct flow_bucket, 2);
FRONT_ARRAY(half, struct flow_bucket, 2);
FRONT_ARRAY(cap, struct flow_cap, 1);

/* It costs fifty instructions, and changes with the tick: so it is looked at once in a tick. */
static __always_inline uint64_t coarse_ns(void)
{
	const uint64_t jiffies = bpf_jiffies64();
	uint64_t ns;

	if (clock.jiffies == jiffies)
		return clock.monotonic_ns;
	ns = bpf_ktime_get_coarse_ns();
	clock.monotonic_ns = ns;
	clock.jiffies = jiffies;
	return ns;
}

static __always_inline struct flow_now now_coarse(void)
{
	return flow_now(coarse_ns());
}

static __always_inline struct flow_place flow_place_of(const struct packet *p)
{
	return flow_place(p->hash, settings.buckets - 1);
}

static __always_inline int is_syn(const struct packet *p)
{
	return !p->f.is_error &&
	       (p->f.tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_RST | FLOW_TCP_ACK)) == FLOW_TCP_SYN;
}

/* A packet of an entry that is ours, and not about it. */
static __always_inline void flow_entry_see(struct flow_entry *entry, uint64_t word,
					   const struct packet *p, struct flow_now now)
{
	if (p->f.tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_RST)) {
		flow_entry_close(entry, word, now);
		return;
	}
	network_note_again(entry, p, now);
	flow_entry_touch(entry, now);
}

/* The flow is here. Its entry says since when, and lasts as long as packets come. */
static __always_inline void flow_note(const struct packet *p)
{
	const struct flow_place place = flow_place_of(p);
	const struct flow_now now = now_coarse();
	uint64_t word;
	struct flow_entry *entry = flow_table_lookup(&flows, &place, now, &word);
	const uint32_t state = FLOW_STATE(word);

	/* An error says nothing that its sender could not have made up. */
	if (p->f.is_error)
		return;
	if (entry && (state == FLOW_OPEN || state == FLOW_CLOSING)) {
		flow_entry_see(entry, word, p, now);
		return;
	}
	network_note(p);
	if (flow_table_put(&flows, settings.buckets - 1, &place, FLOW_OPEN, 0, now) ==
	    FLOW_PUT_NONE)
		count(FRONT_TABLE_FULL);
}

/* flow_note() as the verifier looks at it by itself. */
__noinline int flow_keep(const struct packet *p)
{
	if (p)
		flow_note(p);
	return 0;
}

/* What the table says of a flow that the kernel does not know: its word, 0 for nothing. */
__noinline uint64_t flow_elsewhere(const struct packet *p)
{
	struct flow_entry *entry;
	struct flow_place place;
	struct flow_now now;
	uint64_t word;

	if (!p)
		return 0;
	place = flow_place_of(p);
	now = now_coarse();
	entry = flow_table_lookup(&flows, &place, now, &word);
	if (!entry)
		return 0;
	if (FLOW_STATE(word) == FLOW_ELSEWHERE) {
		flow_entry_touch(entry, now);
		return word;
	}
	if (FLOW_STATE(word) == FLOW_NOWHERE)
		return word;
	/* It was here and has ended; who has it now, if anybody has, is to be asked. */
	flow_entry_forget(entry, word);
	return 0;
}

/*
 * A SYN: what was known of the flow is of a connection before. But an open one stays, unless the
 * caller knows that it has ended: a made-up SYN is nothing to it.
 */
__noinline int flow_renew(const struct packet *p, int has_ended)
{
	struct flow_entry *entry;
	struct flow_place place;
	uint64_t word;

	if (!p)
		return 0;
	place = flow_place_of(p);
	entry = flow_table_lookup(&flows, &place, now_coarse(), &word);
	if (!entry)
		return 0;
	if (FLOW_STATE(word) == FLOW_OPEN && !has_ended)
		return 1;
	flow_entry_forget(entry, word);
	return 0;
}

#endif
