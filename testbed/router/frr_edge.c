/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frr_edge.c - FRR as the edge router of a rack (see bird.h for what it does).
 */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/router/frr.h"
#include "testbed/router/policy.h"

/* Default routes of so many upstreams become one route. */
#define PATHS 16

static const char *const family_names[] = { "ipv4", "ipv6" };

const char *const frr_edge_daemons[] = { "zebra", "bgpd", NULL };

static void neighbor_write(FILE *f, const struct topology *t, const struct topology_link *l,
			   unsigned end)
{
	const char *remote = policy_addr_text(&l->end[!end].addr[0]);
	unsigned hold_time = l->lan ? POLICY_HOLD_TIME : t->scenario->hold_time;

	fprintf(f,
		" neighbor %s remote-as %u\n neighbor %s description %s\n"
		" neighbor %s update-source %s\n neighbor %s timers %u %u\n"
		" neighbor %s timers connect 1\n neighbor %s advertisement-interval 0\n",
		remote, topology_asn(t, l->end[!end].node), remote,
		t->nodes[l->end[!end].node].name, remote, policy_addr_text(&l->end[end].addr[0]),
		remote, hold_time / 3, hold_time, remote, remote);
	if (l->lan) /* the lb dials, so a new one is back at once */
		fprintf(f, " neighbor %s passive\n", remote);
}

static void neighbor_family_write(FILE *f, const struct topology_link *l, unsigned end)
{
	const char *remote = policy_addr_text(&l->end[!end].addr[0]);

	fprintf(f,
		"  neighbor %s activate\n  neighbor %s prefix-list %s in\n"
		"  neighbor %s prefix-list %s out\n",
		remote, remote, l->lan ? "lb" : "default", remote, l->lan ? "default" : "lb");
	if (l->lan)
		fprintf(f, "  neighbor %s next-hop-self\n", remote);
}

static void bgp_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *edge = &t->nodes[at];
	struct addr id = topology_host(topology_lan_prefix(edge->index, 0), LAN_EDGE_HOST);

	/* The upstreams' default routes have paths of one AS each, but of different ones. */
	fprintf(f,
		"router bgp %d\n bgp router-id %s\n bgp log-neighbor-changes\n"
		" no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n"
		" bgp bestpath as-path multipath-relax\n coalesce-time 0\n",
		POP_ASN, policy_addr_text(&id));
	for (size_t i = 0; i < edge->link_count; i++) {
		const struct topology_link *l = &t->links[edge->links[i]];

		neighbor_write(f, t, l, topology_end_at(l, at));
	}
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, " address-family %s unicast\n  maximum-paths %d\n", family_names[family],
			PATHS);
		for (size_t i = 0; i < edge->link_count; i++) {
			const struct topology_link *l = &t->links[edge->links[i]];

			neighbor_family_write(f, l, topology_end_at(l, at));
		}
		fprintf(f, " exit-address-family\n");
	}
	fprintf(f, "exit\n");
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
	bgp_write(f, t, at);
	fclose(f);
	return text;
}
