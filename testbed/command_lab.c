/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_lab.c - the supervisor's answers to commands that do something.
 */
#include <errno.h>
#include <string.h>

#include "testbed/command.h"

/* Somebody may break and mend things for days, and "status" must fit into a message. */
#define FAULTS_KEPT 1000

static json_t *error_reply(const char *reason)
{
	return json_pack("{s:s, s:s}", "type", "reply", "error", reason);
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
	const char *reason = "unknown kind of fault";
	struct conf_error err = { 0 };
	const struct conf root = conf_root((json_t *)msg, &err);
	struct fault_order order;
	enum fault_kind kind;
	struct fault *f = NULL;
	json_t *reply;

	if (lab->phase != LAB_UP)
		return error_reply("the lab is not up yet");
	if (kind_name && fault_kind_parse(&kind, kind_name)) {
		order = fault_order_load(&root, kind);
		reason = err.reason;
		if (!err.set)
			f = fault_inject(faults, lab, &order, &reason);
	}
	if (!f)
		return error_reply(reason);
	*effect = COMMAND_FAULTS_CHANGED;
	reply = fault_to_json(f);
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
	reply = fault_to_json(f);
	json_object_set_new(reply, "type", json_string("reply"));
	return reply;
}

json_t *command_answer(const struct command_context *x, struct control *from, const json_t *msg,
		       enum command_effect *effect)
{
	const char *command = json_string_value(json_object_get(msg, "command"));

	*effect = COMMAND_NONE;
	if (!command)
		return error_reply("not a command");
	if (strcmp(command, "status") == 0)
		return command_status_reply(x);
	if (strcmp(command, "topology") == 0)
		return command_topology_reply(x->lab);
	if (strcmp(command, "catchments") == 0)
		return command_catchments_reply(x->lab, x->users);
	if (strcmp(command, "pid") == 0)
		return pid_reply(x->lab, msg);
	if (strcmp(command, "fault") == 0) {
		if (!x->trial) /* which remembers all of its own */
			faults_forget(x->faults, FAULTS_KEPT);
		return fault_reply(x->lab, x->faults, msg, effect);
	}
	if (strcmp(command, "restore") == 0)
		return restore_reply(x->lab, x->faults, msg, effect);
	if (strcmp(command, "down") == 0) {
		*effect = COMMAND_DOWN;
		return NULL; /* the end of the connection says when it is done */
	}
	if (strcmp(command, "subscribe") == 0) {
		lab_subscribe(x->lab, from);
		return json_pack("{s:s}", "type", "reply");
	}
	return error_reply("unknown command");
}
