/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * topology.h - what follows from a scenario: nodes, wires and their addresses.
 *
 *	network n, router r   10.n.0.r         2001:db8:f000+n::r
 *	its nameserver k      10.n.1.k         2001:db8:f000+n::1:k
 *	its wire k            10.n.128+.../31  2001:db8:f000+n:k::/127
 *	client group c        100.64.c.0/24    2001:db8:f800+c::/48   (.10 users, .53 resolver)
 *	pop i                 10.200.i.0/24    2001:db8:f700+i::/48   identity M_i (.1)
 *	its LAN, of a rack    10.201.i.0/24    2001:db8:f600+i::/64   .1 edge, .2 lb
 *	variant v, slot n     n-th /24 of the v-th /19 of 198.18.0.0/15, 2001:db8:v000+n::/48:
 *	                      slot 0 is A_v, slot i is U_v,i, the service address is .1
 *
 * n, k, i and r count from 1, c and v from 0. A pop of shape rack is two nodes:
 * "<pop>", the lb as in a host, and "<pop>-edge", its router, which has the
 * scenario's links of the pop. A LAN wire joins them. Pure: the same scenario gives the
 * same topology, byte for byte. Immutable; one arena holds it, the scenario
 * must outlive it.
 */
#ifndef TESTBED_TOPOLOGY_H
#define TESTBED_TOPOLOGY_H

#include "lib/addr.h"
#include "testbed/scenario.h"

#define IFACE_NAME_SIZE 16
#define MAC_SIZE	6
#define MAC_TEXT_SIZE	18
#define POP_ASN		64500
#define CLIENT_HOST	10
#define RESOLVER_HOST	53
#define LAN_EDGE_HOST	1 /* in the LAN of a rack */
#define LAN_LB_HOST	2
#define LAN_DELAY_MS	0.05
#define POP_NODES_MAX	2 /* that one pop consists of */
#define NO_NETWORK	SIZE_MAX

/* The wires that one wire thread can carry with half of its time to spare. */
#define PACKET_HOPS_MAX 175000

/* NODE_POP is where the lb is; NODE_EDGE the router before it, of a pop of shape rack. */
enum node_kind { NODE_ROUTER, NODE_POP, NODE_NAMESERVER, NODE_CLIENT, NODE_EDGE };

struct topology_end {
	size_t node;
	char iface[IFACE_NAME_SIZE]; /* the other node's name, shortened and unique */
	uint8_t mac[MAC_SIZE];
	struct addr addr[2]; /* IPv4 in a /31, IPv6 in a /127; on a LAN in a /24 and a /64 */
	struct addr link_local;
	/* What the scenario's profile makes of the BGP session between the ends (profile.h). */
	unsigned mrai_s;     /* this end waits so long between two updates */
	double bgp_delay_ms; /* the far end takes so long over what this one says */
};

struct topology_link {
	struct topology_end end[2];
	bool internal;			     /* both ends are routers of one network */
	bool lan;			     /* of a rack: end 0 is the lb, end 1 its edge */
	enum relation relation;		     /* what end 0 is to end 1, if neither */
	const struct scenario_link *written; /* NULL: the scenario does not have it */
	double delay_ms, jitter_ms, loss, rate_mbit;
	/*
	 * Between a pop and its upstream, and on a rack's LAN, where a variant wants BFD: there are
	 * two BGP sessions, and BFD watches the second, which has the wire's IPv6 addresses. NULL:
	 * there is one.
	 */
	const struct scenario_bfd *bfd;
};

struct topology_node {
	const char *name;
	enum node_kind kind;
	size_t index;	/* in the scenario's array of its kind; a router's: of its place; an edge's:
			 * of its pop */
	size_t network; /* of a router, nameserver or client; NO_NETWORK for a pop and its edge */
	struct place place;
	/* On lo: a router's loopback, a nameserver's, the users'; none at pops and edges. */
	struct addr addr[2];
	size_t *links; /* indices of its links */
	size_t link_count;
};

struct topology {
	struct arena *arena;
	const struct scenario *scenario;
	struct topology_node *nodes;
	struct topology_link *links;
	size_t node_count, link_count;
	double packet_hops; /* per second, estimated for all users of all variants */
};

/* NULL, and err set with the path in the scenario, when it cannot be wired. */
struct topology *topology_new(const struct scenario *scenario, struct conf_error *err);
void topology_free(struct topology *topology);
/* The last step of topology_new(): sets packet_hops, or err. */
void topology_check(struct topology *topology, struct conf_error *err);
/* NULL when there is none of that name. */
const struct topology_node *topology_find(const struct topology *topology, const char *name);
/*
 * By its name: the names of the nodes at its ends, or "from-to" as the scenario has it, in either
 * order. SIZE_MAX and *mistake set when there is none, or more than one.
 */
size_t topology_link_find(const struct topology *topology, const char *name, const char **mistake);
/* The pop that it is of, as its uplink or its LAN; SIZE_MAX: none. */
size_t topology_link_pop(const struct topology *topology, const struct topology_link *link);
/* Which end of link is at node: 0 or 1. */
unsigned topology_end_at(const struct topology_link *link, size_t node);
/* Some wire of this node has a session that BFD watches. */
bool topology_has_bfd(const struct topology *topology, size_t node);
/* A pop's way to an upstream: the upstream's end is *router, the other one the pop's. */
bool topology_link_is_uplink(const struct topology *topology, const struct topology_link *link,
			     unsigned *router);
/*
 * Index of the pop whose uplink has this address at its end far from the node, SIZE_MAX for none.
 */
size_t topology_uplink_pop(const struct topology *topology, size_t node, const struct addr *far);
/* The nodes of a pop: the lb's first, then, of a rack, the edge. Returns how many. */
size_t topology_pop_nodes(const struct topology *topology, size_t pop, size_t nodes[POP_NODES_MAX]);
/* Of the network, or the pops' own. */
uint32_t topology_asn(const struct topology *topology, size_t node);
/* The slot of the prefix that a pop announces in a variant, as the variant's mode wants. */
size_t topology_slot(const struct topology *topology, size_t variant, size_t pop);

/* family is 0 for IPv4 and 1 for IPv6 in all of these. */
struct prefix topology_network_prefix(size_t network, unsigned family);
struct prefix topology_client_prefix(size_t client, unsigned family);
struct prefix topology_identity_prefix(size_t pop, unsigned family);
struct prefix topology_lan_prefix(size_t pop, unsigned family);
/* slot 0 is A_v, slot pop + 1 is U_v of that pop. */
struct prefix topology_service_prefix(size_t variant, size_t slot, unsigned family);
/* The variant and slot that own a service prefix; false when it is none. */
bool topology_service_find(const struct prefix *prefix, size_t *variant, size_t *slot);
/* The n-th address of a prefix. */
struct addr topology_host(struct prefix prefix, uint32_t n);
/* An end (0 or 1) of a network's wire; wires count from 0. */
struct addr topology_wire_addr(size_t network, unsigned wire, unsigned end, unsigned family);
const char *mac_format(const uint8_t mac[MAC_SIZE], char buf[MAC_TEXT_SIZE]);

#endif
