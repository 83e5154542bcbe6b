/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/fault/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

static const char *const origin_daemons[] = { "nginx", "origin", NULL };
static const char *const lb_daemons[] = { "lb", NULL };
static const char *const bird_daemons[] = { "bird", NULL };

static const char *const *daemons_of(const struct lab *lab, enum fault_kind kind)
{
	if (kind == FAULT_ORIGIN_FAILURE)
		return origin_daemons;
	return lab->topology->scenario->speaker == SPEAKER_LB ? lb_daemons : bird_daemons;
}

static void row_write(const struct fault *f, struct lab *lab, const char *result, struct instant at)
{
	const char *pop = lab->topology->nodes[f->node].name;
	char detail[96];

	snprintf(detail, sizeof(detail), "%u %s %s", f->id, fault_kind_name(f->kind), pop);
	record_row(lab->record, &(struct record_row){ .t_ns = at.ns,
						      .source = "testbed",
						      .kind = "fault",
						      .variant = "",
						      .user = "",
						      .pop = pop,
						      .result = result,
						      .latency_us = -1,
						      .detail = detail });
	lab_event(lab, json_pack("{s:s, s:I, s:i, s:s, s:s}", "kind",
				 strcmp(result, "begin") == 0 ? "fault" : "restore", "t_ns",
				 (json_int_t)at.ns, "id", (int)f->id, "target", pop, "fault_kind",
				 fault_kind_name(f->kind)));
}

static bool is_broken(const struct faults *faults, size_t node)
{
	for (const struct fault *f = faults->first; f; f = f->next) {
		if (f->node == node && f->undone.ns == INSTANT_NEVER.ns)
			return true;
	}
	return false;
}

static bool is_up(const struct lab *lab, const size_t *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!lab->nodes[nodes[i]].configured)
			return false;
	}
	return true;
}

struct fault *fault_inject(struct faults *faults, struct lab *lab, enum fault_kind kind,
			   const char *target, const char **reason)
{
	size_t node = lab_node_find(lab, target), nodes[POP_NODES_MAX], count;
	struct fault **at = &faults->first, *f;

	if (node == SIZE_MAX || lab->topology->nodes[node].kind != NODE_POP) {
		*reason = "no such pop";
		return NULL;
	}
	if (is_broken(faults, node)) {
		*reason = "that pop is broken already";
		return NULL;
	}
	count = topology_pop_nodes(lab->topology, lab->topology->nodes[node].index, nodes);
	if (!is_up(lab, nodes, count)) {
		*reason = "that pop is not up";
		return NULL;
	}
	f = x_new(struct fault);
	f->id = ++faults->last_id;
	f->kind = kind;
	f->node = node;
	f->undone = INSTANT_NEVER;
	if (kind == FAULT_POP_CRASH) {
		f->begun = lab_nodes_crash(lab, nodes, count);
	} else {
		f->begun = clock_now();
		for (const char *const *d = daemons_of(lab, kind); *d; d++)
			lab_daemon_kill(lab, node, *d, SIGKILL);
	}
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
	if (f->kind == FAULT_POP_CRASH)
		return pop_restart(lab, lab->topology->nodes[f->node].index);
	for (const char *const *d = daemons_of(lab, f->kind); *d; d++)
		lab_daemon_start(lab, f->node, lab_daemon_plan(lab, f->node, *d));
	return 0;
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
		free(f);
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
		free(f);
		count--;
	}
}

json_t *fault_to_json(const struct fault *f, const struct lab *lab)
{
	json_t *undone =
		f->undone.ns == INSTANT_NEVER.ns ? json_null() : json_integer(f->undone.ns);

	return json_pack("{s:i, s:s, s:s, s:I, s:o}", "id", (int)f->id, "kind",
			 fault_kind_name(f->kind), "target", lab->topology->nodes[f->node].name,
			 "t_ns", (json_int_t)f->begun.ns, "undone_ns", undone);
}
