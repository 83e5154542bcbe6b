/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_parts.h - what the node agent is made of; agent.h tells what it does.
 */
#ifndef TESTBED_RUNTIME_AGENT_PARTS_H
#define TESTBED_RUNTIME_AGENT_PARTS_H

#include <ev.h>
#include <jansson.h>

#include "lib/clock.h"
#include "testbed/runtime/control.h"

struct agent {
	struct ev_loop *loop;
	const char *path, *name;
	struct control *control; /* NULL while the supervisor is waited for */
	ev_timer retry;
	struct instant give_up; /* waiting */
	int status;		/* to exit with */
	char *management;	/* the interface that leads out of the lab; NULL: none */
	struct agent_daemon *daemons;
	struct agent_order *order;
	struct agent_routes *routes;
	struct agent_ping *ping;
};

/* Say that the node is not what it was told to be; takes mistake over. */
void agent_fail(struct agent *agent, char *mistake);

/* A mistake in the setup: the message for "failed". NULL when all is well. malloc'd. */
char *agent_network_setup(struct agent *agent, const json_t *setup);
char *agent_files_write(json_t *files);

/* Start a daemon of a plan, at once or when what it waits for is there. */
void agent_order_start(struct agent *agent, const json_t *daemon);
/* It is not wanted any more; nothing happens if it does not wait. */
void agent_order_forget(struct agent *agent, const char *name);

/* Start a daemon now: {"name", "argv", "events", "nice", "once"}, the last three optional. */
void agent_daemon_start(struct agent *agent, const json_t *daemon);
void agent_daemon_kill(struct agent *agent, const char *name, int signal);

/*
 * The network that a container engine has put the node on, looked for before there are others;
 * and a door from there to a daemon's API socket, the first that is asked for.
 */
void agent_management_find(struct agent *agent);
void agent_relay_start(struct agent *agent, const char *socket);

/* Report changes of the routing daemons' routes from now on. */
void agent_routes_watch(struct agent *agent);

/* Ping the far ends: [{"link":7, "addr":"10.1.128.1"}], COUNT each; answers with "measured". */
void agent_ping_start(struct agent *agent, const json_t *request);

/* Ask a daemon's API socket; answers with "asked", in its own time. */
void agent_ask(struct agent *agent, const json_t *msg);

/* Follow the event stream of a daemon's API socket, from its start to its end. */
struct agent_stream;
struct agent_stream *agent_stream_new(struct agent *agent, const char *daemon, const char *path);
void agent_stream_free(struct agent_stream *stream);

#endif
