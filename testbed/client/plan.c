/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/plan.h"

#include <stdlib.h>

#include "lib/alloc.h"
#include "testbed/client/hash.h"

/* What a hash is for, so that a user's offset and his phases are independent. */
enum { PURPOSE_OFFSET = 1, PURPOSE_PHASE = 2 };

struct client_plan {
	const struct client_conf *conf;
	struct instant start;
	size_t count;
	struct client_slot *heap; /* least first, count of them */
};

/* Equal times go by user and kind, so that the order is the same in every run. */
static bool is_before(const struct client_slot *a, const struct client_slot *b)
{
	if (a->planned.ns != b->planned.ns)
		return a->planned.ns < b->planned.ns;
	if (a->user != b->user)
		return a->user < b->user;
	return a->traffic < b->traffic;
}

static void swap(struct client_slot *a, struct client_slot *b)
{
	const struct client_slot t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct client_slot *heap, size_t count, size_t at)
{
	for (;;) {
		const size_t left = 2 * at + 1, right = left + 1;
		size_t least = at;

		if (left < count && is_before(&heap[left], &heap[least]))
			least = left;
		if (right < count && is_before(&heap[right], &heap[least]))
			least = right;
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}

struct instant client_plan_time(const struct client_plan *plan, unsigned user, unsigned traffic,
				uint64_t n)
{
	const struct client_conf *conf = plan->conf;
	const struct client_traffic *kind = &conf->traffic[traffic];
	const uint64_t number = conf->first_user + user;
	const uint64_t ramp_ns = (uint64_t)conf->ramp_ms * NS_PER_MS;
	const uint64_t period_ns = (uint64_t)kind->period_ms * NS_PER_MS;
	const uint64_t offset =
		client_hash_scale(client_hash(conf->seed, number, PURPOSE_OFFSET), ramp_ns);
	/* By kind, not by its place in the list: the list may grow. */
	const uint64_t phase = client_hash_scale(
		client_hash(conf->seed, number, PURPOSE_PHASE + kind->kind), period_ns);

	return instant_after_ns(plan->start, (int64_t)(offset + phase + n * period_ns));
}

struct client_plan *client_plan_new(const struct client_conf *conf, struct instant start)
{
	struct client_plan *plan = x_new(struct client_plan);

	plan->conf = conf;
	plan->start = start;
	plan->count = conf->users * conf->traffic_count;
	plan->heap = xcalloc(plan->count, sizeof(*plan->heap));
	for (size_t i = 0; i < plan->count; i++) {
		struct client_slot *slot = &plan->heap[i];

		slot->user = (unsigned)(i / conf->traffic_count);
		slot->traffic = (unsigned)(i % conf->traffic_count);
		slot->planned = client_plan_time(plan, slot->user, slot->traffic, 0);
	}
	for (size_t i = plan->count / 2; i-- > 0;)
		sift_down(plan->heap, plan->count, i);
	return plan;
}

void client_plan_free(struct client_plan *plan)
{
	if (!plan)
		return;
	free(plan->heap);
	free(plan);
}

struct instant client_plan_deadline(const struct client_plan *plan)
{
	return plan->heap[0].planned;
}

bool client_plan_next(struct client_plan *plan, struct instant now, struct client_slot *out)
{
	struct client_slot *first = &plan->heap[0];

	if (!instant_reached(first->planned, now))
		return false;
	*out = *first;
	first->n++;
	first->planned =
		instant_after_ms(first->planned, plan->conf->traffic[first->traffic].period_ms);
	sift_down(plan->heap, plan->count, 0);
	return true;
}
