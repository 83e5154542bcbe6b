/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * namespaces.h - the runtime without a container engine.
 *
 * A node is a set of anonymous namespaces (network, mount, pid, uts, ipc) with
 * the agent as their first process. Nothing has a name outside: when the agent
 * dies, all of it is gone, and the agent dies with the supervisor, even by
 * kill -9. Inside, /run is the node's own, with the lab's control socket at the
 * same path as outside.
 */
#ifndef TESTBED_RUNTIME_NAMESPACES_H
#define TESTBED_RUNTIME_NAMESPACES_H

#include <sys/types.h>

/*
 * Start the agent of a node. lab_dir is /run/catchment/NAME and holds the socket "control".
 * Returns its pid, a child of the caller, or -errno. Call from the main thread only: the node
 * dies with the thread that made it.
 */
pid_t namespaces_node_start(const char *node, const char *lab_dir);

/*
 * Enter the namespaces of the process and run argv there, in its root. Does not return on
 * success but exits with the command's status; returns -errno otherwise.
 */
int namespaces_exec(pid_t pid, char *const *argv);

#endif
