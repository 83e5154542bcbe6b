/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/recovery.h"

#include <string.h>

#include "testbed/measure/name_table.h"

static const char *const outcome_names[OUTCOMES] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_UNREACHABLE] = "unreachable",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_SILENT] = "silent",
	[OUTCOME_WRONG] = "wrong",
	[OUTCOME_DNS_FAILED] = "dns_failed",
};

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

enum outcome outcome_parse(const char *text)
{
	for (enum outcome o = 0; o < OUTCOMES; o++) {
		if (strcmp(text, outcome_names[o]) == 0)
			return o;
	}
	return OUTCOMES;
}

/* How far a run of successes from one pop has got. */
struct run {
	unsigned length;
	uint32_t pop;
	int64_t first_answer_ns;
};

static void run_step(struct run *run, const struct slot *slot)
{
	if (slot->outcome != OUTCOME_OK) {
		run->length = 0;
	} else if (run->length > 0 && run->pop == slot->pop) {
		run->length++;
	} else {
		*run = (struct run){ 1, slot->pop, slot->completed_ns };
	}
}

static void fault_step(struct recovery *r, struct run *run, const struct slot *slot,
		       int64_t begin_ns)
{
	r->requests++;
	r->outcomes[slot->outcome]++;
	r->failed += slot->outcome != OUTCOME_OK;
	run_step(run, slot);
	if (run->length == RECOVERY_RUN && r->failover_ns == RECOVERY_NEVER)
		r->failover_ns = run->first_answer_ns - begin_ns;
	if (slot->outcome != OUTCOME_OK)
		return;
	if (r->reconnect_ns == RECOVERY_NEVER)
		r->reconnect_ns = slot->completed_ns - begin_ns;
	r->flips += r->pop_during != NAME_NONE && r->pop_during != slot->pop;
	r->pop_during = slot->pop;
}

static void failback_step(struct recovery *r, const struct slot *slot, int64_t end_ns)
{
	r->failback_requests++;
	if (slot->outcome != OUTCOME_OK) {
		r->failback_failed++;
		return;
	}
	r->pop_after = slot->pop;
	if (slot->pop == r->pop_before && r->failback_ns == RECOVERY_NEVER)
		r->failback_ns = slot->completed_ns - end_ns;
}

struct recovery recovery_measure(const struct slot *slots, size_t n,
				 const struct fault_window *window)
{
	struct recovery r = { .reconnect_ns = RECOVERY_NEVER,
			      .failover_ns = RECOVERY_NEVER,
			      .failback_ns = RECOVERY_NEVER };
	struct run run = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct slot *slot = &slots[i];

		if (slot->planned_ns < window->begin_ns) {
			if (slot->outcome == OUTCOME_OK)
				r.pop_before = slot->pop;
		} else if (slot->planned_ns < window->end_ns) {
			fault_step(&r, &run, slot, window->begin_ns);
		} else if (slot->planned_ns < window->until_ns) {
			failback_step(&r, slot, window->end_ns);
		}
	}
	return r;
}
