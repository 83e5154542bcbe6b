/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_lab.c - the supervisor's answers to commands.
 */
#include <errno.h>
#include <string.h>

#include "testbed/command.h"

static json_t *error_reply(const char *reason)
{
	return json_pack("{s:s, s:s}", "type", "reply", "error", reason);
}

static const char *phase_name(enum lab_phase phase)
{
	switch (phase) {
	case LAB_CONFIGURING:
		return "configuring";
	case LAB_MEASURING:
		return "measuring wires";
	case LAB_CONVERGING:
		return "converging";
	case LAB_UP:
		return "up";
	case LAB_FAILED:
		return "failed";
	}
	return "unknown";
}

static json_t *nodes_to_json(const struct lab *lab)
{
	static const char *const kinds[] = { [NODE_ROUTER] = "router",
					     [NODE_POP] = "pop",
					     [NODE_NAMESERVER] = "nameserver",
					     [NODE_CLIENT] = "client" };
	json_t *nodes = json_array();

	for (size_t i = 0; i < lab->topology->node_count; i++) {
		const struct topology_node *n = &lab->topology->nodes[i];
		json_t *daemons = json_array();
		const json_t *d;
		size_t j;

		json_array_foreach (json_object_get(lab->nodes[i].plan, "daemons"), j, d) {
			json_array_append(daemons, json_object_get(d, "name"));
		}
		json_array_append_new(
			nodes, json_pack("{s:s, s:s, s:i, s:b, s:o}", "name", n->name, "kind",
					 kinds[n->kind], "pid", (int)lab->nodes[i].pid, "up",
					 lab->nodes[i].configured, "daemons", daemons));
	}
	return nodes;
}

static json_t *status_reply(const struct lab *lab, const struct faults *faults)
{
	json_t *list = json_array();

	for (const struct fault *f = faults->first; f; f = f->next)
		json_array_append_new(list, fault_to_json(f, lab));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "type", "reply", "lab", lab->name,
		"scenario", lab->topology->scenario->name, "phase", phase_name(lab->phase),
		"routes_missing", (json_int_t)convergence_missing(lab->convergence), "wires",
		(json_int_t)lab->topology->link_count, "nodes", nodes_to_json(lab), "faults", list);
}

static json_t *pid_reply(const struct lab *lab, const json_t *msg)
{
	const char *name = json_string_value(json_object_get(msg, "node"));
	size_t node = name ? lab_node_find(lab, name) : SIZE_MAX;

	if (node == SIZE_MAX)
		return error_reply("no such node");
	if (!lab->nodes[node].configured)
		return error_reply("the node is not there now");
	if (lab->nodes[node].pid == 0)
		return error_reply("its processes are not to be seen from here: use "
				   "'docker-compose exec NODE COMMAND'");
	return json_pack("{s:s, s:i}", "type", "reply", "pid", (int)lab->nodes[node].pid);
}

static json_t *fault_reply(struct lab *lab, struct faults *faults, const json_t *msg,
			   enum command_effect *effect)
{
	const char *kind_name = json_string_value(json_object_get(msg, "kind"));
	const char *target = json_string_value(json_object_get(msg, "target"));
	const char *reason = "unknown kind of fault";
	enum fault_kind kind;
	struct fault *f = NULL;
	json_t *reply;

	if (lab->phase != LAB_UP)
		return error_reply("the lab is not up yet");
	if (kind_name && target && fault_kind_parse(&kind, kind_name))
		f = fault_inject(faults, lab, kind, target, &reason);
	if (!f)
		return error_reply(reason);
	*effect = COMMAND_FAULTS_CHANGED;
	reply = fault_to_json(f, lab);
	json_object_set_new(reply, "type", json_string("reply"));
	return reply;
}

static json_t *restore_reply(struct lab *lab, struct faults *faults, const json_t *msg,
			     enum command_effect *effect)
{
	struct fault *f =
		fault_find(faults, (unsigned)json_integer_value(json_object_get(msg, "id")));
	json_t *reply;
	int err;

	if (!f)
		return error_reply("no such fault");
	err = fault_undo(f, lab);
	if (err < 0)
		return error_reply(err == -EALREADY ? "already restored" : strerror(-err));
	*effect = COMMAND_FAULTS_CHANGED;
	reply = fault_to_json(f, lab);
	json_object_set_new(reply, "type", json_string("reply"));
	return reply;
}

json_t *command_answer(struct lab *lab, struct faults *faults, const json_t *msg,
		       enum command_effect *effect)
{
	const char *command = json_string_value(json_object_get(msg, "command"));

	*effect = COMMAND_NONE;
	if (!command)
		return error_reply("not a command");
	if (strcmp(command, "status") == 0)
		return status_reply(lab, faults);
	if (strcmp(command, "pid") == 0)
		return pid_reply(lab, msg);
	if (strcmp(command, "fault") == 0)
		return fault_reply(lab, faults, msg, effect);
	if (strcmp(command, "restore") == 0)
		return restore_reply(lab, faults, msg, effect);
	if (strcmp(command, "down") == 0) {
		*effect = COMMAND_DOWN;
		return NULL; /* the end of the connection is the answer: then all is gone */
	}
	return error_reply("unknown command");
}
