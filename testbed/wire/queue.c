/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/wire/queue.h"

/* splitmix64: small, seeded, good enough for loss and jitter. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void wire_queue_init(struct wire_queue *q, const struct wire_shape *shape, uint64_t seed)
{
	*q = (struct wire_queue){ .shape = *shape, .random = seed };
}

static struct instant later(struct instant a, struct instant b)
{
	return a.ns > b.ns ? a : b;
}

/* Wait for the line and occupy it. False when too much is waiting already. */
static bool line_take(struct wire_queue *q, size_t len, struct instant now, struct instant *sent)
{
	double ns_per_byte = 8e9 / (double)q->shape.rate_bps;
	struct instant start = later(q->sender_free, now);

	if ((double)(start.ns - now.ns) > (double)q->shape.limit * ns_per_byte)
		return false;
	*sent = instant_after_ns(start, (int64_t)((double)len * ns_per_byte));
	q->sender_free = *sent;
	return true;
}

bool wire_queue_offer(struct wire_queue *q, size_t len, struct instant now, struct instant *due)
{
	struct instant sent = now;
	int64_t jitter = 0;

	if (q->shape.loss > 0 && (uint32_t)random_next(&q->random) < q->shape.loss)
		return false;
	if (q->shape.rate_bps > 0 && !line_take(q, len, now, &sent))
		return false;
	if (q->shape.jitter_ns > 0)
		jitter = (int64_t)(random_next(&q->random) % (uint64_t)(q->shape.jitter_ns + 1));
	*due = later(instant_after_ns(sent, q->shape.delay_ns + jitter), q->last_due);
	q->last_due = *due;
	return true;
}
