/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scenario_timeline.c - what breaks when.
 */
#include <string.h>

#include "testbed/scenario.h"

static const char *const fault_names[] = { "pop_crash", "lb_crash",	   "origin_failure",
					   "link_cut",	"catchment_shift", "drain",
					   NULL };

const char *fault_kind_name(enum fault_kind kind)
{
	return fault_names[kind];
}

bool fault_kind_parse(enum fault_kind *out, const char *text)
{
	for (int i = 0; fault_names[i]; i++) {
		if (strcmp(fault_names[i], text) == 0) {
			*out = (enum fault_kind)i;
			return true;
		}
	}
	return false;
}

struct fault_order fault_order_load(const struct conf *object, enum fault_kind kind)
{
	const struct conf target = conf_get(object, "target"),
			  carrier = conf_get(object, "carrier"),
			  deadline = conf_get(object, "deadline_ms");

	if (carrier.json && kind != FAULT_LINK_CUT)
		conf_fail(&carrier, "is of the fault link_cut");
	if (deadline.json && kind != FAULT_DRAIN)
		conf_fail(&deadline, "is of the fault drain");
	return (struct fault_order){
		.kind = kind,
		.target = conf_as_string(&target),
		.carrier = conf_bool(object, "carrier", true),
		.deadline_ms = (unsigned)conf_int(object, "deadline_ms", 0, 3600000, 30000),
	};
}

const char *scenario_shift_mistake(const struct scenario *s)
{
	if (s->pop_count < 2)
		return "there is no other pop";
	for (size_t i = 0; i < s->variant_count; i++) {
		if (s->variants[i].mode == MODE_ANYCAST)
			return NULL;
	}
	return "no variant is anycast";
}

/* That a link is one is for the topology to say. */
static void fault_target_check(const struct scenario *s, const struct conf *object,
			       const struct fault_order *order)
{
	const struct conf target = conf_get(object, "target");
	bool known = order->kind == FAULT_LINK_CUT;

	for (size_t i = 0; i < s->pop_count; i++)
		known = known || strcmp(s->pops[i].name, order->target) == 0;
	if (order->kind == FAULT_CATCHMENT_SHIFT && scenario_shift_mistake(s))
		conf_fail(object, "catchment_shift: %s", scenario_shift_mistake(s));
	if (order->kind == FAULT_DRAIN && s->speaker != SPEAKER_LB)
		conf_fail(object, "drain: the pops have no catchment-lb");
	if (!known)
		conf_fail(&target, "unknown pop '%.40s'", order->target);
}

void scenario_timeline_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "timeline", 0, 100);

	s->fault_count = conf_count(&array);
	s->faults = arena_new_array(s->arena, struct scenario_fault, s->fault_count);
	for (size_t i = 0; i < s->fault_count; i++) {
		struct scenario_fault *fault = &s->faults[i];
		const struct conf item = conf_item(&array, i);

		CONF_KEYS(&item, "at_ms", "jitter_ms", "fault", "target", "carrier", "deadline_ms",
			  "undo_ms");
		fault->at_ms = (unsigned)conf_int(&item, "at_ms", 0, 3600000, CONF_REQUIRED);
		fault->jitter_ms = (unsigned)conf_int(&item, "jitter_ms", 0, 3600000, 0);
		fault->order = fault_order_load(
			&item,
			(enum fault_kind)conf_choice(&item, "fault", fault_names, CONF_REQUIRED));
		fault->undo_ms = (unsigned)conf_int(&item, "undo_ms", 0, 3600000, 0);
		fault_target_check(s, &item, &fault->order);
	}
}
