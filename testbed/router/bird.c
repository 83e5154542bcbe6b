/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/router/bird.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "testbed/router/bird_bfd.h"
#include "testbed/router/policy.h"

static const char *const family_names[] = { "ipv4", "ipv6" };

static unsigned ip_version(unsigned family)
{
	return family == 0 ? 4 : 6;
}

void bird_head_write(FILE *f, const struct topology_node *node, const struct addr *router_id)
{
	fprintf(f, "# %s\nlog stderr { trace, info, error, fatal, bug };\n", node->name);
	fprintf(f, "router id %s;\n", policy_addr_text(router_id));
	fprintf(f, "protocol device { scan time 60; }\n");
}

static void ranges_write(FILE *f, const struct policy_range *range)
{
	for (const char *between = ""; range->prefix; range++, between = ", ")
		fprintf(f, "%s%s{%u,%u}", between, range->prefix, range->least, range->most);
}

/*
 * What happens to a route of this class on its way in. What communities ask for, the router does
 * unless it is deaf.
 */
static void class_write(FILE *f, const struct policy_class *class, uint32_t asn, bool deaf)
{
	fprintf(f,
		"\tbgp_community.delete([(%u, 1..%d)]);\n\tbgp_community.add((%u, %u));\n"
		"\tbgp_local_pref = %u;\n",
		asn, POLICY_CLASSES, asn, class->mark, class->local_pref);
	if (deaf)
		return;
	fprintf(f,
		"\tif (%u, %d) ~ bgp_community then bgp_local_pref = %d;\n"
		"\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n",
		asn, POLICY_LOWERED, POLICY_LOWERED);
}

static void filters_write(FILE *f, uint32_t asn, bool deaf)
{
	for (size_t i = 0; i < POLICY_CLASSES; i++) {
		fprintf(f, "filter from_%s {\n", policy_classes[i].name);
		class_write(f, &policy_classes[i], asn, deaf);
		fprintf(f, "\taccept;\n}\n");
	}
	fprintf(f, "function is_global() {\n\tif net.type = NET_IP4 then\n\t\treturn net ~ [ ");
	ranges_write(f, policy_global(0));
	fprintf(f, " ];\n\treturn net ~ [ ");
	ranges_write(f, policy_global(1));
	fprintf(f, " ];\n}\nfilter to_customer { if is_global() then accept; reject; }\n");
	fprintf(f,
		"filter to_others {\n"
		"\tif is_global() && (source = RTS_STATIC || (%u, 1) ~ bgp_community) then "
		"accept;\n"
		"\treject;\n}\n",
		asn);
	/* The other routers of the network must know a route that is its own: it is for all. */
	fprintf(f,
		"filter to_inside {\n\tif proto ~ \"first*\" then reject;\n"
		"\tif source = RTS_STATIC then { bgp_community.add((%u, 1)); accept; }\n"
		"\tif source = RTS_BGP then accept;\n\treject;\n}\n",
		asn);
}

static void routes_write(FILE *f, const struct policy_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(f, "\troute %s ", policy_prefix_text(routes[i].dst));
		if (routes[i].via)
			fprintf(f, "via %s;\n", policy_addr_text(routes[i].via));
		else
			fprintf(f, "unreachable;\n");
	}
}

/* What it knows by itself, what leads to its peers until OSPF does, and the default for pops. */
static void statics_write(FILE *f, const struct topology *t, size_t at, unsigned family)
{
	struct policy_route *routes = xcalloc(1 + t->nodes[at].link_count, sizeof(*routes));

	fprintf(f, "protocol static own%u {\n\t%s;\n", ip_version(family), family_names[family]);
	routes_write(f, routes, policy_own_routes(t, at, family, routes));
	fprintf(f, "}\nprotocol static default%u {\n\t%s;\n\troute %s unreachable;\n}\n",
		ip_version(family), family_names[family], family ? "::/0" : "0.0.0.0/0");
	if (!policy_is_alone(t, at)) {
		fprintf(f, "protocol static first%u {\n\t%s { preference 10; };\n",
			ip_version(family), family_names[family]);
		routes_write(f, routes, policy_first_routes(t, at, family, routes));
		fprintf(f, "}\n");
	}
	free(routes);
}

static void ospf_write(FILE *f, const struct topology *t, size_t at, unsigned family)
{
	const struct topology_node *node = &t->nodes[at];

	fprintf(f, "protocol ospf %s inside%u {\n\t%s { import all; export none; };\n\tarea 0 {\n",
		family ? "v3" : "v2", ip_version(family), family_names[family]);
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const struct topology_end *near = &l->end[topology_end_at(l, at)];

		if (l->internal)
			fprintf(f,
				"\t\tinterface \"%s\" { type ptp; cost %d; hello %d; dead count "
				"%d; };\n",
				near->iface, policy_ospf_cost(l), POLICY_OSPF_HELLO,
				POLICY_OSPF_DEAD);
	}
	fprintf(f, "\t\tinterface \"*\" { stub yes; };\n\t};\n}\n");
}

/*
 * "next hop address" says which address is our own, "next hop self" that it is announced at all.
 * Without it IPv6 would wait for OSPF to know the far end of another router's wire.
 */
static void ibgp_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	unsigned n = 0;

	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *peer = &t->nodes[i];

		if (!policy_is_inside(t, at, i))
			continue;
		fprintf(f,
			"protocol bgp inside_%u { # %s\n"
			"\tlocal %s as %u;\n\tneighbor %s as %u;\n"
			"\thold time %d;\n\tconnect delay time 1;\n\tconnect retry time 1;\n"
			"\terror wait time 1, 2;\n"
			"\tipv4 { next hop self; import all; export filter to_inside; };\n"
			"\tipv6 { next hop self; next hop address %s; import all; "
			"export filter to_inside; };\n}\n",
			++n, peer->name, policy_addr_text(&node->addr[0]), policy_asn(t, node),
			policy_addr_text(&peer->addr[0]), policy_asn(t, peer), POLICY_HOLD_TIME,
			policy_addr_text(&node->addr[1]));
	}
}

static void ebgp_peer_write(FILE *f, const struct topology *t, const struct topology_end *near,
			    const struct topology_end *far, enum policy_role role, unsigned n)
{
	static const char *const import[] = { [POLICY_CUSTOMER] = "from_customer",
					      [POLICY_POP] = "from_customer",
					      [POLICY_PEER] = "from_peer",
					      [POLICY_PROVIDER] = "from_provider" };
	static const char *const export[] = { [POLICY_CUSTOMER] = "filter to_customer",
					      [POLICY_PEER] = "filter to_others",
					      [POLICY_PROVIDER] = "filter to_others",
					      [POLICY_POP] = "where net.len = 0" };
	const struct topology_node *peer = &t->nodes[far->node];

	fprintf(f, "protocol bgp %s_%u { # %s\n", role == POLICY_POP ? "pop" : "peer", n,
		peer->name);
	fprintf(f, "\tlocal %s as %u;\n\tneighbor %s as %u;\n", policy_addr_text(&near->addr[0]),
		policy_asn(t, &t->nodes[near->node]), policy_addr_text(&far->addr[0]),
		policy_asn(t, peer));
	fprintf(f, "\thold time %d;\n\terror wait time 1, 2;\n", POLICY_HOLD_TIME);
	if (role == POLICY_POP)
		fprintf(f, "\tpassive yes;\n"); /* the pop dials, so a new one is back at once */
	else
		fprintf(f, "\tconnect delay time 1;\n\tconnect retry time 1;\n");
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, "\t%s { import filter ", family_names[family]);
		if (role == POLICY_POP)
			fprintf(f, "from_pop_%u", n);
		else
			fprintf(f, "%s", import[role]);
		fprintf(f, "; export %s; };\n", export[role]);
	}
	fprintf(f, "}\n");
}

void bird_pop_reject_write(FILE *f, size_t pop)
{
	fprintf(f, "\tif net.type = NET_IP4 then {\n");
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, "\t\tif ! (net ~ [ %s, ",
			policy_prefix_text(topology_identity_prefix(pop, family)));
		ranges_write(f, policy_services(family));
		fprintf(f, " ]) then reject;\n\t}%s\n", family == 0 ? " else {" : "");
	}
}

/* A set has prefixes of one family. */
static void shift_write(FILE *f, const struct topology *t)
{
	struct prefix shared[SCENARIO_VARIANTS_MAX];

	for (unsigned family = 0; family < 2; family++) {
		size_t count = policy_shared(t, family, shared);

		for (size_t i = 0; i < count; i++)
			fprintf(f,
				"\tif net = %s && bgp_local_pref > %d then bgp_local_pref = %d;\n",
				policy_prefix_text(shared[i]), POLICY_SHIFTED, POLICY_SHIFTED);
	}
}

static void pop_filter_write(FILE *f, const struct topology *t, size_t at, size_t pop, unsigned n,
			     bool shifted)
{
	fprintf(f, "filter from_pop_%u {\n", n);
	bird_pop_reject_write(f, pop);
	class_write(f, &policy_classes[0], topology_asn(t, at), policy_is_deaf(t, at));
	if (shifted)
		shift_write(f, t);
	fprintf(f, "\taccept;\n}\n");
}

static void ebgp_write(FILE *f, const struct topology *t, size_t at, const bool *shifted)
{
	const struct topology_node *node = &t->nodes[at];

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		unsigned end = topology_end_at(l, at);
		enum policy_role role = policy_role_of(t, l, end);
		size_t peer = t->nodes[l->end[!end].node].index;

		if (role == POLICY_INTERNAL || role == POLICY_HOST)
			continue;
		if (role == POLICY_POP)
			pop_filter_write(f, t, at, peer, (unsigned)i + 1, shifted && shifted[peer]);
		ebgp_peer_write(f, t, &l->end[end], &l->end[!end], role, (unsigned)i + 1);
		if (l->bfd)
			bird_bfd_router_write(f, t, l, end, (unsigned)i + 1);
	}
}

char *bird_router_config(const struct topology *t, size_t at, const bool *shifted)
{
	const struct topology_node *node = &t->nodes[at];
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	bird_head_write(f, node, &node->addr[0]);
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, "protocol kernel { %s { import none; export all; }; scan time 60; }\n",
			family_names[family]);
		statics_write(f, t, at, family);
		if (!policy_is_alone(t, at))
			ospf_write(f, t, at, family);
	}
	filters_write(f, policy_asn(t, node), policy_is_deaf(t, at));
	ibgp_write(f, t, at);
	ebgp_write(f, t, at, shifted);
	bird_bfd_protocol_write(f, t, at);
	fclose(f);
	return text;
}

static void pop_statics_write(FILE *f, const struct topology *t, const struct topology_node *pop,
			      unsigned family)
{
	fprintf(f, "protocol static vips%u {\n\t%s;\n\troute %s unreachable;\n", ip_version(family),
		family_names[family],
		policy_prefix_text(topology_identity_prefix(pop->index, family)));
	for (size_t v = 0; v < t->scenario->variant_count; v++) {
		size_t slot = topology_slot(t, v, pop->index);

		fprintf(f, "\troute %s unreachable;\n",
			policy_prefix_text(topology_service_prefix(v, slot, family)));
	}
	fprintf(f,
		"}\nprotocol kernel { %s { import none; export all; }; scan time 60;\n"
		"\tmerge paths yes; }\n",
		family_names[family]);
}

char *bird_pop_config(const struct topology *t, size_t at)
{
	const struct topology_node *pop = &t->nodes[at];
	struct addr identity = topology_host(topology_identity_prefix(pop->index, 0), 1);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	bird_head_write(f, pop, &identity);
	for (unsigned family = 0; family < 2; family++)
		pop_statics_write(f, t, pop, family);
	if (scenario_wants_bfd(t->scenario))
		bird_bfd_function_write(f, t, pop->index);
	for (size_t i = 0; i < pop->link_count; i++) {
		const struct topology_link *l = &t->links[pop->links[i]];
		unsigned end = topology_end_at(l, at);
		const struct topology_node *peer = &t->nodes[l->end[!end].node];

		fprintf(f,
			"protocol bgp up_%zu { # %s\n\tlocal %s as %d;\n\tneighbor %s as %u;\n%s"
			"\thold time %u;\n\tconnect delay time 1;\n\tconnect retry time 1;\n"
			"\terror wait time 1, 2;\n",
			i + 1, peer->name, policy_addr_text(&l->end[end].addr[0]), POP_ASN,
			policy_addr_text(&l->end[!end].addr[0]), policy_asn(t, peer),
			l->lan ? "\tdirect;\n" : "", t->scenario->hold_time);
		for (unsigned family = 0; family < 2; family++)
			fprintf(f,
				"\t%s { import where net ~ [ %s ]; export where source = "
				"RTS_STATIC%s; };\n",
				family_names[family], family ? "::/0" : "0.0.0.0/0",
				l->bfd ? " && ! is_bfd()" : "");
		fprintf(f, "}\n");
		if (l->bfd)
			bird_bfd_pop_write(f, t, l, end, (unsigned)i + 1, "source = RTS_STATIC");
	}
	bird_bfd_protocol_write(f, t, at);
	fclose(f);
	return text;
}
