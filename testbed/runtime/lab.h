/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab.h - the supervisor: one lab, its nodes and wires, from nothing to converged.
 *
 * lab_start() makes the nodes. From then on everything happens in the loop:
 *
 *	agents say hello -> are told their setup -> pass their TAP devices, which
 *	are plugged into the wires -> measure the wires -> start their daemons ->
 *	routes appear -> converged and every daemon up: on_up
 *
 * The same road, less the measuring, is taken by a node that a fault has
 * destroyed and its undo makes anew, and by a container that has died and comes
 * again. A destroyed one that comes before the undo is kept waiting. The owner
 * hears of it by struct lab_owner, and everything that happens becomes rows of
 * the record.
 */
#ifndef TESTBED_RUNTIME_LAB_H
#define TESTBED_RUNTIME_LAB_H

#include <ev.h>
#include <jansson.h>

#include "lib/accepter.h"
#include "testbed/record.h"
#include "testbed/runtime/control.h"
#include "testbed/runtime/convergence.h"
#include "testbed/runtime/lab_dir.h"
#include "testbed/runtime/runtime.h"
#include "testbed/runtime/uplinks.h"
#include "testbed/topology.h"
#include "testbed/wire/engine.h"

struct lab;

struct lab_owner {
	/* Everything is up and converged; from now on the lab may be used. */
	void (*on_up)(void *ctx, struct lab *lab);
	/* The lab cannot go on. Stop it. */
	void (*on_failed)(void *ctx, struct lab *lab, const char *reason);
	/* Something happened that no fault caused; what was measured now is worth nothing. */
	void (*on_mishap)(void *ctx, struct lab *lab, const char *reason);
	/* By BFD somebody found a pop, or its upstream, dead at that instant (CLOCK_MONOTONIC). */
	void (*on_bfd_down)(void *ctx, struct lab *lab, size_t pop, int64_t t_ns);
	/*
	 * A message of the users' processes: "samples", "sender", "bye", each with its "group"; and
	 * ours, {"type":"gone","group"}, when one has ended without a bye.
	 */
	void (*on_client)(void *ctx, struct lab *lab, const json_t *msg);
	/* A command on the control socket. Returns the reply, or NULL when it comes later. */
	json_t *(*on_command)(void *ctx, struct lab *lab, struct control *from, const json_t *msg);
};

enum lab_phase {
	LAB_CONFIGURING, /* until every node has its addresses and wires */
	LAB_MEASURING,
	LAB_CONVERGING,
	LAB_UP,
	LAB_FAILED,
};

const char *lab_phase_name(enum lab_phase phase);

struct lab_node {
	struct lab *lab;
	size_t index; /* in the topology */
	json_t *plan;
	pid_t pid;		 /* of its agent; 0: not there, or not to be seen from here */
	struct control *control; /* NULL until it has said hello */
	bool configured;
	bool crashed;	/* by a fault that is not undone: a new agent is kept waiting */
	bool *pop_up;	/* a nameserver's view: variant x pop */
	ev_child child; /* for the runtime's use */
};

struct lab_wire {
	double wanted_ms;   /* mean of both directions, one way */
	double measured_ms; /* half of the least round trip so far; negative until measured */
	bool down;	    /* cut, and its ends see it */
};

struct lab_client; /* a connection that is no agent's */
struct docker;

struct lab {
	struct ev_loop *loop;
	const struct topology *topology;
	struct record *record;
	const struct lab_owner *owner;
	void *ctx;
	const struct runtime *runtime;
	struct docker *docker; /* of that runtime; NULL in others */
	bool keep_nodes;
	char *name, *dir;
	int lock;
	enum lab_phase phase;
	struct instant started;
	struct wire_engine *engine;
	struct lab_node *nodes;
	struct lab_wire *wires;
	struct convergence *convergence;
	struct uplinks *uplinks;
	struct lab_client *clients;
	bool *shifted;	   /* by pop: its upstreams prefer others */
	unsigned policies; /* how often that has changed: their names */
	struct accepter listener;
	ev_timer deadline;
	size_t measuring;		       /* nodes that do */
	unsigned measured;		       /* times */
	double up_s, configured_s, measured_s; /* how long each phase has taken since the start */
};

/* All of it must outlive the lab. */
struct lab_setup {
	const char *name;
	int lock; /* lab_dir_take() of that name; the lab's from now on, also when it fails */
	const struct topology *topology;
	struct record *record;
	const struct lab_owner *owner;
	void *ctx; /* the owner's */
	const struct runtime *runtime;
	bool keep_nodes; /* nodes that come by themselves shall come again for the next lab */
};

/* Open the control socket and have all nodes made. 0, or -errno. */
int lab_start(struct lab **out, struct ev_loop *loop, const struct lab_setup *setup);
/* Stop everything; returns when it is gone. */
void lab_free(struct lab *lab);

/* At all routers together. */
size_t lab_routes_missing(const struct lab *lab);
/* Every route is there, and every nameserver sees every pop up. */
bool lab_is_settled(const struct lab *lab);
/* Every name below is of a node; daemons as in the plan. */
size_t lab_node_find(const struct lab *lab, const char *name); /* SIZE_MAX: none */
/* Ask the agent to start a daemon of the plan again, or one given as {"name","argv"}. */
void lab_daemon_start(struct lab *lab, size_t node, const json_t *daemon);
const json_t *lab_daemon_plan(const struct lab *lab, size_t node, const char *name);
/* A daemon told to end may die; one that dies otherwise is a mishap. */
void lab_daemon_kill(struct lab *lab, size_t node, const char *daemon, int signal);
void lab_file_put(struct lab *lab, size_t node, const char *path, const char *text);
/*
 * Ask a pop's catchment-lb; takes body (or NULL) over. An answer that is not 2xx, or none, is a
 * mishap, in which it is called `what`.
 */
void lab_lb_ask(struct lab *lab, size_t node, const char *what, const char *method,
		const char *path, json_t *body);
/* Black-hole all wires of these nodes in one step (that instant is returned), then destroy them. */
struct instant lab_nodes_crash(struct lab *lab, const size_t *nodes, size_t count);
/* Sever a link (that instant is returned), seen by its ends or not; make it whole again. */
struct instant lab_link_cut(struct lab *lab, size_t link, bool carrier);
int lab_link_join(struct lab *lab, size_t link);
/* Have a pop's upstreams prefer all other pops to it, or no longer; returns when they were told. */
struct instant lab_shift(struct lab *lab, size_t pop, bool shifted);
/* Make a crashed node anew: 0, and it comes up in its own time, or -errno. */
int lab_node_restart(struct lab *lab, size_t index);

/* For the runtimes: its agent has said hello, shall be told its setup, has gone. */
void lab_node_found(struct lab_node *node, struct control *control);
void lab_node_setup(struct lab_node *node);
void lab_node_lost(struct lab_node *node);
const char *lab_node_name(const struct lab_node *node);

/* The connection that a command has come from hears every lab_event() from now on. */
void lab_subscribe(struct lab *lab, struct control *from);
/*
 * Tell the subscribers, if there are any; takes event over and adds "t_ns", unless it has one.
 * Never waits: who does not read is disconnected.
 */
void lab_event(struct lab *lab, json_t *event);

void lab_fail(struct lab *lab, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lab_mishap(struct lab *lab, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Between the lab_*.c. */
void lab_nodes_prepare(struct lab *lab);
void lab_nodes_free(struct lab *lab);
void lab_node_daemons_start(struct lab_node *node);
void lab_accept(void *ctx, int fd, const struct sockaddr *from);
void lab_clients_free(struct lab *lab);
/* A line of a node's router, read at t_ns: if BFD has changed its mind, that is recorded. */
void lab_bfd_line(struct lab_node *node, int64_t t_ns, const char *line);
void lab_progress(struct lab *lab);
/* Something has come to this end of a wire; takes fd over. */
void lab_link_plug(struct lab *lab, struct wire_end at, int fd);

#endif
