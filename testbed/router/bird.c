/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/router/bird.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"

/* Between routers that nobody kills: long enough never to matter. */
#define ROUTER_HOLD_TIME 90

static const char *const family_names[] = { "ipv4", "ipv6" };

static unsigned ip_version(unsigned family)
{
	return family == 0 ? 4 : 6;
}

static unsigned host_bits(unsigned family)
{
	return family == 0 ? 32 : 128;
}

/* What a link's far end is to us. */
enum role { ROLE_INTERNAL, ROLE_CUSTOMER, ROLE_PEER, ROLE_PROVIDER, ROLE_POP, ROLE_HOST };

static enum role role_of(const struct topology *t, const struct topology_link *l, unsigned end)
{
	const struct topology_node *peer = &t->nodes[l->end[!end].node];

	if (l->internal)
		return ROLE_INTERNAL;
	if (peer->kind == NODE_POP)
		return ROLE_POP;
	if (peer->kind != NODE_ROUTER)
		return ROLE_HOST;
	if (l->relation == RELATION_PEER)
		return ROLE_PEER;
	/* relation says what end 0 is to end 1 */
	return (l->relation == RELATION_CUSTOMER) == (end == 1) ? ROLE_CUSTOMER : ROLE_PROVIDER;
}

static uint32_t asn_of(const struct topology *t, const struct topology_node *node)
{
	return node->kind == NODE_POP ? POP_ASN : t->scenario->networks[node->network].asn;
}

static const char *text_of(const struct addr *addr)
{
	static _Thread_local char buf[4][ADDR_TEXT_SIZE];
	static _Thread_local unsigned turn;

	return addr_format(addr, buf[turn++ % 4]);
}

static const char *prefix_text(struct prefix prefix)
{
	static _Thread_local char buf[4][PREFIX_TEXT_SIZE];
	static _Thread_local unsigned turn;

	return prefix_format(&prefix, buf[turn++ % 4]);
}

static void head_write(FILE *f, const struct topology_node *node, const struct addr *router_id)
{
	fprintf(f, "# %s\nlog stderr { info, error, fatal, bug };\n", node->name);
	fprintf(f, "router id %s;\n", text_of(router_id));
	fprintf(f, "protocol device { scan time 60; }\n");
}

static void filters_write(FILE *f, uint32_t asn)
{
	static const struct {
		const char *name;
		unsigned mark, pref;
	} roles[] = { { "customer", 1, 200 }, { "peer", 2, 150 }, { "provider", 3, 100 } };

	for (size_t i = 0; i < 3; i++) {
		fprintf(f,
			"filter from_%s {\n"
			"\tbgp_community.delete([(%u, 1..3)]);\n"
			"\tbgp_community.add((%u, %u));\n"
			"\tbgp_local_pref = %u;\n"
			"\tif (%u, 40) ~ bgp_community then bgp_local_pref = 40;\n"
			"\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n"
			"\taccept;\n}\n",
			roles[i].name, asn, asn, roles[i].mark, roles[i].pref, asn);
	}
	/* Host routes and the default stay inside. */
	fprintf(f,
		"function is_global() {\n"
		"\tif net.type = NET_IP4 then\n"
		"\t\treturn net ~ [ 10.0.0.0/8{16,24}, 100.64.0.0/10{24,24}, 198.18.0.0/15{19,24} ];\n"
		"\treturn net ~ [ 2001:db8::/32{36,48} ];\n}\n");
	fprintf(f, "filter to_customer { if is_global() then accept; reject; }\n");
	fprintf(f,
		"filter to_others {\n"
		"\tif is_global() && (source = RTS_STATIC || (%u, 1) ~ bgp_community) then "
		"accept;\n"
		"\treject;\n}\n",
		asn);
	fprintf(f,
		"filter to_inside {\n\tif proto ~ \"first*\" then reject;\n\tif source = RTS_STATIC || source = RTS_BGP then accept; "
		"reject; }\n");
}

/* The network's own prefix, its users, its nameservers, and the default for pops. */
static void statics_write(FILE *f, const struct topology *t, size_t at, unsigned family)
{
	const struct topology_node *node = &t->nodes[at];

	fprintf(f, "protocol static own%u {\n\t%s;\n", ip_version(family), family_names[family]);
	fprintf(f, "\troute %s unreachable;\n",
		prefix_text(topology_network_prefix(node->network, family)));
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const struct topology_end *far = &l->end[!topology_end_at(l, at)];
		const struct topology_node *host = &t->nodes[far->node];
		const char *via = text_of(&far->addr[family]);

		if (host->kind == NODE_CLIENT)
			fprintf(f, "\troute %s via %s;\n",
				prefix_text(topology_client_prefix(host->index, family)), via);
		else if (host->kind == NODE_NAMESERVER)
			fprintf(f, "\troute %s/%u via %s;\n", text_of(&host->addr[family]),
				host_bits(family), via);
	}
	fprintf(f, "}\nprotocol static default%u {\n\t%s;\n\troute %s unreachable;\n}\n",
		ip_version(family), family_names[family], family ? "::/0" : "0.0.0.0/0");
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
				"\t\tinterface \"%s\" { type ptp; cost %d; hello 1; dead count 4; "
				"};\n",
				near->iface, (int)fmax(1, fmin(65535, round(l->delay_ms * 10))));
	}
	fprintf(f, "\t\tinterface \"*\" { stub yes; };\n\t};\n}\n");
}

/*
 * OSPF will not say a second time within 5 s (MinLSInterval) what a router is linked to, and the
 * first time it has no links yet. Until then the direct wire leads to each peer's loopback.
 */
static void first_routes_write(FILE *f, const struct topology *t, size_t at, unsigned family)
{
	const struct topology_node *node = &t->nodes[at];

	fprintf(f, "protocol static first%u {\n\t%s { preference 10; };\n", ip_version(family),
		family_names[family]);
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const struct topology_end *far = &l->end[!topology_end_at(l, at)];

		if (l->internal)
			fprintf(f, "\troute %s/%u via %s;\n",
				text_of(&t->nodes[far->node].addr[family]), host_bits(family),
				text_of(&far->addr[family]));
	}
	fprintf(f, "}\n");
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

		if (i == at || peer->kind != NODE_ROUTER || peer->network != node->network)
			continue;
		fprintf(f,
			"protocol bgp inside_%u { # %s\n"
			"\tlocal %s as %u;\n\tneighbor %s as %u;\n"
			"\thold time %d;\n\tconnect delay time 1;\n\tconnect retry time 1;\n"
			"\terror wait time 1, 2;\n"
			"\tipv4 { next hop self; import all; export filter to_inside; };\n"
			"\tipv6 { next hop self; next hop address %s; import all; "
			"export filter to_inside; };\n}\n",
			++n, peer->name, text_of(&node->addr[0]), asn_of(t, node),
			text_of(&peer->addr[0]), asn_of(t, peer), ROUTER_HOLD_TIME,
			text_of(&node->addr[1]));
	}
}

static void ebgp_peer_write(FILE *f, const struct topology *t, const struct topology_end *near,
			    const struct topology_end *far, enum role role, unsigned n)
{
	static const char *const import[] = { [ROLE_CUSTOMER] = "from_customer",
					      [ROLE_POP] = "from_customer",
					      [ROLE_PEER] = "from_peer",
					      [ROLE_PROVIDER] = "from_provider" };
	static const char *const export[] = { [ROLE_CUSTOMER] = "filter to_customer",
					      [ROLE_PEER] = "filter to_others",
					      [ROLE_PROVIDER] = "filter to_others",
					      [ROLE_POP] = "where net.len = 0" };
	const struct topology_node *peer = &t->nodes[far->node];

	fprintf(f, "protocol bgp %s_%u { # %s\n", role == ROLE_POP ? "pop" : "peer", n, peer->name);
	fprintf(f, "\tlocal %s as %u;\n\tneighbor %s as %u;\n", text_of(&near->addr[0]),
		asn_of(t, &t->nodes[near->node]), text_of(&far->addr[0]), asn_of(t, peer));
	fprintf(f, "\thold time %d;\n\terror wait time 1, 2;\n", ROUTER_HOLD_TIME);
	if (role == ROLE_POP)
		fprintf(f, "\tpassive yes;\n"); /* the pop dials, so a new one is back at once */
	else
		fprintf(f, "\tconnect delay time 1;\n\tconnect retry time 1;\n");
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, "\t%s { import filter ", family_names[family]);
		if (role == ROLE_POP)
			fprintf(f, "from_pop_%u", n);
		else
			fprintf(f, "%s", import[role]);
		fprintf(f, "; export %s; };\n", export[role]);
	}
	fprintf(f, "}\n");
}

/* A pop may announce service prefixes and its own identity, nothing else. */
static void pop_filter_write(FILE *f, const struct topology_node *pop, uint32_t asn, unsigned n)
{
	fprintf(f,
		"filter from_pop_%u {\n"
		"\tif net.type = NET_IP4 then {\n"
		"\t\tif ! (net ~ [ %s, 198.18.0.0/15{19,24} ]) then reject;\n"
		"\t} else {\n"
		"\t\tif ! (net ~ [ %s, 2001:db8::/33{36,48}, 2001:db8:8000::/34{36,48},\n"
		"\t\t\t2001:db8:c000::/35{36,48}, 2001:db8:e000::/36{36,48} ]) then reject;\n"
		"\t}\n"
		"\tbgp_community.delete([(%u, 1..3)]);\n\tbgp_community.add((%u, 1));\n"
		"\tbgp_local_pref = 200;\n"
		"\tif (%u, 40) ~ bgp_community then bgp_local_pref = 40;\n"
		"\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n"
		"\taccept;\n}\n",
		n, prefix_text(topology_identity_prefix(pop->index, 0)),
		prefix_text(topology_identity_prefix(pop->index, 1)), asn, asn, asn);
}

static void ebgp_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		unsigned end = topology_end_at(l, at);
		enum role role = role_of(t, l, end);

		if (role == ROLE_INTERNAL || role == ROLE_HOST)
			continue;
		if (role == ROLE_POP)
			pop_filter_write(f, &t->nodes[l->end[!end].node], asn_of(t, node),
					 (unsigned)i + 1);
		ebgp_peer_write(f, t, &l->end[end], &l->end[!end], role, (unsigned)i + 1);
	}
}

char *bird_router_config(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	bool alone = t->scenario->networks[node->network].place_count == 1;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	head_write(f, node, &node->addr[0]);
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, "protocol kernel { %s { import none; export all; }; scan time 60; }\n",
			family_names[family]);
		statics_write(f, t, at, family);
		if (!alone) {
			ospf_write(f, t, at, family);
			first_routes_write(f, t, at, family);
		}
	}
	filters_write(f, asn_of(t, node));
	ibgp_write(f, t, at);
	ebgp_write(f, t, at);
	fclose(f);
	return text;
}

static void pop_statics_write(FILE *f, const struct topology *t, const struct topology_node *pop,
			      unsigned family)
{
	fprintf(f, "protocol static vips%u {\n\t%s;\n\troute %s unreachable;\n", ip_version(family),
		family_names[family], prefix_text(topology_identity_prefix(pop->index, family)));
	for (size_t v = 0; v < t->scenario->variant_count; v++) {
		size_t slot = t->scenario->variants[v].mode == MODE_ANYCAST ? 0 : pop->index + 1;

		fprintf(f, "\troute %s unreachable;\n",
			prefix_text(topology_service_prefix(v, slot, family)));
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

	head_write(f, pop, &identity);
	for (unsigned family = 0; family < 2; family++)
		pop_statics_write(f, t, pop, family);
	for (size_t i = 0; i < pop->link_count; i++) {
		const struct topology_link *l = &t->links[pop->links[i]];
		unsigned end = topology_end_at(l, at);
		const struct topology_node *peer = &t->nodes[l->end[!end].node];

		fprintf(f,
			"protocol bgp up_%zu { # %s\n\tlocal %s as %d;\n\tneighbor %s as %u;\n"
			"\thold time %u;\n\tconnect delay time 1;\n\tconnect retry time 1;\n"
			"\terror wait time 1, 2;\n",
			i + 1, peer->name, text_of(&l->end[end].addr[0]), POP_ASN,
			text_of(&l->end[!end].addr[0]), asn_of(t, peer), t->scenario->hold_time);
		for (unsigned family = 0; family < 2; family++)
			fprintf(f,
				"\t%s { import where net ~ [ %s ]; export where source = "
				"RTS_STATIC; };\n",
				family_names[family], family ? "::/0" : "0.0.0.0/0");
		fprintf(f, "}\n");
	}
	fclose(f);
	return text;
}
