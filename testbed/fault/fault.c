/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/fault/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

#define BFD_PATIENCE_NS (2 * NS_PER_S) /* after the undo, for what was not noticed before it */

static const char *const origin_daemons[] = { "nginx", "origin", NULL };
static const char *const lb_daemons[] = { "lb", NULL };
static const char *const bird_daemons[] = { "bird", NULL };

static const char *const *daemons_of(const struct lab *lab, enum fault_kind kind)
{
	if (kind == FAULT_ORIGIN_FAILURE)
		return origin_daemons;
	return lab->topology->scenario->speaker == SPEAKER_LB ? lb_daemons : bird_daemons;
}

/* "" where it hits no pop. */
static const char *pop_name(const struct fault *f, const struct lab *lab)
{
	return f->pop == SIZE_MAX ? "" : lab->topology->scenario->pops[f->pop].name;
}

static void row_write(const struct fault *f, struct lab *lab, const char *result, struct instant at)
{
	char detail[160];

	snprintf(detail, sizeof(detail), "%u %s %s", f->id, fault_kind_name(f->order.kind),
		 f->order.target);
	record_row(lab->record, &(struct record_row){ .t_ns = at.ns,
						      .source = "testbed",
						      .kind = "fault",
						      .variant = "",
						      .user = "",
						      .pop = pop_name(f, lab),
						      .result = result,
						      .latency_us = -1,
						      .detail = detail });
	lab_event(lab, json_pack("{s:s, s:I, s:i, s:s, s:s}", "kind",
				 strcmp(result, "begin") == 0 ? "fault" : "restore", "t_ns",
				 (json_int_t)at.ns, "id", (int)f->id, "target", f->order.target,
				 "fault_kind", fault_kind_name(f->order.kind)));
}

/* Those break a pop itself: one at a time. */
static bool is_of_pop(enum fault_kind kind)
{
	return kind == FAULT_POP_CRASH || kind == FAULT_LB_CRASH || kind == FAULT_ORIGIN_FAILURE ||
	       kind == FAULT_DRAIN;
}

static bool is_same_thing(const struct fault *a, const struct fault *b)
{
	if (is_of_pop(a->order.kind))
		return is_of_pop(b->order.kind) && a->pop == b->pop;
	return a->order.kind == b->order.kind && a->pop == b->pop && a->link == b->link;
}

static bool is_broken(const struct faults *faults, const struct fault *wanted)
{
	for (const struct fault *f = faults->first; f; f = f->next) {
		if (is_same_thing(f, wanted) && f->undone.ns == INSTANT_NEVER.ns)
			return true;
	}
	return false;
}

static bool is_up(const struct lab *lab, size_t pop)
{
	size_t nodes[POP_NODES_MAX], count = topology_pop_nodes(lab->topology, pop, nodes);

	for (size_t i = 0; i < count; i++) {
		if (!lab->nodes[nodes[i]].configured)
			return false;
	}
	return true;
}

/* What it is about, and whether that can be done. */
static bool target_find(const struct faults *faults, const struct lab *lab, struct fault *f,
			const char **reason)
{
	const struct topology *t = lab->topology;

	if (f->order.kind == FAULT_LINK_CUT) {
		f->link = topology_link_find(t, f->order.target, reason);
		if (f->link == SIZE_MAX)
			return false;
		f->pop = topology_link_pop(t, &t->links[f->link]);
		*reason = "that link is cut already";
		return !is_broken(faults, f);
	}
	f->node = lab_node_find(lab, f->order.target);
	*reason = "no such pop";
	if (f->node == SIZE_MAX || t->nodes[f->node].kind != NODE_POP)
		return false;
	f->pop = t->nodes[f->node].index;
	*reason = scenario_shift_mistake(t->scenario);
	if (f->order.kind == FAULT_CATCHMENT_SHIFT && *reason)
		return false;
	*reason = "the pops have no catchment-lb";
	if (f->order.kind == FAULT_DRAIN && t->scenario->speaker != SPEAKER_LB)
		return false;
	*reason = is_of_pop(f->order.kind) ? "that pop is broken already"
					   : "that pop's users are elsewhere already";
	if (is_broken(faults, f))
		return false;
	*reason = "that pop is not up";
	return is_up(lab, f->pop);
}

static struct instant begin(const struct fault *f, struct lab *lab)
{
	size_t nodes[POP_NODES_MAX];
	struct instant at = clock_now();

	switch (f->order.kind) {
	case FAULT_POP_CRASH:
		return lab_nodes_crash(lab, nodes,
				       topology_pop_nodes(lab->topology, f->pop, nodes));
	case FAULT_LB_CRASH:
	case FAULT_ORIGIN_FAILURE:
		for (const char *const *d = daemons_of(lab, f->order.kind); *d; d++)
			lab_daemon_kill(lab, f->node, *d, SIGKILL);
		break;
	case FAULT_LINK_CUT:
		return lab_link_cut(lab, f->link, f->order.carrier);
	case FAULT_CATCHMENT_SHIFT:
		return lab_shift(lab, f->pop, true);
	case FAULT_DRAIN:
		lab_lb_ask(lab, f->node, "the drain", "POST", "/v1/drain",
			   json_pack("{s:I}", "deadline_ms", (json_int_t)f->order.deadline_ms));
		break;
	}
	return at;
}

struct fault *fault_inject(struct faults *faults, struct lab *lab, const struct fault_order *order,
			   const char **reason)
{
	struct fault wanted = { .order = *order,
				.pop = SIZE_MAX,
				.node = SIZE_MAX,
				.link = SIZE_MAX,
				.undone = INSTANT_NEVER };
	struct fault **at = &faults->first, *f;

	if (!target_find(faults, lab, &wanted, reason))
		return NULL;
	f = x_new(struct fault);
	*f = wanted;
	f->order.target = xstrdup(order->target);
	f->id = ++faults->last_id;
	f->begun = begin(f, lab);
	while (*at)
		at = &(*at)->next;
	*at = f;
	row_write(f, lab, "begin", f->begun);
	return f;
}

static int pop_restart(struct lab *lab, size_t pop)
{
	size_t nodes[POP_NODES_MAX], count = topology_pop_nodes(lab->topology, pop, nodes);
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		int err = lab_node_restart(lab, nodes[i]);

		if (first == 0)
			first = err;
	}
	return first;
}

int fault_undo(struct fault *f, struct lab *lab)
{
	if (f->undone.ns != INSTANT_NEVER.ns)
		return -EALREADY;
	f->undone = clock_now();
	row_write(f, lab, "end", f->undone);
	switch (f->order.kind) {
	case FAULT_POP_CRASH:
		return pop_restart(lab, f->pop);
	case FAULT_LB_CRASH:
	case FAULT_ORIGIN_FAILURE:
		for (const char *const *d = daemons_of(lab, f->order.kind); *d; d++)
			lab_daemon_start(lab, f->node, lab_daemon_plan(lab, f->node, *d));
		return 0;
	case FAULT_LINK_CUT:
		return lab_link_join(lab, f->link);
	case FAULT_CATCHMENT_SHIFT:
		lab_shift(lab, f->pop, false);
		return 0;
	case FAULT_DRAIN:
		lab_lb_ask(lab, f->node, "the end of the drain", "DELETE", "/v1/drain", NULL);
		return 0;
	}
	return 0;
}

bool fault_explains_bfd(const struct fault *f, size_t pop, int64_t t_ns)
{
	bool lasts = f->undone.ns == INSTANT_NEVER.ns;

	/* Whoever does BFD does not ask the origin, nor which routes are preferred. */
	if (f->order.kind == FAULT_ORIGIN_FAILURE || f->order.kind == FAULT_CATCHMENT_SHIFT ||
	    f->order.kind == FAULT_DRAIN || f->pop != pop)
		return false;
	return f->begun.ns <= t_ns && (lasts || t_ns < f->undone.ns + BFD_PATIENCE_NS);
}

static void fault_free(struct fault *f)
{
	free((char *)f->order.target);
	free(f);
}

struct fault *fault_find(const struct faults *faults, unsigned id)
{
	for (struct fault *f = faults->first; f; f = f->next) {
		if (f->id == id)
			return f;
	}
	return NULL;
}

void faults_undo(struct faults *faults, struct lab *lab)
{
	for (struct fault *f = faults->first; f; f = f->next) {
		if (f->undone.ns == INSTANT_NEVER.ns)
			fault_undo(f, lab);
	}
}

void faults_clear(struct faults *faults)
{
	while (faults->first) {
		struct fault *f = faults->first;

		faults->first = f->next;
		fault_free(f);
	}
}

void faults_forget(struct faults *faults, size_t keep)
{
	struct fault **at = &faults->first;
	size_t count = 0;

	for (const struct fault *f = faults->first; f; f = f->next)
		count++;
	while (*at && count > keep) {
		struct fault *f = *at;

		if (f->undone.ns == INSTANT_NEVER.ns) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		fault_free(f);
		count--;
	}
}

json_t *fault_to_json(const struct fault *f)
{
	json_t *undone =
		f->undone.ns == INSTANT_NEVER.ns ? json_null() : json_integer(f->undone.ns);

	return json_pack("{s:i, s:s, s:s, s:I, s:o}", "id", (int)f->id, "kind",
			 fault_kind_name(f->order.kind), "target", f->order.target, "t_ns",
			 (json_int_t)f->begun.ns, "undone_ns", undone);
}
