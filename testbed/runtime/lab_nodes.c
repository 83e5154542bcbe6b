/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_nodes.c - a lab's nodes: they come, are told things, are destroyed, come again.
 */
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/config/plan.h"
#include "testbed/runtime/lab.h"

const char *lab_node_name(const struct lab_node *node)
{
	return node->lab->topology->nodes[node->index].name;
}

size_t lab_node_find(const struct lab *lab, const char *name)
{
	const struct topology_node *node = topology_find(lab->topology, name);

	return node ? (size_t)(node - lab->topology->nodes) : SIZE_MAX;
}

static size_t pop_up_count(const struct lab *lab)
{
	return lab->topology->scenario->variant_count * lab->topology->scenario->pop_count;
}

/* A node's namespace ends with it, and takes its devices along; that of a container may go on. */
static void devices_stay(json_t *plan)
{
	json_t *link;
	size_t i;

	json_array_foreach (json_object_get(plan, "links"), i, link) {
		json_object_set_new(link, "stays", json_true());
	}
}

void lab_nodes_prepare(struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		struct lab_node *node = &lab->nodes[i];

		node->lab = lab;
		node->index = i;
		node->plan = plan_node(lab->topology, i);
		if (!lab->runtime->nodes_return)
			devices_stay(node->plan);
		node->pop_up = xcalloc(pop_up_count(lab), sizeof(bool));
		record_files(lab->record, lab_node_name(node),
			     json_object_get(node->plan, "files"));
	}
}

void lab_nodes_free(struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		control_free(lab->nodes[i].control);
		json_decref(lab->nodes[i].plan);
		free(lab->nodes[i].pop_up);
	}
	free(lab->nodes);
}

/* These nodes' ends of their wires; the caller frees. */
static struct wire_end *nodes_ends(const struct lab *lab, const size_t *nodes, size_t node_count,
				   size_t *count)
{
	const struct topology *t = lab->topology;
	struct wire_end *ends = NULL;

	*count = 0;
	for (size_t n = 0; n < node_count; n++) {
		const struct topology_node *at = &t->nodes[nodes[n]];

		ends = xreallocarray(ends, *count + at->link_count, sizeof(*ends));
		for (size_t i = 0; i < at->link_count; i++)
			ends[(*count)++] = (struct wire_end){
				.wire = at->links[i],
				.end = topology_end_at(&t->links[at->links[i]], nodes[n]),
			};
	}
	return ends;
}

/* There is nothing at its place any more: no agent, no device, no route, no opinion. */
static void node_forget(struct lab_node *node)
{
	struct lab *lab = node->lab;
	size_t count;
	struct wire_end *ends = nodes_ends(lab, &node->index, 1, &count);

	control_free(node->control);
	node->control = NULL;
	if (node->configured)
		lab_event(lab, json_pack("{s:s, s:s, s:b}", "kind", "node", "node",
					 lab_node_name(node), "up", false));
	node->configured = false;
	if (lab->runtime->nodes_return)
		node->pid = 0;
	for (size_t i = 0; i < count; i++)
		wire_engine_unplug(lab->engine, ends[i]);
	convergence_forget(lab->convergence, node->index);
	uplinks_forget(lab->uplinks, node->index);
	memset(node->pop_up, 0, pop_up_count(lab) * sizeof(*node->pop_up));
	free(ends);
}

static bool all_gone(const struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		if (lab->nodes[i].control)
			return false;
	}
	return true;
}

void lab_node_lost(struct lab_node *node)
{
	struct lab *lab = node->lab;

	node_forget(node);
	if (node->crashed)
		return;
	/* Nodes may come and go until all are there. */
	if (lab->runtime->nodes_return && lab->phase == LAB_CONFIGURING) {
		log_warn("lab %s: node %s has gone, and is waited for", lab->name,
			 lab_node_name(node));
		return;
	}
	lab_mishap(lab, "node %s has died", lab_node_name(node));
	if (lab->runtime->nodes_return && all_gone(lab))
		lab_fail(lab, "all its nodes have gone: has the container engine ended?");
}

void lab_node_found(struct lab_node *node, struct control *control)
{
	node->control = control;
	if (node->lab->runtime->nodes_return)
		node->pid = control_peer_pid(control);
	if (!node->crashed)
		lab_node_setup(node);
}

void lab_node_setup(struct lab_node *node)
{
	control_send(node->control, json_incref(node->plan), -1);
}

void lab_node_daemons_start(struct lab_node *node)
{
	const json_t *daemon;
	size_t i;

	json_array_foreach (json_object_get(node->plan, "daemons"), i, daemon) {
		lab_daemon_start(node->lab, node->index, daemon);
	}
}

const json_t *lab_daemon_plan(const struct lab *lab, size_t node, const char *name)
{
	const json_t *daemon;
	size_t i;

	json_array_foreach (json_object_get(lab->nodes[node].plan, "daemons"), i, daemon) {
		if (strcmp(json_string_value(json_object_get(daemon, "name")), name) == 0)
			return daemon;
	}
	return NULL;
}

/* An agent that is kept waiting must not be told anything. */
static void node_tell(struct lab_node *node, json_t *msg)
{
	if (node->control && !node->crashed)
		control_send(node->control, msg, -1);
	else
		json_decref(msg);
}

void lab_daemon_start(struct lab *lab, size_t node, const json_t *daemon)
{
	node_tell(&lab->nodes[node], json_pack("{s:s, s:O}", "type", "start", "daemon", daemon));
}

void lab_daemon_kill(struct lab *lab, size_t node, const char *daemon, int signal)
{
	node_tell(&lab->nodes[node],
		  json_pack("{s:s, s:s, s:i}", "type", "kill", "daemon", daemon, "signal", signal));
}

void lab_lb_ask(struct lab *lab, size_t node, const char *what, const char *method,
		const char *path, json_t *body)
{
	node_tell(&lab->nodes[node], json_pack("{s:s, s:s, s:s, s:s, s:s, s:o*}", "type", "ask",
					       "what", what, "socket", PLAN_LB_SOCKET, "method",
					       method, "path", path, "body", body));
}

void lab_file_put(struct lab *lab, size_t node, const char *path, const char *text)
{
	node_tell(&lab->nodes[node],
		  json_pack("{s:s, s:{s:s}}", "type", "put", "files", path, text));
}

struct instant lab_nodes_crash(struct lab *lab, const size_t *nodes, size_t count)
{
	size_t end_count;
	struct wire_end *ends = nodes_ends(lab, nodes, count, &end_count);
	struct instant t0 = wire_engine_cut(lab->engine, ends, end_count);

	for (size_t i = 0; i < count; i++) {
		struct lab_node *node = &lab->nodes[nodes[i]];

		node->crashed = true;
		lab->runtime->node_crash(node);
		/* What it has said and we have not read yet is of a node that is no more. */
		node_forget(node);
	}
	free(ends);
	return t0;
}

int lab_node_restart(struct lab *lab, size_t index)
{
	lab->nodes[index].crashed = false;
	return lab->runtime->node_restart(&lab->nodes[index]);
}
