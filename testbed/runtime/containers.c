/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/containers.h"

#include <unistd.h>

#include "lib/log.h"
#include "testbed/run.h"

/* One that is there still is about to be missed: its successor is faster than the news. */
bool containers_agent_known(const struct lab_node *node, pid_t pid)
{
	(void)node;
	(void)pid;
	return true;
}

/* Should this be lost with the connection, that has the same effect a moment later. */
void containers_node_crash(struct lab_node *node)
{
	if (node->control)
		control_send(node->control, json_pack("{s:s}", "type", "crash"), -1);
}

int containers_node_restart(struct lab_node *node)
{
	if (node->control)
		lab_node_setup(node);
	return 0;
}

void containers_end(struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		if (lab->nodes[i].control)
			control_send(lab->nodes[i].control, json_pack("{s:s}", "type", "end"), -1);
	}
}

static int compose_check(const char *lab, const struct scenario *scenario)
{
	(void)lab;
	(void)scenario;
	if (geteuid() == 0)
		return EXIT_DONE;
	log_error("the control socket needs root: run this with sudo");
	return EXIT_ENVIRONMENT;
}

/* Somebody else does. */
static int compose_start(struct lab *lab)
{
	(void)lab;
	return 0;
}

static void compose_stop(struct lab *lab)
{
	if (!lab->keep_nodes)
		containers_end(lab);
}

const struct runtime runtime_compose = {
	.name = "compose",
	.kind = "docker",
	.nodes_return = true,
	.patience_s = 180,
	.shell = "sh",
	.check = compose_check,
	.start = compose_start,
	.stop = compose_stop,
	.agent_known = containers_agent_known,
	.node_crash = containers_node_crash,
	.node_restart = containers_node_restart,
};
