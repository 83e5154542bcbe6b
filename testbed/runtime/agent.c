/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/agent.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/runtime/agent_parts.h"

/*
 * For the supervisor to appear. An engine makes the container anew when we give up, so this is how
 * often nodes that wait for their next lab are made anew for nothing.
 */
#define WAIT_S	3600
#define RETRY_S 0.1

void agent_fail(struct agent *agent, char *mistake)
{
	control_send(agent->control, json_pack("{s:s, s:s}", "type", "failed", "reason", mistake),
		     -1);
	free(mistake);
}

/* An image has none of these below its /run, nor has a file system that was made a moment ago. */
static void directories_make(void)
{
	static const char *const dirs[] = { "/run/lab", "/run/bird", "/run/frr", "/run/nginx",
					    "/run/lock" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], 0755);
}

static void setup(struct agent *agent, const json_t *msg)
{
	char *mistake;

	directories_make();
	agent_management_find(agent);
	mistake = agent_network_setup(agent, msg);
	if (!mistake)
		mistake = agent_files_write(json_object_get(msg, "files"));
	if (mistake) {
		agent_fail(agent, mistake);
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
	} else if (strcmp(type, "end") == 0) {
		agent->status = 0;
		ev_break(agent->loop, EVBREAK_ALL);
	} else if (strcmp(type, "crash") == 0) {
		_exit(1);
	} else if (strcmp(type, "measure") == 0) {
		agent_ping_start(agent, msg);
	} else if (strcmp(type, "start") == 0) {
		agent_order_start(agent, json_object_get(msg, "daemon"));
	} else if (strcmp(type, "kill") == 0 && daemon) {
		agent_daemon_kill(agent, daemon,
				  (int)json_integer_value(json_object_get(msg, "signal")));
	} else if (strcmp(type, "ask") == 0) {
		agent_ask(agent, msg);
	} else if (strcmp(type, "put") == 0) {
		char *mistake = agent_files_write(json_object_get(msg, "files"));

		if (mistake)
			agent_fail(agent, mistake);
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
	struct agent *agent = w->data;

	(void)revents;
	agent->status = 0;
	ev_break(loop, EVBREAK_ALL);
}

static int say_hello(struct agent *agent)
{
	static const struct control_events events = { on_message, on_close };
	int fd = control_connect(agent->path);

	if (fd < 0)
		return fd;
	agent->control = control_new(agent->loop, fd, &events, agent);
	control_send(agent->control,
		     json_pack("{s:s, s:s, s:s, s:i}", "type", "hello", "role", "agent", "node",
			       agent->name, "version", CONTROL_VERSION),
		     -1);
	return 0;
}

/* A socket that a killed supervisor has left refuses us until the next one has replaced it. */
static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct agent *agent = w->data;
	int err = say_hello(agent);

	(void)revents;
	if (err == 0) {
		ev_timer_stop(loop, w);
	} else if (instant_reached(agent->give_up, clock_now())) {
		log_error("node %s: cannot connect to %s: %s", agent->name, agent->path,
			  strerror(-err));
		ev_break(loop, EVBREAK_ALL);
	}
}

static int agent_run(const char *path, const char *name, bool wait)
{
	struct agent agent = {
		.loop = ev_default_loop(EVFLAG_AUTO), .path = path, .name = name, .status = 1
	};
	ev_signal terminate;

	agent.give_up = wait ? instant_after_s(clock_now(), WAIT_S) : clock_now();
	ev_signal_init(&terminate, on_terminate, SIGTERM);
	ev_timer_init(&agent.retry, on_retry, 0, RETRY_S);
	terminate.data = agent.retry.data = &agent;
	ev_signal_start(agent.loop, &terminate);
	ev_timer_start(agent.loop, &agent.retry);
	ev_run(agent.loop, 0);
	return agent.status;
}

int agent_main(int argc, char **argv)
{
	static const struct option options[] = { { "control", required_argument, NULL, 'c' },
						 { "name", required_argument, NULL, 'n' },
						 { "wait", no_argument, NULL, 'w' },
						 { NULL, 0, NULL, 0 } };
	const char *path = NULL, *name = NULL;
	bool wait = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (opt == 'c')
			path = optarg;
		else if (opt == 'n')
			name = optarg;
		else if (opt == 'w')
			wait = true;
		else
			return 2;
	}
	if (!path || !name || optind < argc) {
		log_error("node: --control PATH and --name NODE are needed");
		return 2;
	}
	prctl(PR_SET_NAME, "node");
	return agent_run(path, name, wait);
}
