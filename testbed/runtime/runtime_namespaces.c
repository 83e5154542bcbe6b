/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runtime_namespaces.c - nodes whose agents are the supervisor's children.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/router/frr.h"
#include "testbed/run.h"
#include "testbed/runtime/lab.h"
#include "testbed/runtime/namespaces.h"
#include "testbed/runtime/runtime.h"

static bool program_found(const char *name)
{
	char *path = xstrdup(getenv("PATH") ? getenv("PATH") : ""), *rest = path, *dir;
	bool found = false;

	while (!found && (dir = strsep(&rest, ":"))) {
		char *full = xasprintf("%s/%s", dir, name);

		found = access(full, X_OK) == 0;
		free(full);
	}
	free(path);
	return found;
}

/* Root, TUN and the daemons that every lab has or this one needs. */
static int check(const char *lab, const struct scenario *scenario)
{
	static const char *const programs[] = { "bird",		"unbound",	    "nginx",
						"catchment-lb", "catchment-geodns", NULL };
	int fd;

	(void)lab;
	if (geteuid() != 0) {
		log_error("a lab needs root for its namespaces: run this with sudo");
		return EXIT_ENVIRONMENT;
	}
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		log_error("/dev/net/tun: %s: the wires need it ('modprobe tun' makes it)",
			  strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	close(fd);
	for (size_t i = 0; programs[i]; i++) {
		if (!program_found(programs[i])) {
			log_error("'%s' is not there: %s", programs[i],
				  strncmp(programs[i], "catchment", 9) == 0
					  ? "run 'make'"
					  : "run 'sudo make deps'");
			return EXIT_ENVIRONMENT;
		}
	}
	if (scenario_has_router(scenario, ROUTER_FRR) && access(FRR_DIR "/bgpd", X_OK) < 0) {
		log_error("'" FRR_DIR "/bgpd' is not there: run 'sudo make deps'");
		return EXIT_ENVIRONMENT;
	}
	return EXIT_DONE;
}

/* The agent has died, and with it everything in the node. */
static void on_agent_exit(struct ev_loop *loop, ev_child *w, int revents)
{
	struct lab_node *node = w->data;

	(void)revents;
	ev_child_stop(loop, w);
	node->pid = 0;
	lab_node_lost(node);
}

static int node_start(struct lab_node *node)
{
	struct lab *lab = node->lab;
	pid_t pid = namespaces_node_start(lab_node_name(node), lab->dir);

	if (pid < 0)
		return (int)pid;
	node->pid = pid;
	ev_child_init(&node->child, on_agent_exit, pid, 0);
	node->child.data = node;
	ev_child_start(lab->loop, &node->child);
	return 0;
}

static int start(struct lab *lab)
{
	int err = 0;

	for (size_t i = 0; i < lab->topology->node_count && err == 0; i++)
		err = node_start(&lab->nodes[i]);
	return err;
}

static void stop(struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		struct lab_node *node = &lab->nodes[i];

		ev_child_stop(lab->loop, &node->child);
		if (node->pid > 0)
			kill(node->pid, SIGKILL);
	}
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		if (lab->nodes[i].pid > 0)
			waitpid(lab->nodes[i].pid, NULL, 0);
	}
}

static bool agent_known(const struct lab_node *node, pid_t pid)
{
	return pid == node->pid && !node->control;
}

static void node_crash(struct lab_node *node)
{
	if (node->pid > 0)
		kill(node->pid, SIGKILL);
}

static int node_restart(struct lab_node *node)
{
	/* The old one was killed long ago, but its death may not have been heard of yet. */
	if (node->pid > 0) {
		ev_child_stop(node->lab->loop, &node->child);
		waitpid(node->pid, NULL, 0);
		node->pid = 0;
	}
	return node_start(node);
}

const struct runtime runtime_namespaces = {
	.name = "namespaces",
	.kind = "namespaces",
	.patience_s = 120,
	.shell = "sh",
	.check = check,
	.start = start,
	.stop = stop,
	.agent_known = agent_known,
	.node_crash = node_crash,
	.node_restart = node_restart,
};
