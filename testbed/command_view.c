/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_view.c - the supervisor's answers to questions: what the lab is, and how it is.
 */
#include "testbed/command.h"

static const char *node_kind_name(enum node_kind kind)
{
	switch (kind) {
	case NODE_ROUTER:
		return "router";
	case NODE_POP:
		return "pop";
	case NODE_NAMESERVER:
		return "nameserver";
	case NODE_CLIENT:
		return "client";
	case NODE_EDGE:
		return "edge";
	}
	return "";
}

static json_t *daemons_to_json(const struct lab_node *node)
{
	json_t *daemons = json_array();
	const json_t *d;
	size_t i;

	json_array_foreach (json_object_get(node->plan, "daemons"), i, d) {
		if (!json_object_get(d, "once"))
			json_array_append(daemons, json_object_get(d, "name"));
	}
	return daemons;
}

static json_t *nodes_to_json(const struct lab *lab)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < lab->topology->node_count; i++) {
		const struct topology_node *n = &lab->topology->nodes[i];
		const struct lab_node *node = &lab->nodes[i];

		json_array_append_new(nodes, json_pack("{s:s, s:s, s:i, s:b, s:o}", "name", n->name,
						       "kind", node_kind_name(n->kind), "pid",
						       (int)node->pid, "up", node->configured,
						       "daemons", daemons_to_json(node)));
	}
	return nodes;
}

static json_t *trial_to_json(const struct command_context *x)
{
	const struct command_trial *t = x->trial;
	struct users_count count;

	if (!t)
		return json_null();
	count = users_second(x->users);
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:I}", "number", (int)t->number, "of",
			 (int)t->of, "valid", (int)t->valid, "elapsed_s", (int)t->elapsed_s,
			 "duration_s", (int)t->duration_s, "requests", (json_int_t)count.requests,
			 "failed", (json_int_t)count.failed);
}

static json_t *users_to_json(const struct users *users)
{
	struct users_count count;

	if (!users)
		return json_null();
	count = users_second(users);
	return json_pack("{s:b, s:I, s:I}", "live", users_are_live(users), "requests",
			 (json_int_t)count.requests, "failed", (json_int_t)count.failed);
}

json_t *command_status_reply(const struct command_context *x)
{
	const struct lab *lab = x->lab;
	json_t *list = json_array();

	for (const struct fault *f = x->faults->first; f; f = f->next)
		json_array_append_new(list, fault_to_json(f));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:s?, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "type",
		"reply", "lab", lab->name, "scenario", lab->topology->scenario->name, "runtime",
		x->runtime, "seed", (json_int_t)lab->topology->scenario->seed, "dir", x->dir,
		"phase", lab_phase_name(lab->phase), "routes_missing",
		(json_int_t)lab_routes_missing(lab), "wires", (json_int_t)lab->topology->link_count,
		"nodes", nodes_to_json(lab), "faults", list, "trial", trial_to_json(x), "users",
		users_to_json(x->users));
}

json_t *command_progress_event(const struct command_context *x)
{
	const struct users_count count = users_second(x->users);
	json_t *event = json_pack("{s:s, s:n, s:n, s:n, s:I, s:I}", "kind", "progress", "trial",
				  "elapsed_s", "duration_s", "requests", (json_int_t)count.requests,
				  "failed", (json_int_t)count.failed);

	if (x->trial) {
		json_object_set_new(event, "trial", json_integer(x->trial->number));
		json_object_set_new(event, "elapsed_s", json_integer(x->trial->elapsed_s));
		json_object_set_new(event, "duration_s", json_integer(x->trial->duration_s));
	}
	return event;
}

/* A pop has no address of its own on lo: its identity is what it is known by, its edge's the LAN.
 */
static struct addr address_of(const struct topology_node *n, unsigned family)
{
	if (n->kind == NODE_POP)
		return topology_host(topology_identity_prefix(n->index, family), 1);
	if (n->kind == NODE_EDGE)
		return topology_host(topology_lan_prefix(n->index, family), LAN_EDGE_HOST);
	return n->addr[family];
}

static json_t *addresses_to_json(const struct topology_node *n)
{
	json_t *list = json_array();

	for (unsigned family = 0; family < 2; family++) {
		const struct addr addr = address_of(n, family);
		char text[ADDR_TEXT_SIZE];

		json_array_append_new(list, json_string(addr_format(&addr, text)));
	}
	return list;
}

static json_t *places_to_json(const struct topology *t)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];
		const char *network =
			n->network == NO_NETWORK ? NULL : t->scenario->networks[n->network].name;

		json_array_append_new(nodes,
				      json_pack("{s:s, s:s, s:{s:s?, s:f, s:f}, s:s?, s:o}", "name",
						n->name, "kind", node_kind_name(n->kind), "place",
						"name", n->place.name, "lat", n->place.point.lat,
						"lon", n->place.point.lon, "network", network,
						"addresses", addresses_to_json(n)));
	}
	return nodes;
}

static json_t *links_to_json(const struct topology *t)
{
	json_t *links = json_array();

	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];

		json_array_append_new(links, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:b}",
						       "from", t->nodes[l->end[0].node].name, "to",
						       t->nodes[l->end[1].node].name, "delay_ms",
						       l->delay_ms, "jitter_ms", l->jitter_ms,
						       "loss", l->loss, "rate_mbit", l->rate_mbit,
						       "internal", l->internal || l->lan));
	}
	return links;
}

static json_t *variants_to_json(const struct scenario *s)
{
	json_t *variants = json_array();

	for (size_t v = 0; v < s->variant_count; v++)
		json_array_append_new(
			variants,
			json_pack("{s:s, s:s, s:i}", "name", s->variants[v].name, "mode",
				  s->variants[v].mode == MODE_GEODNS ? "geodns" : "anycast", "ttl",
				  (int)s->variants[v].ttl));
	return variants;
}

json_t *command_topology_reply(const struct lab *lab)
{
	const struct topology *t = lab->topology;

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "type", "reply", "lab", lab->name,
			 "scenario", t->scenario->name, "nodes", places_to_json(t), "links",
			 links_to_json(t), "variants", variants_to_json(t->scenario));
}

json_t *command_catchments_reply(const struct lab *lab, const struct users *users)
{
	return json_pack("{s:s, s:s, s:I, s:o}", "type", "reply", "lab", lab->name, "t_ns",
			 (json_int_t)clock_now().ns, "catchments",
			 users ? catchment_to_json(users_catchment(users)) : json_array());
}
