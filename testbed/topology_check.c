/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * topology_check.c - what can only be said of a topology as a whole: that it is one, and how many
 * packets go through it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/topology.h"

/* Wires from start to every node, SIZE_MAX where there is no way. distance has node_count places.
 */
static void hops_from(const struct topology *t, size_t start, size_t *distance)
{
	size_t *queue = xcalloc(t->node_count, sizeof(*queue)), head = 0, tail = 0;

	for (size_t i = 0; i < t->node_count; i++)
		distance[i] = SIZE_MAX;
	distance[start] = 0;
	queue[tail++] = start;
	while (head < tail) {
		size_t at = queue[head++];

		for (size_t i = 0; i < t->nodes[at].link_count; i++) {
			const struct topology_link *l = &t->links[t->nodes[at].links[i]];
			size_t next = l->end[!topology_end_at(l, at)].node;

			if (distance[next] != SIZE_MAX)
				continue;
			distance[next] = distance[at] + 1;
			queue[tail++] = next;
		}
	}
	free(queue);
}

/* Packets on the wire in both directions for one request of each kind. */
static const double packets_of_kind[] = {
	[TRAFFIC_UDP] = 2,
	[TRAFFIC_DNS] = 0.1, /* most are answered from the resolver's cache */
	[TRAFFIC_HTTP] = 10,
	[TRAFFIC_SESSION] = 3,
};

/* Users go to some pop near them: count the way to the nearest, and one wire for the detours. */
static void load_estimate(struct topology *t)
{
	const struct scenario *s = t->scenario;
	size_t *distance = xcalloc(t->node_count, sizeof(*distance));

	for (size_t i = 0; i < t->node_count; i++) {
		const struct scenario_client *client;
		size_t nearest = SIZE_MAX;
		double per_s = 0;

		if (t->nodes[i].kind != NODE_CLIENT)
			continue;
		client = &s->clients[t->nodes[i].index];
		hops_from(t, i, distance);
		for (size_t j = 0; j < t->node_count; j++) {
			if (t->nodes[j].kind == NODE_POP && distance[j] < nearest)
				nearest = distance[j];
		}
		for (size_t j = 0; j < client->traffic_count; j++)
			per_s += packets_of_kind[client->traffic[j].kind] * 1000.0 /
				 client->traffic[j].period_ms;
		t->packet_hops += per_s * client->users * (double)s->variant_count *
				  (double)(nearest == SIZE_MAX ? 1 : nearest + 1);
	}
	free(distance);
}

/* Of both ends; RFC 5880, section 6.8.7 has them send up to a quarter sooner. */
static double bfd_packets(const struct topology_link *link)
{
	return link->bfd ? 2 * 1000.0 / (0.875 * link->bfd->interval_ms) : 0;
}

/* The scenario does not know what its networks' routers are called. */
static void timeline_check(const struct topology *t, const struct conf *root)
{
	const struct conf array = conf_get(root, "timeline");

	for (size_t i = 0; i < t->scenario->fault_count; i++) {
		const struct fault_order *order = &t->scenario->faults[i].order;
		const struct conf item = conf_item(&array, i);
		const struct conf target = conf_get(&item, "target");
		const char *mistake;

		if (order->kind == FAULT_LINK_CUT &&
		    topology_link_find(t, order->target, &mistake) == SIZE_MAX)
			conf_fail(&target, "'%.60s': %s", order->target, mistake);
	}
}

void topology_check(struct topology *t, struct conf_error *err)
{
	const struct conf root = conf_root(t->scenario->json, err);
	const struct conf links = conf_get(&root, "links");
	const struct conf clients = conf_get(&root, "clients");
	size_t *distance = xcalloc(t->node_count, sizeof(*distance));

	hops_from(t, 0, distance);
	for (size_t i = 0; i < t->node_count; i++) {
		if (distance[i] == SIZE_MAX)
			conf_fail(&links, "no way from '%s' to '%s'", t->nodes[0].name,
				  t->nodes[i].name);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(t->nodes[i].name, t->nodes[j].name) == 0)
				conf_fail(&root, "two nodes are named '%s'", t->nodes[i].name);
		}
	}
	free(distance);
	timeline_check(t, &root);
	load_estimate(t);
	for (size_t i = 0; i < t->link_count; i++)
		t->packet_hops += bfd_packets(&t->links[i]);
	if (t->packet_hops > PACKET_HOPS_MAX)
		conf_fail(&clients,
			  "about %.0f packet-hops/s are more than one wire thread carries (%d); "
			  "have fewer users or longer periods",
			  t->packet_hops, PACKET_HOPS_MAX);
}
