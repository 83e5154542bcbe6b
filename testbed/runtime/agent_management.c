/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_management.c - the way from a container engine's network to the daemons' APIs.
 *
 * Inside a node they are Unix sockets. socat passes on what arrives on the
 * management interface and nowhere else: no packet of the lab can reach them.
 * Who may come so far is a matter of where the engine publishes the port.
 */
#include <ifaddrs.h>
#include <net/if.h>

#include "lib/alloc.h"
#include "testbed/runtime/agent_parts.h"

#define RELAY_NAME "relay"
#define RELAY_PORT 8080

void agent_management_find(struct agent *agent)
{
	struct ifaddrs *all = NULL;

	if (agent->management || getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i && !agent->management; i = i->ifa_next) {
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && i->ifa_flags & IFF_UP &&
		    !(i->ifa_flags & IFF_LOOPBACK))
			agent->management = xstrdup(i->ifa_name);
	}
	freeifaddrs(all);
}

void agent_relay_start(struct agent *agent, const char *socket)
{
	char *from, *to;
	json_t *daemon;

	if (!agent->management)
		return;
	from = xasprintf("TCP-LISTEN:%d,fork,reuseaddr,so-bindtodevice=%s", RELAY_PORT,
			 agent->management);
	to = xasprintf("UNIX-CONNECT:%s", socket);
	daemon = json_pack("{s:s, s:[s, s, s]}", "name", RELAY_NAME, "argv", "socat", from, to);
	agent_daemon_start(agent, daemon);
	json_decref(daemon);
	free(from);
	free(to);
}
