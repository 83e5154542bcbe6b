/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_messages.c - what the supervisor hears on its control socket.
 *
 * A connection introduces itself with "hello": as a node's agent, as the users
 * of a node (role "client"), or not at all, which makes it a command.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/runtime/lab.h"

#define CLIENT_BACKLOG 256 /* messages that may wait for one who does not read */

struct lab_client {
	struct lab_client *next;
	struct lab *lab;
	struct control *control;
	char *users; /* of this client group; NULL: not theirs */
	bool done;
	bool subscribed;
};

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void on_tap(struct lab_node *node, const json_t *msg, int fd)
{
	struct wire_end at = {
		.wire = (size_t)json_integer_value(json_object_get(msg, "link")),
		.end = (unsigned)json_integer_value(json_object_get(msg, "end")),
	};

	if (fd < 0 || at.wire >= node->lab->topology->link_count || at.end > 1) {
		lab_fail(node->lab, "node %s has passed no TAP device",
			 node->lab->topology->nodes[node->index].name);
		return;
	}
	lab_link_plug(node->lab, at, fd);
}

static void on_measured(struct lab_node *node, const json_t *msg)
{
	struct lab *lab = node->lab;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(msg, "rows"), i, row) {
		size_t link = (size_t)json_integer_value(json_array_get(row, 0));
		double ms = (double)json_integer_value(json_array_get(row, 1)) / 2e6;
		struct lab_wire *wire = &lab->wires[link];

		if (link < lab->topology->link_count &&
		    json_integer_value(json_array_get(row, 2)) > 0 &&
		    (wire->measured_ms < 0 || ms < wire->measured_ms))
			wire->measured_ms = ms;
	}
	if (lab->measuring > 0)
		lab->measuring--;
}

/*
 * BIRD keeps a route whose next hop it cannot reach yet, as unreachable: that is none. But a
 * network's own prefix is so in all its routers, under the more specific routes.
 */
static bool route_leads_on(const struct lab_node *node, const struct prefix *prefix,
			   const char *via)
{
	const struct topology_node *router = &node->lab->topology->nodes[node->index];
	struct prefix own;

	if (strcmp(via, "unreachable") != 0)
		return true;
	if (router->kind != NODE_ROUTER)
		return false;
	own = topology_network_prefix(router->network, prefix->addr.family == ADDR_IPV6);
	return prefix_compare(&own, prefix) == 0;
}

/* The pop that a node is of, "" for others. */
static const char *pop_name(const struct lab_node *node)
{
	const struct topology *t = node->lab->topology;
	const struct topology_node *at = &t->nodes[node->index];

	return at->kind == NODE_POP || at->kind == NODE_EDGE ? t->scenario->pops[at->index].name
							     : "";
}

/* row: [t_ns, "add" or "del", prefix, via]. Routes that are no variant's are nobody's business. */
static void route_record(struct lab_node *node, const json_t *row, const struct prefix *prefix)
{
	struct lab *lab = node->lab;
	const char *via = json_string_value(json_array_get(row, 3));
	char text[PREFIX_TEXT_SIZE], detail[PREFIX_TEXT_SIZE + ADDR_TEXT_SIZE + 8];
	size_t variant, slot;

	if (!topology_service_find(prefix, &variant, &slot) ||
	    variant >= lab->topology->scenario->variant_count)
		return;
	snprintf(detail, sizeof(detail),
		 strcmp(via, "unreachable") == 0 ? "%s %s"
		 : *via				 ? "%s via %s"
						 : "%s",
		 prefix_format(prefix, text), via);
	record_row(lab->record,
		   &(struct record_row){ .t_ns = json_integer_value(json_array_get(row, 0)),
					 .source = lab->topology->nodes[node->index].name,
					 .kind = "route",
					 .variant = lab->topology->scenario->variants[variant].name,
					 .user = "",
					 .pop = pop_name(node),
					 .result = json_string_value(json_array_get(row, 1)),
					 .latency_us = -1,
					 .detail = detail });
}

static void on_routes(struct lab_node *node, const json_t *msg)
{
	struct lab *lab = node->lab;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(msg, "rows"), i, row) {
		const char *what = json_string_value(json_array_get(row, 1));
		const char *text = json_string_value(json_array_get(row, 2));
		const char *via = json_string_value(json_array_get(row, 3));
		struct prefix prefix;
		struct addr hop;

		if (!what || !text || !via || !prefix_parse(&prefix, text))
			continue;
		convergence_route(lab->convergence, node->index, &prefix,
				  what[0] == 'a' && route_leads_on(node, &prefix, via));
		if (what[0] != 'a' || !addr_parse(&hop, via))
			hop = (struct addr){ 0 };
		uplinks_route(lab->uplinks, node->index, &prefix, &hop);
		route_record(node, row, &prefix);
	}
}

/*
 * "*.geodns30.lab.test" belongs to the variant geodns30, and so does the VIP of that name.
 * SIZE_MAX: to none.
 */
static size_t event_variant(const struct scenario *s, const json_t *event)
{
	const char *vip = text_at(event, "vip"), *name = text_at(event, "name");

	for (size_t v = 0; v < s->variant_count; v++) {
		const char *variant = s->variants[v].name;
		size_t len = strlen(variant);

		if (strcmp(vip, variant) == 0 ||
		    (strncmp(name, "*.", 2) == 0 && strncmp(name + 2, variant, len) == 0 &&
		     name[2 + len] == '.'))
			return v;
	}
	return SIZE_MAX;
}

/* What a nameserver thinks of a pop. */
static void pop_note(struct lab_node *node, const json_t *event, bool up)
{
	const struct scenario *s = node->lab->topology->scenario;
	size_t v = event_variant(s, event);

	for (size_t p = 0; v != SIZE_MAX && p < s->pop_count; p++) {
		if (strcmp(s->pops[p].name, text_at(event, "pop")) == 0)
			node->pop_up[v * s->pop_count + p] = up;
	}
}

static void on_daemon_event(struct lab_node *node, const json_t *msg)
{
	struct lab *lab = node->lab;
	json_t *event = json_object_get(msg, "event");
	const struct topology_node *at = &lab->topology->nodes[node->index];
	const char *pop = *pop_name(node) ? pop_name(node) : text_at(event, "pop");
	const char *kind = text_at(event, "kind");
	const struct scenario *s = lab->topology->scenario;
	size_t variant = event_variant(s, event);
	char *detail = json_dumps(event, JSON_COMPACT);

	record_row(lab->record,
		   &(struct record_row){ .t_ns = json_integer_value(json_object_get(event, "t_ns")),
					 .source = at->name,
					 .kind = kind,
					 .variant = variant == SIZE_MAX ? ""
									: s->variants[variant].name,
					 .user = "",
					 .pop = pop,
					 .result = "",
					 .latency_us = -1,
					 .detail = detail });
	free(detail);
	if (at->kind == NODE_NAMESERVER && strcmp(kind, "pop_up") == 0)
		pop_note(node, event, true);
	else if (at->kind == NODE_NAMESERVER && strcmp(kind, "pop_down") == 0)
		pop_note(node, event, false);
	else if (at->kind == NODE_POP && strcmp(kind, "bfd_down") == 0)
		lab->owner->on_bfd_down(lab->ctx, lab, at->index,
					json_integer_value(json_object_get(event, "t_ns")));
}

/* Their owner knows whether that is a mishap. */
static void users_gone(struct lab *lab, const char *group)
{
	json_t *msg = json_pack("{s:s, s:s}", "type", "gone", "group", group);

	lab->owner->on_client(lab->ctx, lab, msg);
	json_decref(msg);
}

static void on_exited(struct lab_node *node, const json_t *msg)
{
	struct lab *lab = node->lab;

	if (json_is_true(json_object_get(msg, "told")))
		return;
	if (strcmp(text_at(msg, "daemon"), "users") == 0)
		users_gone(lab, lab->topology->nodes[node->index].name);
	else
		lab_mishap(lab, "%s at %s has ended (status %d, signal %d)", text_at(msg, "daemon"),
			   lab->topology->nodes[node->index].name,
			   (int)json_integer_value(json_object_get(msg, "status")),
			   (int)json_integer_value(json_object_get(msg, "signal")));
}

static void on_configured(struct lab_node *node)
{
	node->configured = true;
	lab_event(node->lab, json_pack("{s:s, s:s, s:b}", "kind", "node", "node",
				       lab_node_name(node), "up", true));
	if (node->lab->phase == LAB_UP)
		lab_node_daemons_start(node);
}

static void on_log(struct lab_node *node, const json_t *msg)
{
	const char *line = text_at(msg, "line");

	record_log(node->lab->record, lab_node_name(node), text_at(msg, "daemon"), line);
	lab_bfd_line(node, json_integer_value(json_object_get(msg, "t_ns")), line);
}

static void on_asked(struct lab_node *node, const json_t *msg)
{
	int status = (int)json_integer_value(json_object_get(msg, "status"));
	const char *detail = text_at(json_object_get(msg, "answer"), "detail");

	if (status / 100 != 2)
		lab_mishap(node->lab, "%s of %s: %s (%d)", text_at(msg, "what"),
			   lab_node_name(node), *detail ? detail : "no answer", status);
}

static void agent_message(struct lab_node *node, const json_t *msg, int fd)
{
	struct lab *lab = node->lab;
	const char *type = text_at(msg, "type");
	const char *name = lab->topology->nodes[node->index].name;

	if (strcmp(type, "tap") == 0) {
		on_tap(node, msg, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (strcmp(type, "routes") == 0)
		on_routes(node, msg);
	else if (strcmp(type, "event") == 0)
		on_daemon_event(node, msg);
	else if (strcmp(type, "log") == 0)
		on_log(node, msg);
	else if (strcmp(type, "asked") == 0)
		on_asked(node, msg);
	else if (strcmp(type, "configured") == 0)
		on_configured(node);
	else if (strcmp(type, "measured") == 0)
		on_measured(node, msg);
	else if (strcmp(type, "failed") == 0)
		lab_fail(lab, "node %s: %s", name, text_at(msg, "reason"));
	else if (strcmp(type, "exited") == 0)
		on_exited(node, msg);
	else if (strcmp(type, "lost") == 0)
		lab_mishap(lab, "node %s has lost %s", name, text_at(msg, "what"));
	lab_progress(lab);
}

static void on_agent_message(void *ctx, struct control *control, const json_t *msg, int fd)
{
	(void)control;
	agent_message(ctx, msg, fd);
}

/* Where the agent is our child its death follows, and is handled there. */
static void on_agent_close(void *ctx, struct control *control)
{
	struct lab_node *node = ctx;

	node->control = NULL;
	control_free(control);
	if (node->lab->runtime->nodes_return)
		lab_node_lost(node);
}

static const struct control_events agent_events = { on_agent_message, on_agent_close };

static void client_remove(struct lab_client *c)
{
	struct lab_client **at = &c->lab->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	control_free(c->control);
	free(c->users);
	free(c);
}

/* Containers are made from an image, which may be older than this program, or newer. */
static bool version_good(struct lab *lab, const char *name, const json_t *msg)
{
	json_int_t version = json_integer_value(json_object_get(msg, "version"));

	if (version == CONTROL_VERSION)
		return true;
	lab_fail(lab, "node %s speaks protocol %lld, this is %d: build the image again", name,
		 (long long)version, CONTROL_VERSION);
	return false;
}

/* An agent's connection becomes its node's. */
static void agent_adopt(struct lab_client *c, const json_t *msg)
{
	struct lab *lab = c->lab;
	const char *name = text_at(msg, "node");
	size_t index = lab_node_find(lab, name);
	struct lab_node *node = index == SIZE_MAX ? NULL : &lab->nodes[index];
	struct control *control = c->control;

	if (!node)
		log_warn("lab %s: a node '%s' says hello that the scenario does not have",
			 lab->name, name);
	if (!node || !lab->runtime->agent_known(node, control_peer_pid(control)) ||
	    !version_good(lab, name, msg)) {
		client_remove(c);
		return;
	}
	if (node->control)
		lab_node_lost(node);
	control_adopt(control, &agent_events, node);
	c->control = NULL;
	client_remove(c);
	lab_node_found(node, control);
}

static void client_send(struct lab_client *c, json_t *msg)
{
	control_send(c->control, msg, -1);
	if (control_backlog(c->control) <= CLIENT_BACKLOG)
		return;
	log_warn("control socket: process %d does not read, and is disconnected",
		 (int)control_peer_pid(c->control));
	control_shutdown(c->control);
	c->subscribed = false;
}

void lab_subscribe(struct lab *lab, struct control *from)
{
	for (struct lab_client *c = lab->clients; c; c = c->next)
		c->subscribed = c->subscribed || c->control == from;
}

void lab_event(struct lab *lab, json_t *event)
{
	if (!json_object_get(event, "t_ns"))
		json_object_set_new(event, "t_ns", json_integer(clock_now().ns));
	for (struct lab_client *c = lab->clients; c; c = c->next) {
		if (c->subscribed)
			client_send(c, json_pack("{s:s, s:O}", "type", "event", "event", event));
	}
	json_decref(event);
}

static void on_client_message(void *ctx, struct control *control, const json_t *msg, int fd)
{
	struct lab_client *c = ctx;
	struct lab *lab = c->lab;
	const char *type = text_at(msg, "type");
	json_t *reply;

	if (fd >= 0)
		close(fd);
	if (strcmp(type, "hello") == 0 && strcmp(text_at(msg, "role"), "agent") == 0) {
		agent_adopt(c, msg);
	} else if (strcmp(type, "hello") == 0) {
		free(c->users);
		c->users = strcmp(text_at(msg, "role"), "client") == 0
				   ? xstrdup(text_at(msg, "node"))
				   : NULL;
	} else if (c->users) {
		c->done = c->done || strcmp(type, "bye") == 0;
		lab->owner->on_client(lab->ctx, lab, msg);
	} else {
		reply = lab->owner->on_command(lab->ctx, lab, control, msg);
		if (reply)
			client_send(c, reply);
	}
}

static void on_client_close(void *ctx, struct control *control)
{
	struct lab_client *c = ctx;

	(void)control;
	if (c->users && !c->done)
		users_gone(c->lab, c->users);
	client_remove(c);
}

void lab_accept(void *ctx, int fd, const struct sockaddr *from)
{
	static const struct control_events events = { on_client_message, on_client_close };
	struct lab *lab = ctx;
	struct lab_client *c;

	(void)from;
	c = x_new(struct lab_client);
	c->lab = lab;
	c->next = lab->clients;
	lab->clients = c;
	c->control = control_new(lab->loop, fd, &events, c);
}

void lab_clients_free(struct lab *lab)
{
	for (struct lab_client *c = lab->clients, *next; c; c = next) {
		next = c->next;
		control_free(c->control);
		free(c->users);
		free(c);
	}
	lab->clients = NULL;
}
