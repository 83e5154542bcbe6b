/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * queue.h - one direction of a wire: when, and whether, a packet comes out.
 *
 * Pure: time is an argument, chance comes from a seed. The order is that of a
 * real line: loss is drawn first, then the packet waits for the sender before
 * it (rate), which fails when more than the limit is waiting, then it travels
 * (delay and jitter). Jitter never reorders: a packet comes out no earlier than
 * the one before it.
 */
#ifndef TESTBED_WIRE_QUEUE_H
#define TESTBED_WIRE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"

struct wire_shape {
	int64_t delay_ns;
	int64_t jitter_ns;    /* uniform between 0 and this is added */
	uint64_t rate_bps;    /* bits per second, 0: unlimited */
	size_t limit;	      /* bytes that may wait for the sender, with a rate */
	uint32_t loss;	      /* chance out of 2^32 */
	int64_t bgp_delay_ns; /* added to packets of BGP alone, see engine.h; not the queue's */
};

struct wire_queue {
	struct wire_shape shape;
	uint64_t random;
	struct instant sender_free; /* when the packet before has left */
	struct instant last_due;
};

void wire_queue_init(struct wire_queue *q, const struct wire_shape *shape, uint64_t seed);
/* Offer a packet of len bytes. False: it is lost. Else *due is when it comes out. */
bool wire_queue_offer(struct wire_queue *q, size_t len, struct instant now, struct instant *due);

#endif
