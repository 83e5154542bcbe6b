/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - everything a node's agent is told: addresses, files, daemons.
 *
 *	{"type":"setup", "node":"fra", "sysctls":{PATH: VALUE},
 *	 "links":[{"link":7, "end":0, "name":"t1", "mac":"02:..", "offload":true,
 *"addrs":["10.1.128.0/31", ...], "peers":[["10.1.128.1", "02:.."], ...]}], "lo":["10.1.0.1/32"],
 *"routes":[{"dst":"0.0.0.0/0", "via":"10.1.128.1"},
 *	 {"dst":"198.18.0.0/24"}],
 *	 "files":{"/run/lab/bird.conf": "..."}, "watch_routes":true,
 *	 "daemons":[{"name":"lb", "argv":["catchment-lb", ...], "events":"/run/lb.sock",
 *	             "nice":-5},
 *	            {"name":"vtysh", "argv":[...], "after":["/run/frr/zebra.vty"], "once":true}]}
 *
 * A daemon that is "after" starts when all these sockets take connections; one that is "once" has
 * ended well when its status is 0. "events" is where its events are to be had.
 *
 * A route without "via" drops what nothing better is known for, and says so to
 * the sender. Pure: the same topology gives the same plans.
 */
#ifndef TESTBED_CONFIG_PLAN_H
#define TESTBED_CONFIG_PLAN_H

#include <jansson.h>

#include "testbed/topology.h"

/* Where a node's files are, inside the node. */
#define PLAN_DIR "/run/lab"
/* Where the labs' directories with their control sockets are, in a container as on the host. */
#define PLAN_LAB_ROOT "/run/catchment"

/* Where a pop's catchment-lb has its API. */
#define PLAN_LB_SOCKET "/run/catchment-lb.sock"

/* The ports of the lab's services, the same on every node. */
#define PLAN_PORT_VERDICT 8053
#define PLAN_PORT_UDP	  7000
#define PLAN_PORT_TCP	  7001

/* The setup message of a node. The caller owns it. */
json_t *plan_node(const struct topology *t, size_t at);
/*
 * What a router that runs is told when the users of some pops shall go elsewhere, or no longer
 * (policy.h): of each pop of the scenario, whether. {"path","text"} of a file that it gets, and
 * "argv" and "once" of what is then to be run there. The caller owns it.
 */
json_t *plan_shift(const struct topology *t, size_t at, const bool *shifted);
/* Its "sysctls": {"net/ipv4/ip_forward": "1", ...}. The caller owns them. */
json_t *plan_sysctls(enum node_kind kind);
/* The client program's configuration for one trial; users start at start_ns (CLOCK_MONOTONIC). */
json_t *plan_client(const struct topology *t, size_t index, unsigned trial, int64_t start_ns);
/* Number of the first user of a client group; users count from 1 through all groups. */
unsigned plan_first_user(const struct scenario *s, size_t client);

#endif
