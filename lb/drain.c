/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/drain.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define MOVED_SHARE 100 /* fewer than one in so many are none */

const char *drain_phase_name(enum drain_phase phase)
{
	switch (phase) {
	case DRAIN_NONE:
		return "none";
	case DRAIN_DEPREFERRED:
		return "depreferred";
	case DRAIN_WITHDRAWN:
		return "withdrawn";
	case DRAIN_DRAINED:
		return "drained";
	}
	return "";
}

void drain_begin(struct drain *d, size_t count, unsigned deadline_ms, unsigned linger_ms,
		 struct instant now)
{
	*d = (struct drain){ .phase = DRAIN_DEPREFERRED,
			     .deadline_ms = deadline_ms,
			     .linger_ms = linger_ms,
			     .begun = now,
			     .count = count,
			     .flows = xcalloc(count + 1, sizeof(struct drain_flow)) };
}

void drain_undo(struct drain *d)
{
	free(d->flows);
	*d = (struct drain){ 0 };
}

/* What has come since the step before. */
static uint64_t flow_step(struct drain_flow *flow, size_t step, uint64_t count)
{
	uint64_t fresh = count - flow->seen;

	flow->seen = count;
	flow->now += fresh - flow->steps[step];
	flow->steps[step] = fresh;
	if (flow->now > flow->busiest)
		flow->busiest = flow->now;
	return fresh;
}

static bool is_moved(const struct drain_flow *flow)
{
	return !flow->unknown && (flow->now == 0 || flow->now * MOVED_SHARE < flow->busiest);
}

static bool are_moved(const struct drain *d)
{
	if (d->steps < DRAIN_STEPS)
		return false;
	for (size_t i = 0; i < d->count; i++) {
		if (!is_moved(&d->flows[i]))
			return false;
	}
	return true;
}

static bool any_unknown(const struct drain *d)
{
	for (size_t i = 0; i < d->count; i++) {
		if (d->flows[i].unknown)
			return true;
	}
	return false;
}

/* The counts are of something else from now on; what was the busiest second stays told. */
static void withdraw(struct drain *d, bool late, struct instant now)
{
	d->phase = DRAIN_WITHDRAWN;
	d->late = late;
	d->withdrawn = d->quiet_since = now;
	for (size_t i = 0; i < d->count; i++) {
		struct drain_flow *flow = &d->flows[i];

		flow->seen = flow->now = 0;
		memset(flow->steps, 0, sizeof(flow->steps));
	}
}

bool drain_step(struct drain *d, const uint64_t *counts, bool told, struct instant now)
{
	uint64_t fresh = 0;

	if (d->phase == DRAIN_NONE || d->phase == DRAIN_DRAINED)
		return false;
	d->step = (d->step + 1) % DRAIN_STEPS;
	d->steps = told ? d->steps + 1 : 0;
	for (size_t i = 0; i < d->count; i++)
		fresh += flow_step(&d->flows[i], d->step, counts[i]);
	if (d->phase == DRAIN_DEPREFERRED) {
		bool late = instant_reached(instant_after_ms(d->begun, d->deadline_ms), now);

		if (!late && !are_moved(d))
			return false;
		withdraw(d, !are_moved(d), now);
		return true;
	}
	if (fresh > 0 || !told || any_unknown(d))
		d->quiet_since = now;
	if (!instant_reached(instant_after_ms(d->quiet_since, d->linger_ms), now))
		return false;
	d->phase = DRAIN_DRAINED;
	d->drained = now;
	return true;
}
