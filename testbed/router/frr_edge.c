/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frr_edge.c - FRR as the edge router of a rack (see bird.h for what it does).
 *
 * Of prefix lists, "lb" is what the lb may say; where variants want BFD, "fast" is theirs of it,
 * and the route map "slow" keeps them out of the sessions of the others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/router/frr.h"
#include "testbed/router/policy.h"

/* Default routes of so many upstreams become one route. */
#define PATHS 16

static const char *const family_names[] = { "ipv4", "ipv6" };
static const char *const ip_names[] = { "ip", "ipv6" };

const char *const *frr_edge_daemons(const struct topology *t, size_t at)
{
	static const char *const plain[] = { "zebra", "bgpd", NULL };
	static const char *const with_bfd[] = { "zebra", "bfdd", "bgpd", NULL };

	return topology_has_bfd(t, at) ? with_bfd : plain;
}

/* A wire has a second session, over IPv6, where BFD watches it (topology.h). */
struct session {
	const struct topology_link *link;
	unsigned end, number;
	bool bfd;
};

static const struct addr *session_addr(const struct session *s, bool near)
{
	return &s->link->end[near ? s->end : !s->end].addr[s->bfd];
}

static void neighbor_write(FILE *f, const struct topology *t, const struct session *s)
{
	const char *remote = policy_addr_text(session_addr(s, false));
	size_t peer = s->link->end[!s->end].node;
	unsigned hold_time = s->link->lan ? POLICY_HOLD_TIME : t->scenario->hold_time;

	fprintf(f,
		" neighbor %s remote-as %u\n neighbor %s description %s%s\n"
		" neighbor %s update-source %s\n neighbor %s timers %u %u\n"
		" neighbor %s timers connect 1\n neighbor %s advertisement-interval 0\n",
		remote, topology_asn(t, peer), remote, t->nodes[peer].name, s->bfd ? ", BFD" : "",
		remote, policy_addr_text(session_addr(s, true)), remote, hold_time / 3, hold_time,
		remote, remote);
	if (s->link->lan) /* the lb dials, so a new one is back at once */
		fprintf(f, " neighbor %s passive\n", remote);
	if (s->bfd)
		fprintf(f, " neighbor %s bfd\n neighbor %s bfd profile pop_%u\n", remote, remote,
			s->number);
}

static void neighbor_family_write(FILE *f, const struct session *s)
{
	/* By whether it is the lan's, and the second session: what is taken, and what is told. */
	static const char *const lists[2][2][2] = {
		{ { "default", "lb" }, { "nothing", "fast" } },
		{ { "lb", "default" }, { "lb", "nothing" } },
	};
	const char *const *list = lists[s->link->lan][s->bfd];
	const char *remote = policy_addr_text(session_addr(s, false));

	fprintf(f,
		"  neighbor %s activate\n  neighbor %s prefix-list %s in\n"
		"  neighbor %s prefix-list %s out\n",
		remote, remote, list[0], remote, list[1]);
	if (s->link->lan)
		fprintf(f, "  neighbor %s next-hop-self\n", remote);
	else if (s->link->bfd && !s->bfd)
		fprintf(f, "  neighbor %s route-map slow out\n", remote);
}

/* What is said of every session within an address family, or before. */
static void sessions_write(FILE *f, const struct topology *t, size_t at, bool family)
{
	const struct topology_node *edge = &t->nodes[at];

	for (size_t i = 0; i < edge->link_count; i++) {
		const struct topology_link *l = &t->links[edge->links[i]];
		struct session s = { l, topology_end_at(l, at), (unsigned)i + 1, false };

		for (unsigned n = 0; n < (l->bfd ? 2 : 1); n++, s.bfd = true) {
			if (family)
				neighbor_family_write(f, &s);
			else
				neighbor_write(f, t, &s);
		}
	}
}

static void bgp_write(FILE *f, const struct topology *t, size_t at)
{
	struct addr id = topology_host(topology_lan_prefix(t->nodes[at].index, 0), LAN_EDGE_HOST);

	/*
	 * The upstreams' default routes have paths of one AS each, but of different ones. FRR
	 * offers graceful restart unasked, upon which BIRD would keep a dead edge's routes for 120
	 * s.
	 */
	fprintf(f,
		"router bgp %d\n bgp router-id %s\n bgp log-neighbor-changes\n"
		" no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n"
		" bgp graceful-restart-disable\n bgp bestpath as-path multipath-relax\n"
		" coalesce-time 0\n",
		POP_ASN, policy_addr_text(&id));
	sessions_write(f, t, at, false);
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, " address-family %s unicast\n  maximum-paths %d\n", family_names[family],
			PATHS);
		sessions_write(f, t, at, true);
		fprintf(f, " exit-address-family\n");
	}
	fprintf(f, "exit\n");
}

static void fast_write(FILE *f, const struct topology *t, size_t pop)
{
	for (unsigned family = 0; family < 2; family++) {
		for (size_t v = 0; v < t->scenario->variant_count; v++) {
			if (t->scenario->variants[v].bfd)
				fprintf(f, "%s prefix-list fast seq %zu permit %s\n",
					ip_names[family], 10 * (v + 1),
					policy_prefix_text(topology_service_prefix(
						v, topology_slot(t, v, pop), family)));
		}
	}
	fprintf(f, "route-map slow deny 10\n match ip address prefix-list fast\nexit\n"
		   "route-map slow deny 20\n match ipv6 address prefix-list fast\nexit\n"
		   "route-map slow permit 30\nexit\n");
}

char *frr_edge_config(const struct topology *t, size_t at)
{
	const struct topology_node *edge = &t->nodes[at];
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	/* The kernel's routes shall name their gateways, not numbers of nexthop objects. */
	fprintf(f,
		"! %s\nno zebra nexthop kernel enable\n"
		"ip prefix-list default seq 10 permit 0.0.0.0/0\n"
		"ipv6 prefix-list default seq 10 permit ::/0\n",
		edge->name);
	frr_pop_lists_write(f, "lb", edge->index);
	if (topology_has_bfd(t, at))
		fast_write(f, t, edge->index);
	frr_bfd_write(f, t, at);
	bgp_write(f, t, at);
	fclose(f);
	return text;
}
