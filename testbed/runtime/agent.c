/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/agent.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/runtime/agent_parts.h"

static void failed_send(struct agent *agent, char *mistake)
{
	control_send(agent->control, json_pack("{s:s, s:s}", "type", "failed", "reason", mistake),
		     -1);
	free(mistake);
}

static void setup(struct agent *agent, const json_t *msg)
{
	char *mistake = agent_network_setup(agent, msg);

	if (!mistake)
		mistake = agent_files_write(json_object_get(msg, "files"));
	if (mistake) {
		failed_send(agent, mistake);
		return;
	}
	if (json_is_true(json_object_get(msg, "watch_routes")))
		agent_routes_watch(agent);
	control_send(agent->control, json_pack("{s:s}", "type", "configured"), -1);
}

static void on_message(void *ctx, struct control *control, const json_t *msg, int fd)
{
	struct agent *agent = ctx;
	const char *type = json_string_value(json_object_get(msg, "type"));
	const char *daemon = json_string_value(json_object_get(msg, "daemon"));

	(void)control;
	(void)fd;
	if (!type)
		return;
	if (strcmp(type, "setup") == 0) {
		setup(agent, msg);
	} else if (strcmp(type, "measure") == 0) {
		agent_ping_start(agent, msg);
	} else if (strcmp(type, "start") == 0) {
		agent_daemon_start(agent, json_object_get(msg, "daemon"));
	} else if (strcmp(type, "kill") == 0 && daemon) {
		agent_daemon_kill(agent, daemon,
				  (int)json_integer_value(json_object_get(msg, "signal")));
	} else if (strcmp(type, "put") == 0) {
		char *mistake = agent_files_write(json_object_get(msg, "files"));

		if (mistake)
			failed_send(agent, mistake);
	}
}

/* The supervisor is gone, and the node goes with it. */
static void on_close(void *ctx, struct control *control)
{
	struct agent *agent = ctx;

	(void)control;
	ev_break(agent->loop, EVBREAK_ALL);
}

static void on_terminate(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static int agent_run(const char *path, const char *name)
{
	static const struct control_events events = { on_message, on_close };
	struct agent agent = { .loop = ev_default_loop(EVFLAG_AUTO) };
	ev_signal terminate;
	int fd = control_connect(path);

	if (fd < 0) {
		log_error("node %s: cannot connect to %s: %s", name, path, strerror(-fd));
		return 1;
	}
	ev_signal_init(&terminate, on_terminate, SIGTERM);
	ev_signal_start(agent.loop, &terminate);
	agent.control = control_new(agent.loop, fd, &events, &agent);
	control_send(agent.control,
		     json_pack("{s:s, s:s, s:s, s:i}", "type", "hello", "role", "agent", "node",
			       name, "version", 1),
		     -1);
	ev_run(agent.loop, 0);
	return 0;
}

int agent_main(int argc, char **argv)
{
	static const struct option options[] = { { "control", required_argument, NULL, 'c' },
						 { "name", required_argument, NULL, 'n' },
						 { NULL, 0, NULL, 0 } };
	const char *path = NULL, *name = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (opt == 'c')
			path = optarg;
		else if (opt == 'n')
			name = optarg;
		else
			return 2;
	}
	if (!path || !name || optind < argc) {
		log_error("node: --control PATH and --name NODE are needed");
		return 2;
	}
	prctl(PR_SET_NAME, "node");
	return agent_run(path, name);
}
