/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/config/plan.h"

#include <stdio.h>
#include <string.h>

#include "testbed/config/parts.h"

/*
 * A router has hardware of its own for BFD, and shares it with no other router. Less than what
 * the users have (testbed/users.c), who measure.
 */
#define HURRY_NICE (-10)

json_t *json_addr(struct addr addr)
{
	char text[ADDR_TEXT_SIZE];

	return json_string(addr_format(&addr, text));
}

json_t *json_prefix(struct prefix prefix)
{
	char text[PREFIX_TEXT_SIZE];

	return json_string(prefix_format(&prefix, text));
}

void part_daemon(json_t *setup, const char *name, const char *events, const char *const *argv)
{
	json_t *args = json_array();

	for (; *argv; argv++)
		json_array_append_new(args, json_string(*argv));
	json_array_append_new(
		json_object_get(setup, "daemons"),
		json_pack("{s:s, s:o, s:s?}", "name", name, "argv", args, "events", events));
}

void part_daemon_hurry(json_t *setup)
{
	json_t *daemons = json_object_get(setup, "daemons");

	json_object_set_new(json_array_get(daemons, json_array_size(daemons) - 1), "nice",
			    json_integer(HURRY_NICE));
}

void part_file(json_t *setup, const char *name, char *text)
{
	char path[128];

	snprintf(path, sizeof(path), PLAN_DIR "/%s", name);
	json_object_set_new(json_object_get(setup, "files"), path, json_string(text));
	free(text);
}

static const char *addr_with_length(const struct addr *addr, unsigned len,
				    char buf[PREFIX_TEXT_SIZE])
{
	/* Not a prefix in the sense of prefix_format(): the host's bits stay. */
	struct prefix p = { .addr = *addr, .len = (uint8_t)len };

	return prefix_format(&p, buf);
}

static json_t *addrs_of_end(const struct topology_end *end, bool lan)
{
	char v4[PREFIX_TEXT_SIZE], v6[PREFIX_TEXT_SIZE], ll[PREFIX_TEXT_SIZE];

	return json_pack("[s, s, s]", addr_with_length(&end->addr[0], lan ? 24 : 31, v4),
			 addr_with_length(&end->addr[1], lan ? 64 : 127, v6),
			 addr_with_length(&end->link_local, 64, ll));
}

/* Permanent entries: ARP would add a round trip to the first packet of a flow. */
static json_t *peers_of_end(const struct topology_end *far)
{
	json_t *peers = json_array();
	char mac[MAC_TEXT_SIZE];

	mac_format(far->mac, mac);
	json_array_append_new(peers, json_pack("[o, s]", json_addr(far->addr[0]), mac));
	json_array_append_new(peers, json_pack("[o, s]", json_addr(far->addr[1]), mac));
	json_array_append_new(peers, json_pack("[o, s]", json_addr(far->link_local), mac));
	return peers;
}

static json_t *links_of(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	json_t *links = json_array();

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		unsigned end = topology_end_at(l, at);
		char mac[MAC_TEXT_SIZE];

		json_array_append_new(links, json_pack("{s:I, s:i, s:s, s:s, s:b, s:o, s:o}",
						       "link", (json_int_t)node->links[i], "end",
						       (int)end, "name", l->end[end].iface, "mac",
						       mac_format(l->end[end].mac, mac), "offload",
						       !scenario_wants_continuity(t->scenario),
						       "addrs", addrs_of_end(&l->end[end], l->lan),
						       "peers", peers_of_end(&l->end[!end])));
	}
	return links;
}

/* A host has one wire and its default route on it, from its own address. */
static void host_routes_add(json_t *setup, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	const struct topology_link *l = &t->links[node->links[0]];
	const struct topology_end *far = &l->end[!topology_end_at(l, at)];

	for (unsigned family = 0; family < 2; family++)
		json_array_append_new(json_object_get(setup, "routes"),
				      json_pack("{s:s, s:o, s:o}", "dst",
						family ? "::/0" : "0.0.0.0/0", "via",
						json_addr(far->addr[family]), "source",
						json_addr(node->addr[family])));
}

static void lo_add(json_t *setup, const struct addr *addr)
{
	char text[PREFIX_TEXT_SIZE];

	if (addr->family != ADDR_NONE)
		json_array_append_new(
			json_object_get(setup, "lo"),
			json_string(addr_with_length(addr, addr_bits(addr->family), text)));
}

json_t *plan_sysctls(enum node_kind kind)
{
	bool forwards = kind == NODE_ROUTER || kind == NODE_EDGE;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", /**/
			 "net/ipv4/ip_forward", forwards ? "1" : "0",			 /**/
			 "net/ipv6/conf/all/forwarding", forwards ? "1" : "0",		 /**/
			 "net/ipv4/conf/all/rp_filter", "0",				 /**/
			 "net/ipv4/conf/default/rp_filter", "0",			 /**/
			 "net/ipv6/conf/default/accept_dad", "0",			 /**/
			 "net/ipv6/conf/default/dad_transmits", "0",			 /**/
			 "net/ipv6/conf/default/accept_ra", "0",			 /**/
			 "net/ipv6/conf/default/addr_gen_mode", "1",			 /**/
			 "net/ipv4/fib_multipath_hash_policy", "1",			 /**/
			 "net/ipv6/fib_multipath_hash_policy", "1",			 /**/
			 "net/ipv4/icmp_ratelimit", "0", "net/ipv6/icmp/ratelimit", "0");
}

json_t *plan_node(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	json_t *setup = json_pack("{s:s, s:s, s:o, s:o, s:[], s:[], s:{}, s:b, s:[]}", "type",
				  "setup", "node", node->name, "sysctls", plan_sysctls(node->kind),
				  "links", links_of(t, at), "lo", "routes", "files", "watch_routes",
				  node->kind == NODE_ROUTER || node->kind == NODE_EDGE, "daemons");

	for (unsigned family = 0; family < 2; family++)
		lo_add(setup, &node->addr[family]);
	switch (node->kind) {
	case NODE_ROUTER:
		part_router(setup, t, at);
		break;
	case NODE_POP:
		part_pop(setup, t, at);
		break;
	case NODE_EDGE:
		part_edge(setup, t, at);
		break;
	case NODE_NAMESERVER:
		host_routes_add(setup, t, at);
		part_nameserver(setup, t, at);
		break;
	case NODE_CLIENT:
		host_routes_add(setup, t, at);
		part_resolver(setup, t, at);
		break;
	}
	return setup;
}

unsigned plan_first_user(const struct scenario *s, size_t client)
{
	unsigned first = 1;

	for (size_t i = 0; i < client; i++)
		first += s->clients[i].users;
	return first;
}

json_t *plan_client(const struct topology *t, size_t index, unsigned trial, int64_t start_ns)
{
	const struct scenario *s = t->scenario;
	const struct scenario_client *client = &s->clients[index];
	json_t *variants = json_array(), *traffic = json_array();
	char resolver[ADDR_TEXT_SIZE + 4], zone[80];
	struct addr addr = topology_host(topology_client_prefix(index, 0), RESOLVER_HOST);
	char text[ADDR_TEXT_SIZE];

	for (size_t v = 0; v < s->variant_count; v++) {
		snprintf(zone, sizeof(zone), "%s.lab.test", s->variants[v].name);
		json_array_append_new(variants, json_pack("{s:s, s:s}", "name", s->variants[v].name,
							  "zone", zone));
	}
	for (size_t i = 0; i < client->traffic_count; i++)
		json_array_append_new(traffic,
				      json_pack("{s:s, s:i}", "kind",
						traffic_kind_name(client->traffic[i].kind),
						"period_ms", (int)client->traffic[i].period_ms));
	snprintf(resolver, sizeof(resolver), "%s:53", addr_format(&addr, text));
	return json_pack(
		"{s:i, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:s, s:o, s:o, s:I}", "version",
		1, "group", client->name, "seed",
		(json_int_t)((s->seed + (uint64_t)trial * 1000003 + index * 7919) & INT64_MAX),
		"users", (int)client->users, "first_user", (int)plan_first_user(s, index),
		"timeout_ms", 1000, "session_timeout_ms", 30000, "ramp_ms", (int)s->ramp_ms,
		"resolver", resolver, "family", 4, "cache", client->cache, "variants", variants,
		"traffic", traffic, "start_ns", (json_int_t)start_ns);
}
