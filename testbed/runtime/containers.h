/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * containers.h - nodes that come by themselves: what the runtimes with containers share.
 *
 * Their agents are known by their name alone: who may open the control socket
 * may be any node. A crash is a message to the agent, whose end is the end of
 * the container; its restart policy makes the next one.
 */
#ifndef TESTBED_RUNTIME_CONTAINERS_H
#define TESTBED_RUNTIME_CONTAINERS_H

#include "testbed/runtime/lab.h"

/* As in struct runtime. */
bool containers_agent_known(const struct lab_node *node, pid_t pid);
void containers_node_crash(struct lab_node *node);
int containers_node_restart(struct lab_node *node);
/* Tell every agent that this is the end, for good; without it they come again. */
void containers_end(struct lab *lab);

#endif
