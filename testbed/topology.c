/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/topology.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/profile.h"

#define KM_PER_MS 200.0 /* light in fibre */
#define NO_NODE	  SIZE_MAX

/* What the functions below build up together. */
struct builder {
	struct topology *t;
	const struct scenario *s;
	struct conf_error *err;
	size_t node_room, link_room;
	unsigned wires_of_network[SCENARIO_NETWORKS_MAX];
};

const char *mac_format(const uint8_t mac[MAC_SIZE], char buf[MAC_TEXT_SIZE])
{
	snprintf(buf, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}

unsigned topology_end_at(const struct topology_link *link, size_t node)
{
	return link->end[1].node == node;
}

bool topology_has_bfd(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];

	for (size_t i = 0; i < node->link_count; i++) {
		if (t->links[node->links[i]].bfd)
			return true;
	}
	return false;
}

/* Pops are of no network. */
bool topology_link_is_uplink(const struct topology *t, const struct topology_link *link,
			     unsigned *router)
{
	for (unsigned e = 0; e < 2; e++) {
		if (t->nodes[link->end[e].node].kind == NODE_ROUTER &&
		    t->nodes[link->end[!e].node].network == NO_NETWORK) {
			*router = e;
			return true;
		}
	}
	return false;
}

size_t topology_uplink_pop(const struct topology *t, size_t node, const struct addr *far)
{
	for (size_t i = 0; i < t->nodes[node].link_count; i++) {
		const struct topology_link *l = &t->links[t->nodes[node].links[i]];
		const struct topology_end *end = &l->end[!topology_end_at(l, node)];
		unsigned router;

		if (topology_link_is_uplink(t, l, &router) &&
		    (addr_equal(&end->addr[0], far) || addr_equal(&end->addr[1], far) ||
		     addr_equal(&end->link_local, far)))
			return t->nodes[l->end[!router].node].index;
	}
	return SIZE_MAX;
}

const struct topology_node *topology_find(const struct topology *t, const char *name)
{
	for (size_t i = 0; i < t->node_count; i++) {
		if (strcmp(t->nodes[i].name, name) == 0)
			return &t->nodes[i];
	}
	return NULL;
}

size_t topology_pop_nodes(const struct topology *t, size_t pop, size_t nodes[POP_NODES_MAX])
{
	size_t count = 0;

	/* The lbs come before the edges. */
	for (size_t i = 0; i < t->node_count && count < POP_NODES_MAX; i++) {
		const struct topology_node *node = &t->nodes[i];

		if ((node->kind == NODE_POP || node->kind == NODE_EDGE) && node->index == pop)
			nodes[count++] = i;
	}
	return count;
}

uint32_t topology_asn(const struct topology *t, size_t node)
{
	size_t network = t->nodes[node].network;

	return network == NO_NETWORK ? POP_ASN : t->scenario->networks[network].asn;
}

size_t topology_slot(const struct topology *t, size_t variant, size_t pop)
{
	return t->scenario->variants[variant].mode == MODE_ANYCAST ? 0 : pop + 1;
}

static struct topology_node *node_add(struct builder *b, const char *name, enum node_kind kind)
{
	struct topology *t = b->t;
	struct topology_node *node;

	if (t->node_count == b->node_room) {
		b->node_room = b->node_room ? 2 * b->node_room : 64;
		t->nodes = xreallocarray(t->nodes, b->node_room, sizeof(*t->nodes));
	}
	node = &t->nodes[t->node_count++];
	*node = (struct topology_node){ .name = name, .kind = kind, .network = NO_NETWORK };
	return node;
}

/* "t1" and "New York" make "t1-newyork". */
static const char *router_name(struct builder *b, const char *network, const char *city)
{
	char *name = arena_printf(b->t->arena, "%s-%s", network, city);
	char *out = name + strlen(network) + 1;

	for (const char *in = out; *in; in++) {
		if (*in != ' ')
			*out++ = (char)tolower((unsigned char)*in);
	}
	*out = '\0';
	return name;
}

static void routers_add(struct builder *b)
{
	for (size_t n = 0; n < b->s->network_count; n++) {
		const struct scenario_network *net = &b->s->networks[n];

		for (size_t r = 0; r < net->place_count; r++) {
			struct topology_node *node = node_add(b, net->name, NODE_ROUTER);

			node->index = r;
			node->network = n;
			node->place = net->places[r];
			if (net->place_count > 1)
				node->name = router_name(b, net->name, net->places[r].name);
			node->addr[0] =
				topology_host(topology_network_prefix(n, 0), (uint32_t)r + 1);
			node->addr[1] =
				topology_host(topology_network_prefix(n, 1), (uint32_t)r + 1);
		}
	}
}

static void pop_node_add(struct builder *b, size_t pop, const char *name, enum node_kind kind)
{
	struct topology_node *node = node_add(b, name, kind);

	node->index = pop;
	node->place = b->s->pops[pop].place;
}

static void pops_add(struct builder *b)
{
	for (size_t i = 0; i < b->s->pop_count; i++)
		pop_node_add(b, i, b->s->pops[i].name, NODE_POP);
	for (size_t i = 0; i < b->s->pop_count; i++) {
		if (b->s->pops[i].shape == SHAPE_RACK)
			pop_node_add(b, i, arena_printf(b->t->arena, "%s-edge", b->s->pops[i].name),
				     NODE_EDGE);
	}
}

static void hosts_add(struct builder *b)
{
	for (size_t i = 0; i < b->s->nameserver_count; i++) {
		const struct scenario_nameserver *ns = &b->s->nameservers[i];
		struct topology_node *node = node_add(b, ns->name, NODE_NAMESERVER);

		node->index = i;
		node->network = ns->network;
		node->place = b->s->networks[ns->network].places[0];
		for (unsigned f = 0; f < 2; f++) {
			struct prefix p = topology_network_prefix(ns->network, f);

			node->addr[f] =
				topology_host(p, (f == 0 ? 0x100 : 0x10000) + (uint32_t)i + 1);
		}
	}
	for (size_t i = 0; i < b->s->client_count; i++) {
		struct topology_node *node = node_add(b, b->s->clients[i].name, NODE_CLIENT);

		node->index = i;
		node->network = b->s->clients[i].network;
		node->place = b->s->networks[node->network].places[0];
		for (unsigned f = 0; f < 2; f++)
			node->addr[f] = topology_host(topology_client_prefix(i, f), CLIENT_HOST);
	}
}

static bool iface_taken(const struct topology *t, size_t node, const char *name)
{
	/* Every node has the first; the other two stand for all devices below /proc/sys. */
	if (strcmp(name, "lo") == 0 || strcmp(name, "all") == 0 || strcmp(name, "default") == 0)
		return true;
	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];

		for (unsigned e = 0; e < 2; e++) {
			if (l->end[e].node == node && strcmp(l->end[e].iface, name) == 0)
				return true;
		}
	}
	return false;
}

/* The other node's name, cut to what the kernel allows; numbered where that is taken. */
static void iface_name(const struct builder *b, size_t node, size_t peer, char out[IFACE_NAME_SIZE])
{
	const char *name = b->t->nodes[peer].name;

	snprintf(out, IFACE_NAME_SIZE, "%.15s", name);
	for (unsigned n = 2; iface_taken(b->t, node, out); n++)
		snprintf(out, IFACE_NAME_SIZE, "%.11s%u", name, n);
}

static struct addr link_local_of(const uint8_t mac[MAC_SIZE])
{
	uint8_t bytes[16] = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
			      0xff, 0xfe, mac[3],	    mac[4], mac[5] };

	return addr_from_bytes(ADDR_IPV6, bytes);
}

static double path_delay_ms(const struct builder *b, size_t x, size_t y)
{
	double km = geo_distance_km(b->t->nodes[x].place.point, b->t->nodes[y].place.point);
	double ms = km / KM_PER_MS * b->s->path_stretch;

	return ms < 0.1 ? 0.1 : ms; /* two routers in one building */
}

/* A wire that has no addresses yet, but those of the link layer. */
static struct topology_link *wire_add(struct builder *b, size_t x, size_t y)
{
	struct topology *t = b->t;
	struct topology_link *link;
	unsigned id = (unsigned)t->link_count;
	size_t node[2] = { x, y };

	if (t->link_count == b->link_room) {
		b->link_room = b->link_room ? 2 * b->link_room : 64;
		t->links = xreallocarray(t->links, b->link_room, sizeof(*t->links));
	}
	link = &t->links[t->link_count];
	*link = (struct topology_link){ .delay_ms = path_delay_ms(b, x, y) };
	for (unsigned e = 0; e < 2; e++) {
		struct topology_end *end = &link->end[e];

		end->node = node[e];
		iface_name(b, node[e], node[!e], end->iface);
		memcpy(end->mac,
		       (uint8_t[]){ 2, 0, (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id,
				    (uint8_t)e },
		       MAC_SIZE);
		end->link_local = link_local_of(end->mac);
	}
	t->link_count++;
	return link;
}

static struct topology_link *link_add(struct builder *b, size_t x, size_t y, size_t block)
{
	struct topology_link *link = wire_add(b, x, y);
	unsigned wire = b->wires_of_network[block]++;

	for (unsigned e = 0; e < 2; e++) {
		for (unsigned family = 0; family < 2; family++)
			link->end[e].addr[family] = topology_wire_addr(block, wire, e, family);
	}
	return link;
}

/* The lb of each rack hangs on its edge. */
static void lans_add(struct builder *b)
{
	static const uint32_t hosts[] = { LAN_LB_HOST, LAN_EDGE_HOST };

	for (size_t i = 0; i < b->s->pop_count; i++) {
		struct topology_link *link;
		size_t nodes[POP_NODES_MAX];

		if (topology_pop_nodes(b->t, i, nodes) < 2)
			continue;
		link = wire_add(b, nodes[0], nodes[1]);
		link->lan = true;
		link->delay_ms = LAN_DELAY_MS;
		link->bfd = scenario_wants_bfd(b->s) ? &b->s->bfd : NULL;
		for (unsigned e = 0; e < 2; e++) {
			for (unsigned family = 0; family < 2; family++)
				link->end[e].addr[family] =
					topology_host(topology_lan_prefix(i, family), hosts[e]);
		}
	}
}

/* A network of several routers is joined to itself, each with each. */
static void internal_links_add(struct builder *b)
{
	size_t routers = b->t->node_count;

	for (size_t x = 0; x < routers; x++) {
		for (size_t y = x + 1; y < routers; y++) {
			const struct topology_node *nodes = b->t->nodes;

			if (nodes[x].kind == NODE_ROUTER && nodes[y].kind == NODE_ROUTER &&
			    nodes[x].network == nodes[y].network)
				link_add(b, x, y, nodes[x].network)->internal = true;
		}
	}
}

/* A rack's links are its edge's. An edge is not named: that would be a second way to say it. */
static size_t outermost(const struct topology *t, const struct topology_node *node)
{
	size_t nodes[POP_NODES_MAX] = { 0 };

	if (node->kind == NODE_ROUTER)
		return (size_t)(node - t->nodes);
	if (node->kind != NODE_POP)
		return NO_NODE;
	return nodes[topology_pop_nodes(t, node->index, nodes) - 1];
}

/* The node named, or of the network named the router nearest to the other end's place. */
static size_t endpoint_find(const struct builder *b, const char *name, const struct place *near)
{
	const struct topology *t = b->t;
	const struct topology_node *exact = topology_find(t, name);
	size_t best = NO_NODE;
	double best_km = INFINITY;

	if (exact)
		return outermost(t, exact);
	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];
		double km;

		if (node->kind != NODE_ROUTER ||
		    strcmp(b->s->networks[node->network].name, name) != 0)
			continue;
		km = near ? geo_distance_km(near->point, node->place.point) : 0;
		if (km < best_km) {
			best_km = km;
			best = i;
		}
	}
	return best;
}

/* Both ends of a link; where both are large networks, the two routers nearest to each other. */
static void ends_find(const struct builder *b, const struct scenario_link *link, size_t end[2])
{
	double best_km = INFINITY;

	end[0] = endpoint_find(b, link->from, NULL);
	end[1] = endpoint_find(b, link->to, NULL);
	if (end[0] == NO_NODE || end[1] == NO_NODE)
		return;
	for (size_t i = 0; i < b->t->node_count; i++) {
		const struct place *place = &b->t->nodes[i].place;
		size_t x = endpoint_find(b, link->from, place), y;
		double km;

		y = endpoint_find(b, link->to, &b->t->nodes[x].place);
		km = geo_distance_km(b->t->nodes[x].place.point, b->t->nodes[y].place.point);
		if (km < best_km) {
			best_km = km;
			end[0] = x;
			end[1] = y;
		}
	}
}

static bool is_edge(const struct builder *b, const char *name)
{
	const struct topology_node *node = topology_find(b->t, name);

	return node && node->kind == NODE_EDGE;
}

static const char *link_mistake(const struct builder *b, const struct scenario_link *link,
				const size_t end[2])
{
	const struct topology_node *x, *y;
	bool x_is_pop, y_is_pop;

	if (is_edge(b, link->from))
		return "from: an edge's links are given with its pop's name";
	if (is_edge(b, link->to))
		return "to: an edge's links are given with its pop's name";
	if (end[0] == NO_NODE)
		return "from: unknown pop, network or router";
	if (end[1] == NO_NODE)
		return "to: unknown pop, network or router";
	x = &b->t->nodes[end[0]];
	y = &b->t->nodes[end[1]];
	x_is_pop = x->kind != NODE_ROUTER;
	y_is_pop = y->kind != NODE_ROUTER;
	if (x_is_pop && y_is_pop)
		return "two pops cannot be joined directly";
	if (x_is_pop && link->relation != RELATION_CUSTOMER)
		return "relation: a pop is its network's customer";
	if (y_is_pop && link->relation != RELATION_PROVIDER)
		return "relation: a network is its pop's provider";
	if (x->network == y->network)
		return "both ends are in one network, whose routers are joined anyway";
	return NULL;
}

static void link_bfd_set(const struct builder *b, struct topology_link *link,
			 const struct scenario_bfd *bfd, const struct conf *at)
{
	const struct conf key = conf_get(at, "bfd");
	unsigned router;

	if (!topology_link_is_uplink(b->t, link, &router)) {
		if (key.json)
			conf_fail(&key, "is for links between a pop and its upstream");
		return;
	}
	if (scenario_wants_bfd(b->s))
		link->bfd = bfd;
}

static void scenario_links_add(struct builder *b)
{
	const struct conf root = conf_root(b->s->json, b->err);
	const struct conf array = conf_get(&root, "links");

	for (size_t i = 0; i < b->s->link_count; i++) {
		const struct scenario_link *from = &b->s->links[i];
		const struct conf at = conf_item(&array, i);
		struct topology_link *link;
		const char *mistake;
		size_t end[2], block;

		ends_find(b, from, end);
		mistake = link_mistake(b, from, end);
		if (mistake) {
			conf_fail(&at, "%s", mistake);
			return;
		}
		/* Numbered by the provider, and between peers by whichever comes first. */
		block = b->t->nodes[end[from->relation == RELATION_CUSTOMER ? 1 : 0]].network;
		link = link_add(b, end[0], end[1], block);
		link->relation = from->relation;
		link->written = from;
		if (from->delay_ms >= 0)
			link->delay_ms = from->delay_ms;
		link->jitter_ms = from->jitter_ms;
		link->loss = from->loss;
		link->rate_mbit = from->rate_mbit;
		link_bfd_set(b, link, &from->bfd, &at);
	}
}

/* Nameservers and users hang on the first router of their network. */
static void host_links_add(struct builder *b)
{
	for (size_t i = 0; i < b->t->node_count; i++) {
		const struct topology_node node = b->t->nodes[i];
		struct topology_link *link;
		size_t router = 0;

		if (node.kind != NODE_NAMESERVER && node.kind != NODE_CLIENT)
			continue;
		while (b->t->nodes[router].network != node.network)
			router++;
		link = link_add(b, i, router, node.network);
		link->relation = RELATION_CUSTOMER;
		link->delay_ms = node.kind == NODE_CLIENT ? b->s->clients[node.index].access_ms
							  : b->s->nameservers[node.index].delay_ms;
	}
}

static void node_links_collect(struct topology *t)
{
	for (size_t i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];

		node->links = arena_new_array(t->arena, size_t, t->link_count);
		for (size_t l = 0; l < t->link_count; l++) {
			if (t->links[l].end[0].node == i || t->links[l].end[1].node == i)
				node->links[node->link_count++] = l;
		}
	}
}

struct topology *topology_new(const struct scenario *scenario, struct conf_error *err)
{
	struct builder b = { .t = x_new(struct topology), .s = scenario, .err = err };

	b.t->arena = arena_new();
	b.t->scenario = scenario;
	routers_add(&b);
	internal_links_add(&b);
	pops_add(&b);
	hosts_add(&b);
	scenario_links_add(&b);
	if (!err->set) {
		lans_add(&b);
		host_links_add(&b);
		profile_apply(b.t);
		node_links_collect(b.t);
		topology_check(b.t, err);
	}
	if (err->set) {
		topology_free(b.t);
		return NULL;
	}
	return b.t;
}

void topology_free(struct topology *topology)
{
	if (!topology)
		return;
	arena_free(topology->arena);
	free(topology->nodes);
	free(topology->links);
	free(topology);
}
