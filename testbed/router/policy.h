/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.h - what a router of the lab does, whichever program does it.
 *
 * The relationships decide (Gao-Rexford): a route learnt from a customer goes
 * to everybody, any other to customers only, and LOCAL_PREF prefers customers
 * (200) to peers (150) to providers (100). What a route is, its router's own
 * network remembers in a community: (asn, 1) customer, 2 peer, 3 provider.
 * GRACEFUL_SHUTDOWN (RFC 8326) and (asn, 40) lower LOCAL_PREF to 0 and 40. A
 * network may ignore both of these wishes. A router can be told to prefer every
 * other way to what a pop shares with others to the pop's own (LOCAL_PREF 20). A
 * pop is a customer that may announce service prefixes and its own identity,
 * and gets a default route. Routers of one network speak iBGP in full mesh over
 * OSPF, whose costs are the links' delays, so traffic leaves by the nearest
 * exit.
 *
 * Here is what the generators of configurations (bird.h, frr.h) have in common;
 * each says it in its own language. Pure.
 */
#ifndef TESTBED_ROUTER_POLICY_H
#define TESTBED_ROUTER_POLICY_H

#include "testbed/topology.h"

/* Seconds, between routers that nobody kills: long enough never to matter. */
#define POLICY_HOLD_TIME 90
/* The action community (asn, 40), and the LOCAL_PREF that it asks for. */
#define POLICY_LOWERED 40
/* The LOCAL_PREF of a pop's routes where its users shall go elsewhere, less than any other's. */
#define POLICY_SHIFTED 20
/* OSPF's seconds: a hello each, and lost after so many without. */
#define POLICY_OSPF_HELLO 1
#define POLICY_OSPF_DEAD  4

/* What a link's far end is to us. */
enum policy_role {
	POLICY_INTERNAL,
	POLICY_CUSTOMER,
	POLICY_PEER,
	POLICY_PROVIDER,
	POLICY_POP,
	POLICY_HOST,
};

enum policy_role policy_role_of(const struct topology *t, const struct topology_link *link,
				unsigned end);
uint32_t policy_asn(const struct topology *t, const struct topology_node *node);

/* What is done with routes from customers, peers and providers, in this order. */
struct policy_class {
	const char *name;
	unsigned mark; /* the community's second half */
	unsigned local_pref;
};

#define POLICY_CLASSES 3
extern const struct policy_class policy_classes[POLICY_CLASSES];

/* Prefixes within one, of a length from least to most. */
struct policy_range {
	const char *prefix;
	unsigned least, most;
};

/* What leaves a network at all: host routes and the default stay inside. Ends with prefix NULL. */
const struct policy_range *policy_global(unsigned family);
/* What pops may announce beside their identity. Ends with prefix NULL. */
const struct policy_range *policy_services(unsigned family);

/*
 * What several pops announce, so that there is another way: the prefixes of variants of mode
 * anycast. Returns how many.
 */
size_t policy_shared(const struct topology *t, unsigned family,
		     struct prefix out[SCENARIO_VARIANTS_MAX]);
/* The router's network does not do what communities ask for. */
bool policy_is_deaf(const struct topology *t, size_t at);

/* A static route; via is NULL where what is sent there is unreachable. */
struct policy_route {
	struct prefix dst;
	const struct addr *via;
};

/*
 * What a router knows by itself, in at most 1 + link_count routes: its network's prefix, its users
 * and its nameservers. Returns how many.
 */
size_t policy_own_routes(const struct topology *t, size_t at, unsigned family,
			 struct policy_route *out);
/*
 * OSPF will not say a second time within 5 s (MinLSInterval) what a router is linked to, and the
 * first time it has no links yet. Until then the direct wire leads to each peer's loopback: at most
 * link_count routes, which any of OSPF's is better than.
 */
size_t policy_first_routes(const struct topology *t, size_t at, unsigned family,
			   struct policy_route *out);
int policy_ospf_cost(const struct topology_link *link);
/* The router is the only one of its network: no OSPF, no iBGP. */
bool policy_is_alone(const struct topology *t, size_t at);
/* It and `peer` are routers of one network. */
bool policy_is_inside(const struct topology *t, size_t at, size_t peer);

/* As text, in one of a few buffers that are used in turn: for one printf. */
const char *policy_addr_text(const struct addr *addr);
const char *policy_prefix_text(struct prefix prefix);

#endif
