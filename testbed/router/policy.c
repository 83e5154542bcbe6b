/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/router/policy.h"

#include <math.h>

#define BUFFERS 4

const struct policy_class policy_classes[POLICY_CLASSES] = {
	{ "customer", 1, 200 },
	{ "peer", 2, 150 },
	{ "provider", 3, 100 },
};

enum policy_role policy_role_of(const struct topology *t, const struct topology_link *l,
				unsigned end)
{
	const struct topology_node *peer = &t->nodes[l->end[!end].node];

	if (l->internal)
		return POLICY_INTERNAL;
	if (peer->kind == NODE_POP || peer->kind == NODE_EDGE)
		return POLICY_POP;
	if (peer->kind != NODE_ROUTER)
		return POLICY_HOST;
	if (l->relation == RELATION_PEER)
		return POLICY_PEER;
	/* relation says what end 0 is to end 1 */
	return (l->relation == RELATION_CUSTOMER) == (end == 1) ? POLICY_CUSTOMER : POLICY_PROVIDER;
}

uint32_t policy_asn(const struct topology *t, const struct topology_node *node)
{
	return topology_asn(t, (size_t)(node - t->nodes));
}

const struct policy_range *policy_global(unsigned family)
{
	static const struct policy_range ipv4[] = { { "10.0.0.0/8", 16, 24 },
						    { "100.64.0.0/10", 24, 24 },
						    { "198.18.0.0/15", 19, 24 },
						    { NULL, 0, 0 } };
	static const struct policy_range ipv6[] = { { "2001:db8::/32", 36, 48 }, { NULL, 0, 0 } };

	return family == 0 ? ipv4 : ipv6;
}

/* 2001:db8:f000::/36 is infrastructure and users: everything before it is services. */
const struct policy_range *policy_services(unsigned family)
{
	static const struct policy_range ipv4[] = { { "198.18.0.0/15", 19, 24 }, { NULL, 0, 0 } };
	static const struct policy_range ipv6[] = { { "2001:db8::/33", 36, 48 },
						    { "2001:db8:8000::/34", 36, 48 },
						    { "2001:db8:c000::/35", 36, 48 },
						    { "2001:db8:e000::/36", 36, 48 },
						    { NULL, 0, 0 } };

	return family == 0 ? ipv4 : ipv6;
}

size_t policy_shared(const struct topology *t, unsigned family,
		     struct prefix out[SCENARIO_VARIANTS_MAX])
{
	size_t n = 0;

	for (size_t v = 0; v < t->scenario->variant_count; v++) {
		if (t->scenario->variants[v].mode == MODE_ANYCAST)
			out[n++] = topology_service_prefix(v, 0, family);
	}
	return n;
}

bool policy_is_deaf(const struct topology *t, size_t at)
{
	return t->scenario->networks[t->nodes[at].network].ignores_communities;
}

static struct prefix host_prefix(struct addr addr)
{
	return (struct prefix){ .addr = addr, .len = (uint8_t)addr_bits(addr.family) };
}

size_t policy_own_routes(const struct topology *t, size_t at, unsigned family,
			 struct policy_route *out)
{
	const struct topology_node *node = &t->nodes[at];
	size_t n = 0;

	out[n++] = (struct policy_route){ topology_network_prefix(node->network, family), NULL };
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const struct topology_end *far = &l->end[!topology_end_at(l, at)];
		const struct topology_node *host = &t->nodes[far->node];

		if (host->kind == NODE_CLIENT)
			out[n++] =
				(struct policy_route){ topology_client_prefix(host->index, family),
						       &far->addr[family] };
		else if (host->kind == NODE_NAMESERVER)
			out[n++] = (struct policy_route){ host_prefix(host->addr[family]),
							  &far->addr[family] };
	}
	return n;
}

size_t policy_first_routes(const struct topology *t, size_t at, unsigned family,
			   struct policy_route *out)
{
	const struct topology_node *node = &t->nodes[at];
	size_t n = 0;

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const struct topology_end *far = &l->end[!topology_end_at(l, at)];

		if (l->internal)
			out[n++] = (struct policy_route){
				host_prefix(t->nodes[far->node].addr[family]), &far->addr[family]
			};
	}
	return n;
}

int policy_ospf_cost(const struct topology_link *link)
{
	return (int)fmax(1, fmin(65535, round(link->delay_ms * 10)));
}

bool policy_is_alone(const struct topology *t, size_t at)
{
	return t->scenario->networks[t->nodes[at].network].place_count == 1;
}

bool policy_is_inside(const struct topology *t, size_t at, size_t peer)
{
	return at != peer && t->nodes[peer].kind == NODE_ROUTER &&
	       t->nodes[peer].network == t->nodes[at].network;
}

const char *policy_addr_text(const struct addr *addr)
{
	static _Thread_local char buf[BUFFERS][ADDR_TEXT_SIZE];
	static _Thread_local unsigned turn;

	return addr_format(addr, buf[turn++ % BUFFERS]);
}

const char *policy_prefix_text(struct prefix prefix)
{
	static _Thread_local char buf[BUFFERS][PREFIX_TEXT_SIZE];
	static _Thread_local unsigned turn;

	return prefix_format(&prefix, buf[turn++ % BUFFERS]);
}
