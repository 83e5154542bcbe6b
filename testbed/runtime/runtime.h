/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runtime.h - who makes the nodes of a lab, and takes them away.
 *
 * A node is a set of namespaces with the agent as their first process. That is
 * all a runtime has to bring about: whatever the node then does it is told by
 * the supervisor, in the same words in every runtime.
 *
 *	namespaces  the supervisor makes them; the agents are its children
 *	docker      containers, made by Compose from a file that the supervisor
 *	            writes, taken down by a keeper that outlives it
 *	compose     containers that somebody else's compose file makes, this
 *	            supervisor's own among them
 *
 * In the latter two a node is there from its agent's "hello" to the end of that
 * connection, and may come again at any time.
 */
#ifndef TESTBED_RUNTIME_RUNTIME_H
#define TESTBED_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <sys/types.h>

struct lab;
struct lab_node;
struct scenario;

struct runtime {
	const char *name;    /* as in --runtime */
	const char *kind;    /* in result.json: "namespaces" or "docker" */
	bool nodes_return;   /* see above; otherwise a node that has died stays dead */
	unsigned patience_s; /* for a lab to come up */
	const char *shell;   /* command of a shell that finds the nodes' programs */
	/*
	 * A lab of that name can be made here of it: EXIT_DONE, or another status of run.h and said
	 * in one line what to do.
	 */
	int (*check)(const char *lab, const struct scenario *scenario);
	/* Make all nodes, which say hello in their own time. 0 or -errno. */
	int (*start)(struct lab *lab);
	/* Take them all away; returns when they are gone. Also after a start that failed. */
	void (*stop)(struct lab *lab);
	/* The process behind a new connection (0: not to be seen from here) may be the node's
	 * agent. */
	bool (*agent_known)(const struct lab_node *node, pid_t pid);
	/* Destroy a node at once. Its wires are cut, its connection is closed afterwards. */
	void (*node_crash)(struct lab_node *node);
	/* Have it again: 0, and its agent says hello in its own time or has already; or -errno. */
	int (*node_restart)(struct lab_node *node);
};

extern const struct runtime runtime_namespaces, runtime_docker, runtime_compose;

/* NULL: none of that name. */
const struct runtime *runtime_find(const char *name);

#endif
