/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"

#define PING_COUNT     5
#define SLOW_ROUTERS_S 180 /* of patience more, six times the MRAI of the profile internet */
#define MEASURE_MAX    4   /* times; what the machine does besides passes, a wrong wire does not */
#define WIRE_LIMIT     ((size_t)256 * 1024) /* bytes that a wire with a rate may queue */

static const char *node_name(const struct lab *lab, size_t node)
{
	return lab->topology->nodes[node].name;
}

const char *lab_phase_name(enum lab_phase phase)
{
	switch (phase) {
	case LAB_CONFIGURING:
		return "configuring";
	case LAB_MEASURING:
		return "measuring wires";
	case LAB_CONVERGING:
		return "converging";
	case LAB_UP:
		return "up";
	case LAB_FAILED:
		return "failed";
	}
	return "";
}

static void phase_set(struct lab *lab, enum lab_phase phase)
{
	lab->phase = phase;
	lab_event(lab, json_pack("{s:s, s:s}", "kind", "phase", "phase", lab_phase_name(phase)));
}

void lab_fail(struct lab *lab, const char *fmt, ...)
{
	char reason[800];
	va_list ap;

	if (lab->phase == LAB_FAILED)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	phase_set(lab, LAB_FAILED);
	lab->owner->on_failed(lab->ctx, lab, reason);
}

void lab_mishap(struct lab *lab, const char *fmt, ...)
{
	char reason[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (lab->phase == LAB_UP)
		lab->owner->on_mishap(lab->ctx, lab, reason);
	else
		lab_fail(lab, "%s", reason);
}

/* Each wire is measured from its end 0, when both nodes are there. */
static json_t *ping_targets(const struct lab *lab, size_t node)
{
	const struct topology *t = lab->topology;
	json_t *targets = json_array();

	for (size_t i = 0; i < t->nodes[node].link_count; i++) {
		size_t link = t->nodes[node].links[i];
		const struct topology_link *l = &t->links[link];
		char text[ADDR_TEXT_SIZE];

		if (topology_end_at(l, node) == 0)
			json_array_append_new(
				targets, json_pack("{s:I, s:s}", "link", (json_int_t)link, "addr",
						   addr_format(&l->end[1].addr[0], text)));
	}
	return targets;
}

static void measuring_start(struct lab *lab)
{
	phase_set(lab, LAB_MEASURING);
	lab->measuring = 0;
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		json_t *targets = ping_targets(lab, i);

		if (json_array_size(targets) == 0) {
			json_decref(targets);
			continue;
		}
		lab->measuring++;
		control_send(lab->nodes[i].control,
			     json_pack("{s:s, s:i, s:o}", "type", "measure", "count", PING_COUNT,
				       "targets", targets),
			     -1);
	}
}

/* The first wire that is not what it should be; the number of wires when all are. */
static size_t wire_wrong(const struct lab *lab)
{
	size_t i = 0;

	for (; i < lab->topology->link_count; i++) {
		const struct lab_wire *w = &lab->wires[i];

		if (w->measured_ms < 0 ||
		    fabs(w->measured_ms - w->wanted_ms) > fmax(0.5, 0.02 * w->wanted_ms))
			break;
	}
	return i;
}

static bool wires_good(struct lab *lab)
{
	size_t wrong = wire_wrong(lab);
	const struct topology_link *l = &lab->topology->links[wrong];

	if (wrong == lab->topology->link_count)
		return true;
	if (lab->measured < MEASURE_MAX)
		measuring_start(lab);
	else
		lab_fail(lab, "wire %s-%s: wanted %.2f ms, measured %.2f ms",
			 node_name(lab, l->end[0].node), node_name(lab, l->end[1].node),
			 lab->wires[wrong].wanted_ms, lab->wires[wrong].measured_ms);
	return false;
}

static size_t nodes_configured(const struct lab *lab)
{
	size_t n = 0;

	for (size_t i = 0; i < lab->topology->node_count; i++)
		n += lab->nodes[i].configured;
	return n;
}

static double since_start(const struct lab *lab)
{
	return (double)(clock_now().ns - lab->started.ns) / 1e9;
}

/* Every nameserver but the root has every pop of every geographic name up. */
static bool nameservers_ready(const struct lab *lab)
{
	const struct scenario *s = lab->topology->scenario;

	for (size_t i = 0; i < lab->topology->node_count; i++) {
		const struct topology_node *node = &lab->topology->nodes[i];

		if (node->kind != NODE_NAMESERVER || strcmp(node->name, "root") == 0)
			continue;
		for (size_t v = 0; v < s->variant_count; v++) {
			for (size_t p = 0; s->variants[v].mode == MODE_GEODNS && p < s->pop_count;
			     p++) {
				if (!lab->nodes[i].pop_up[v * s->pop_count + p])
					return false;
			}
		}
	}
	return true;
}

size_t lab_routes_missing(const struct lab *lab)
{
	return convergence_missing(lab->convergence) + uplinks_missing(lab->uplinks);
}

bool lab_is_settled(const struct lab *lab)
{
	return nodes_configured(lab) == lab->topology->node_count && lab_routes_missing(lab) == 0 &&
	       nameservers_ready(lab);
}

/* Called whenever something has happened that may complete a phase. */
void lab_progress(struct lab *lab)
{
	if (lab->phase == LAB_CONFIGURING && nodes_configured(lab) == lab->topology->node_count) {
		lab->configured_s = since_start(lab);
		measuring_start(lab);
	}
	if (lab->phase == LAB_MEASURING && lab->measuring == 0 && wires_good(lab)) {
		lab->measured_s = since_start(lab);
		phase_set(lab, LAB_CONVERGING);
		for (size_t i = 0; i < lab->topology->node_count; i++)
			lab_node_daemons_start(&lab->nodes[i]);
	}
	if (lab->phase == LAB_CONVERGING && lab_is_settled(lab)) {
		lab->up_s = since_start(lab);
		phase_set(lab, LAB_UP);
		ev_timer_stop(lab->loop, &lab->deadline);
		lab->owner->on_up(lab->ctx, lab);
	}
}

/* Where routers wait between updates, routes come by rounds of that. */
static unsigned patience_s(const struct lab *lab)
{
	bool slow = lab->topology->scenario->profile == PROFILE_INTERNET;

	return lab->runtime->patience_s + (slow ? SLOW_ROUTERS_S : 0);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct lab *lab = w->data;
	unsigned after_s = patience_s(lab);
	struct prefix prefix;
	char text[PREFIX_TEXT_SIZE];
	size_t node = 0;

	(void)loop;
	(void)revents;
	while (node < lab->topology->node_count && lab->nodes[node].configured)
		node++;
	if (lab->phase == LAB_CONFIGURING)
		lab_fail(lab, "only %zu of %zu nodes are there after %u s; %s is not",
			 nodes_configured(lab), lab->topology->node_count, after_s,
			 node_name(lab, node));
	else if (lab->phase == LAB_MEASURING)
		lab_fail(lab, "%zu nodes have not measured their wires after %u s", lab->measuring,
			 after_s);
	else if (convergence_example(lab->convergence, &node, &prefix) ||
		 uplinks_example(lab->uplinks, &node, &prefix))
		lab_fail(lab, "not converged after %u s: %zu routes missing, such as %s at %s",
			 after_s, lab_routes_missing(lab), prefix_format(&prefix, text),
			 node_name(lab, node));
	else
		lab_fail(lab, "the nameservers see no healthy pops after %u s", after_s);
}

static int engine_start(struct lab *lab)
{
	const struct topology *t = lab->topology;
	struct wire_shape *shapes = xcalloc(2 * t->link_count, sizeof(*shapes));
	int err;

	for (size_t i = 0; i < 2 * t->link_count; i++) {
		const struct topology_link *l = &t->links[i / 2];

		shapes[i] = (struct wire_shape){
			.delay_ns = (int64_t)(l->delay_ms * 1e6),
			.jitter_ns = (int64_t)(l->jitter_ms * 1e6),
			.rate_bps = (uint64_t)(l->rate_mbit * 1e6),
			.limit = WIRE_LIMIT,
			.loss = (uint32_t)fmin(l->loss * 4294967296.0, 4294967295.0),
			.bgp_delay_ns = (int64_t)(l->end[i % 2].bgp_delay_ms * 1e6),
		};
		lab->wires[i / 2].wanted_ms = l->delay_ms;
		lab->wires[i / 2].measured_ms = -1;
	}
	err = wire_engine_new(&lab->engine, shapes, t->link_count, t->scenario->seed, 0);
	free(shapes);
	return err;
}

static int socket_open(struct lab *lab)
{
	char *path = xasprintf("%s/control", lab->dir);
	int fd = control_listen(path);

	free(path);
	if (fd < 0)
		return fd;
	accepter_start(&lab->listener, lab->loop, fd, "control socket", lab_accept, lab);
	return 0;
}

static struct lab *lab_new(struct ev_loop *loop, const struct lab_setup *setup)
{
	const struct topology *t = setup->topology;
	struct lab *lab = x_new(struct lab);

	lab->loop = loop;
	lab->topology = t;
	lab->record = setup->record;
	lab->owner = setup->owner;
	lab->ctx = setup->ctx;
	lab->runtime = setup->runtime;
	lab->keep_nodes = setup->keep_nodes;
	lab->name = xstrdup(setup->name);
	lab->lock = setup->lock;
	lab->dir = xasprintf(LAB_ROOT "/%s", setup->name);
	lab->started = clock_now();
	lab->nodes = xcalloc(t->node_count, sizeof(*lab->nodes));
	lab->wires = xcalloc(t->link_count, sizeof(*lab->wires));
	lab->shifted = xcalloc(t->scenario->pop_count, sizeof(*lab->shifted));
	lab->convergence = convergence_new(t);
	lab->uplinks = uplinks_new(t);
	lab_nodes_prepare(lab);
	return lab;
}

int lab_start(struct lab **out, struct ev_loop *loop, const struct lab_setup *setup)
{
	struct lab *lab = lab_new(loop, setup);
	int err;

	ev_timer_init(&lab->deadline, on_deadline, patience_s(lab), 0);
	lab->deadline.data = lab;
	ev_timer_start(loop, &lab->deadline);
	err = engine_start(lab);
	if (err == 0)
		err = socket_open(lab);
	if (err == 0)
		err = lab->runtime->start(lab);
	if (err < 0) {
		lab_free(lab);
		return err;
	}
	*out = lab;
	return 0;
}

void lab_free(struct lab *lab)
{
	ev_timer_stop(lab->loop, &lab->deadline);
	lab->runtime->stop(lab);
	lab_nodes_free(lab);
	wire_engine_free(lab->engine);
	accepter_stop(&lab->listener);
	lab_dir_release(lab->name, lab->lock);
	lab_clients_free(lab); /* last: the end of its connection is what "down" waits for */
	convergence_free(lab->convergence);
	uplinks_free(lab->uplinks);
	free(lab->wires);
	free(lab->shifted);
	free(lab->name);
	free(lab->dir);
	free(lab);
}
