/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent.h - the first process of every node.
 *
 * It connects to the supervisor's control socket, says which node it is and
 * does what it is told (plan.h): sets addresses and routes, makes the node's
 * TAP devices and passes them on, writes files, starts and supervises daemons.
 * It tells what happens inside: their log lines, their event streams, their
 * deaths, and each change of a daemon's route in the kernel's tables. It ends, and
 * with it, as the first process of its namespace, everything in the node, when
 * the supervisor does.
 *
 *	to the agent             from it
 *	setup (plan.h)           hello, tap + descriptor, configured | failed
 *	measure                  measured
 *	start, kill, put, ask    started, exited, log, event, asked
 *	end, crash               routes
 *
 * In a container it is the entrypoint. "end" makes it end with status 0, and
 * the container stays down; with anything else but a signal it ends with status
 * 1, and the engine makes a new container of the same, which says hello again.
 * The container's way out, its default routes, is closed before anything else.
 */
#ifndef TESTBED_RUNTIME_AGENT_H
#define TESTBED_RUNTIME_AGENT_H

/*
 * catchment-testbed node --control PATH --name NODE [--wait]: with --wait the socket may appear
 * later, within an hour. Returns the exit status.
 */
int agent_main(int argc, char **argv);

#endif
