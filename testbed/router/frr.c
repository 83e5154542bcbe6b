/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order within the text matters: a neighbor that names a route-map which comes later would be
 * told of it only after bgpd's "route-map delay-timer", five seconds after it is complete.
 */
#include "testbed/router/frr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/router/policy.h"

/* Worse than OSPF's 110: what its routes replace. */
#define FIRST_DISTANCE 250
#define KEEPALIVE      (POLICY_HOLD_TIME / 3)

static const char *const ip_names[] = { "ip", "ipv6" };
static const char *const family_names[] = { "ipv4", "ipv6" };
static const char *const default_texts[] = { "0.0.0.0/0", "::/0" };

/* "ge" must be longer than the prefix, and says nothing when it is not. */
static void range_write(FILE *f, unsigned family, const char *list, unsigned seq,
			const struct policy_range *range)
{
	unsigned len = (unsigned)strtoul(strchr(range->prefix, '/') + 1, NULL, 10);

	fprintf(f, "%s prefix-list %s seq %u permit %s", ip_names[family], list, seq,
		range->prefix);
	if (range->least > len)
		fprintf(f, " ge %u", range->least);
	fprintf(f, " le %u\n", range->most);
}

static void ranges_write(FILE *f, unsigned family, const char *list, unsigned seq,
			 const struct policy_range *range)
{
	for (; range->prefix; range++, seq += 10)
		range_write(f, family, list, seq, range);
}

void frr_pop_lists_write(FILE *f, const char *name, size_t pop)
{
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, "%s prefix-list %s seq 10 permit %s\n", ip_names[family], name,
			policy_prefix_text(topology_identity_prefix(pop, family)));
		ranges_write(f, family, name, 20, policy_services(family));
	}
}

/* Those below are deleted on the way in, before the route gets its own. */
static void communities_write(FILE *f, uint32_t asn)
{
	for (size_t i = 0; i < POLICY_CLASSES; i++)
		fprintf(f, "bgp community-list standard marks seq %zu permit %u:%u\n", 10 * (i + 1),
			asn, policy_classes[i].mark);
	fprintf(f,
		"bgp community-list standard customer seq 10 permit %u:%u\n"
		"bgp community-list standard lowered seq 10 permit %u:%d\n"
		"bgp community-list standard shutdown seq 10 permit 65535:0\n"
		"bgp as-path access-list own seq 10 permit ^$\n",
		asn, policy_classes[0].mark, asn, POLICY_LOWERED);
}

/* A route map for routes of one class. */
struct class_map {
	FILE *f;
	const char *name;
	uint32_t asn;
	unsigned mark;
};

static void entry_write(const struct class_map *map, unsigned seq, unsigned local_pref,
			const char *match)
{
	fprintf(map->f,
		"route-map %s permit %u\n%s"
		" set comm-list marks delete\n"
		" set community %u:%u additive\n"
		" set local-preference %u\nexit\n",
		map->name, seq, match, map->asn, map->mark, local_pref);
}

/*
 * The first entry that matches decides, so the strongest wish comes first. list: the prefixes of a
 * pop whose users shall go elsewhere; NULL: it is no pop's.
 */
static void class_write(FILE *f, const char *name, const struct policy_class *class, uint32_t asn,
			bool deaf, const char *list)
{
	const struct class_map map = { f, name, asn, class->mark };
	char match[64];

	if (!deaf)
		entry_write(&map, 10, 0, " match community shutdown\n");
	for (unsigned family = 0; list && family < 2; family++) {
		snprintf(match, sizeof(match), " match %s address prefix-list %s\n",
			 ip_names[family], list);
		entry_write(&map, 15 + family, POLICY_SHIFTED, match);
	}
	if (!deaf)
		entry_write(&map, 20, POLICY_LOWERED, " match community lowered\n");
	entry_write(&map, 30, class->local_pref, "");
}

/* Entries are replaced, not added: the list may be there. */
static void shift_list_write(FILE *f, const struct topology *t, unsigned number, bool shifted)
{
	struct prefix shared[SCENARIO_VARIANTS_MAX];

	for (unsigned family = 0; family < 2; family++) {
		size_t count = policy_shared(t, family, shared);

		for (size_t i = 0; i < count; i++)
			fprintf(f, "%s prefix-list shift_%u seq %zu %s %s\n", ip_names[family],
				number, 10 * (i + 1), shifted ? "permit" : "deny",
				policy_prefix_text(shared[i]));
		fprintf(f, "%s prefix-list shift_%u seq 1000 deny any\n", ip_names[family], number);
	}
}

static void pop_policy_write(FILE *f, const struct topology *t, size_t at, size_t pop,
			     unsigned number)
{
	char list[16], map[24];

	snprintf(list, sizeof(list), "pop_%u", number);
	frr_pop_lists_write(f, list, pop);
	shift_list_write(f, t, number, false);
	snprintf(list, sizeof(list), "shift_%u", number);
	snprintf(map, sizeof(map), "from_pop_%u", number);
	class_write(f, map, &policy_classes[0], topology_asn(t, at), policy_is_deaf(t, at), list);
}

static void policies_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	uint32_t asn = policy_asn(t, node);
	char map[24];

	for (unsigned family = 0; family < 2; family++) {
		ranges_write(f, family, "global", 10, policy_global(family));
		fprintf(f, "%s prefix-list default seq 10 permit %s\n", ip_names[family],
			default_texts[family]);
	}
	communities_write(f, asn);
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		unsigned end = topology_end_at(l, at);

		if (policy_role_of(t, l, end) == POLICY_POP)
			pop_policy_write(f, t, at, t->nodes[l->end[!end].node].index,
					 (unsigned)i + 1);
	}
	for (size_t i = 0; i < POLICY_CLASSES; i++) {
		snprintf(map, sizeof(map), "from_%s", policy_classes[i].name);
		class_write(f, map, &policy_classes[i], asn, policy_is_deaf(t, at), NULL);
	}
	/* Own routes, whichever router of the network has them, and customers'. */
	fprintf(f, "route-map to_others permit 10\n match as-path own\nexit\n"
		   "route-map to_others permit 20\n match community customer\nexit\n");
	/* IPv6 over an IPv4 session: which address of the loopback interface is ours. */
	fprintf(f, "route-map to_inside permit 10\n set ipv6 next-hop global %s\nexit\n",
		policy_addr_text(&node->addr[1]));
}

static void routes_write(FILE *f, unsigned family, const struct policy_route *routes, size_t count,
			 const char *distance)
{
	for (size_t i = 0; i < count; i++)
		fprintf(f, "%s route %s %s%s\n", ip_names[family],
			policy_prefix_text(routes[i].dst),
			routes[i].via ? policy_addr_text(routes[i].via) : "reject", distance);
}

static void statics_write(FILE *f, const struct topology *t, size_t at, unsigned family)
{
	struct policy_route *routes = xcalloc(1 + t->nodes[at].link_count, sizeof(*routes));
	char distance[8];

	routes_write(f, family, routes, policy_own_routes(t, at, family, routes), "");
	fprintf(f, "%s route %s reject\n", ip_names[family], default_texts[family]);
	snprintf(distance, sizeof(distance), " %d", FIRST_DISTANCE);
	routes_write(f, family, routes, policy_first_routes(t, at, family, routes), distance);
	free(routes);
}

/* A wire between two routers of the network, in one version of OSPF; last the word to begin. */
static void ospf_wire_write(FILE *f, const char *ospf, int cost)
{
	fprintf(f,
		" %s network point-to-point\n %s cost %d\n %s hello-interval %d\n"
		" %s dead-interval %d\n %s area 0\n",
		ospf, ospf, cost, ospf, POLICY_OSPF_HELLO, ospf, POLICY_OSPF_DEAD, ospf);
}

static void ospf_stub_write(FILE *f, const char *iface)
{
	fprintf(f,
		"interface %s\n ip ospf area 0\n ip ospf passive\n ipv6 ospf6 area 0\n"
		" ipv6 ospf6 passive\nexit\n",
		iface);
}

static void ospf_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	const char *id = policy_addr_text(&node->addr[0]);

	fprintf(f,
		"router ospf\n ospf router-id %s\nexit\nrouter ospf6\n ospf6 router-id %s\nexit\n",
		id, id);
	ospf_stub_write(f, "lo");
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const char *iface = l->end[topology_end_at(l, at)].iface;

		if (!l->internal) {
			ospf_stub_write(f, iface);
			continue;
		}
		fprintf(f, "interface %s\n", iface);
		ospf_wire_write(f, "ip ospf", policy_ospf_cost(l));
		ospf_wire_write(f, "ipv6 ospf6", policy_ospf_cost(l));
		fprintf(f, "exit\n");
	}
}

/* How fast, for each pop whose wire has it; and let the log say what changes. */
void frr_bfd_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];

	if (!topology_has_bfd(t, at))
		return;
	for (unsigned family = 0; family < 2; family++)
		fprintf(f, "%s prefix-list nothing seq 10 deny any\n", ip_names[family]);
	fprintf(f, "debug bfd peer\nbfd\n");
	for (size_t i = 0; i < node->link_count; i++) {
		const struct scenario_bfd *bfd = t->links[node->links[i]].bfd;

		if (bfd)
			fprintf(f,
				" profile pop_%zu\n  detect-multiplier %u\n  receive-interval %u\n"
				"  transmit-interval %u\n exit\n",
				i + 1, bfd->multiplier, bfd->interval_ms, bfd->interval_ms);
	}
	fprintf(f, "exit\n");
}

/* A session from a link's end, or inside (link NULL). */
struct neighbor {
	const struct topology_node *peer;
	const struct addr *local, *remote;
	enum policy_role role;
	unsigned number;
	unsigned mrai_s;
	bool bfd; /* the second session of a pop's wire, over IPv6 (topology.h) */
};

static void neighbor_write(FILE *f, const struct topology *t, const struct neighbor *n)
{
	const char *remote = policy_addr_text(n->remote);

	fprintf(f,
		" neighbor %s remote-as %u\n neighbor %s description %s%s\n"
		" neighbor %s update-source %s\n neighbor %s timers %d %d\n"
		" neighbor %s timers connect 1\n neighbor %s advertisement-interval %u\n",
		remote, policy_asn(t, n->peer), remote, n->peer->name, n->bfd ? ", BFD" : "",
		remote, policy_addr_text(n->local), remote, KEEPALIVE, POLICY_HOLD_TIME, remote,
		remote, n->mrai_s);
	if (n->role == POLICY_POP) /* the pop dials, so a new one is back at once */
		fprintf(f, " neighbor %s passive\n", remote);
	if (n->bfd)
		fprintf(f, " neighbor %s bfd\n neighbor %s bfd profile pop_%u\n", remote, remote,
			n->number);
}

/* Inside its own network a router tells all, a pop by its second session nothing. */
static const char *told_to(const struct neighbor *n)
{
	return n->bfd ? "nothing" : n->role == POLICY_POP ? "default" : "global";
}

static void neighbor_family_write(FILE *f, const struct neighbor *n, unsigned family)
{
	static const char *const import[] = { [POLICY_CUSTOMER] = "from_customer",
					      [POLICY_PEER] = "from_peer",
					      [POLICY_PROVIDER] = "from_provider" };
	const char *remote = policy_addr_text(n->remote);

	fprintf(f, "  neighbor %s activate\n", remote);
	if (n->role == POLICY_INTERNAL) {
		fprintf(f, "  neighbor %s next-hop-self\n", remote);
		if (family == 1)
			fprintf(f, "  neighbor %s route-map to_inside out\n", remote);
		return;
	}
	if (n->role == POLICY_POP)
		fprintf(f,
			"  neighbor %s prefix-list pop_%u in\n"
			"  neighbor %s route-map from_pop_%u in\n",
			remote, n->number, remote, n->number);
	else
		fprintf(f, "  neighbor %s route-map %s in\n", remote, import[n->role]);
	fprintf(f, "  neighbor %s prefix-list %s out\n", remote, told_to(n));
	if (n->role == POLICY_PEER || n->role == POLICY_PROVIDER)
		fprintf(f, "  neighbor %s route-map to_others out\n", remote);
}

/* All sessions of a router; the caller frees them. */
static struct neighbor *neighbors_new(const struct topology *t, size_t at, size_t *count)
{
	const struct topology_node *node = &t->nodes[at];
	struct neighbor *all = xcalloc(t->node_count + 2 * node->link_count, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < t->node_count; i++) {
		if (policy_is_inside(t, at, i))
			all[n++] = (struct neighbor){ .peer = &t->nodes[i],
						      .local = &node->addr[0],
						      .remote = &t->nodes[i].addr[0],
						      .role = POLICY_INTERNAL };
	}
	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		unsigned end = topology_end_at(l, at);
		enum policy_role role = policy_role_of(t, l, end);

		if (role != POLICY_INTERNAL && role != POLICY_HOST)
			all[n++] = (struct neighbor){ .peer = &t->nodes[l->end[!end].node],
						      .local = &l->end[end].addr[0],
						      .remote = &l->end[!end].addr[0],
						      .role = role,
						      .number = (unsigned)i + 1,
						      .mrai_s = l->end[end].mrai_s };
		if (l->bfd)
			all[n++] = (struct neighbor){ .peer = &t->nodes[l->end[!end].node],
						      .local = &l->end[end].addr[1],
						      .remote = &l->end[!end].addr[1],
						      .role = POLICY_POP,
						      .number = (unsigned)i + 1,
						      .bfd = true };
	}
	*count = n;
	return all;
}

static void own_networks_write(FILE *f, const struct topology *t, size_t at, unsigned family)
{
	struct policy_route *routes = xcalloc(1 + t->nodes[at].link_count, sizeof(*routes));
	size_t count = policy_own_routes(t, at, family, routes);

	for (size_t i = 0; i < count; i++)
		fprintf(f, "  network %s\n", policy_prefix_text(routes[i].dst));
	fprintf(f, "  network %s\n", default_texts[family]);
	free(routes);
}

static void bgp_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	size_t count;
	struct neighbor *all = neighbors_new(t, at, &count);

	fprintf(f,
		"router bgp %u\n bgp router-id %s\n bgp log-neighbor-changes\n"
		" no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n"
		" no bgp network import-check\n bgp bestpath compare-routerid\n"
		" coalesce-time 0\n",
		policy_asn(t, node), policy_addr_text(&node->addr[0]));
	for (size_t i = 0; i < count; i++)
		neighbor_write(f, t, &all[i]);
	for (unsigned family = 0; family < 2; family++) {
		fprintf(f, " address-family %s unicast\n", family_names[family]);
		own_networks_write(f, t, at, family);
		fprintf(f, "  maximum-paths 1\n  maximum-paths ibgp 1\n");
		for (size_t i = 0; i < count; i++)
			neighbor_family_write(f, &all[i], family);
		fprintf(f, " exit-address-family\n");
	}
	fprintf(f, "exit\n");
	free(all);
}

char *frr_router_config(const struct topology *t, size_t at)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	/* The kernel's routes shall name their gateways, not numbers of nexthop objects. */
	fprintf(f, "! %s\nno zebra nexthop kernel enable\n", t->nodes[at].name);
	policies_write(f, t, at);
	for (unsigned family = 0; family < 2; family++)
		statics_write(f, t, at, family);
	if (!policy_is_alone(t, at))
		ospf_write(f, t, at);
	frr_bfd_write(f, t, at);
	bgp_write(f, t, at);
	fclose(f);
	return text;
}

char *frr_shift_config(const struct topology *t, size_t at, const bool *shifted)
{
	const struct topology_node *node = &t->nodes[at];
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		unsigned end = topology_end_at(l, at);

		if (policy_role_of(t, l, end) == POLICY_POP)
			shift_list_write(f, t, (unsigned)i + 1,
					 shifted[t->nodes[l->end[!end].node].index]);
	}
	fclose(f);
	return text;
}

char *frr_shift_again(const struct topology *t, size_t at)
{
	char *text = NULL;
	size_t len, count;
	FILE *f = open_memstream(&text, &len);
	struct neighbor *all = neighbors_new(t, at, &count);

	fprintf(f, "vtysh");
	for (size_t i = 0; i < count; i++) {
		for (unsigned family = 0; family < 2 && all[i].role == POLICY_POP; family++)
			fprintf(f, " -c 'clear bgp %s unicast %s soft in'", family_names[family],
				policy_addr_text(all[i].remote));
	}
	free(all);
	fclose(f);
	return text;
}

const char *const *frr_router_daemons(const struct topology *t, size_t at)
{
	/* By whether it is alone in its network, and whether there is BFD. */
	static const char *const daemons[2][2][7] = {
		{ { "zebra", "staticd", "bgpd", "ospfd", "ospf6d" },
		  { "zebra", "staticd", "bfdd", "bgpd", "ospfd", "ospf6d" } },
		{ { "zebra", "staticd", "bgpd" }, { "zebra", "staticd", "bfdd", "bgpd" } },
	};

	return daemons[policy_is_alone(t, at)][topology_has_bfd(t, at)];
}
