/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/config/plan.h"
#include "testbed/runtime/namespaces.h"

#define UP_PATIENCE_S 120
#define PING_COUNT    5
#define WIRE_LIMIT    ((size_t)256 * 1024) /* bytes that a wire with a rate may queue */

static const char *node_name(const struct lab *lab, size_t node)
{
	return lab->topology->nodes[node].name;
}

void lab_fail(struct lab *lab, const char *fmt, ...)
{
	char reason[256];
	va_list ap;

	if (lab->phase == LAB_FAILED)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	lab->phase = LAB_FAILED;
	lab->owner->on_failed(lab->ctx, lab, reason);
}

void lab_mishap(struct lab *lab, const char *fmt, ...)
{
	char reason[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (lab->phase == LAB_UP)
		lab->owner->on_mishap(lab->ctx, lab, reason);
	else
		lab_fail(lab, "%s", reason);
}

size_t lab_node_find(const struct lab *lab, const char *name)
{
	const struct topology_node *node = topology_find(lab->topology, name);

	return node ? (size_t)(node - lab->topology->nodes) : SIZE_MAX;
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
	lab->phase = LAB_MEASURING;
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

static void daemons_start(struct lab_node *node)
{
	const json_t *daemon;
	size_t i;

	json_array_foreach (json_object_get(node->plan, "daemons"), i, daemon) {
		lab_daemon_start(node->lab, node->index, daemon);
	}
}

static bool wires_good(struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->link_count; i++) {
		const struct lab_wire *w = &lab->wires[i];
		const struct topology_link *l = &lab->topology->links[i];
		double allowed = fmax(0.5, 0.02 * w->wanted_ms);

		if (w->measured_ms >= 0 && fabs(w->measured_ms - w->wanted_ms) <= allowed)
			continue;
		lab_fail(lab, "wire %s-%s: wanted %.2f ms, measured %.2f ms",
			 node_name(lab, l->end[0].node), node_name(lab, l->end[1].node),
			 w->wanted_ms, w->measured_ms);
		return false;
	}
	return true;
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

bool lab_is_settled(const struct lab *lab)
{
	return nodes_configured(lab) == lab->topology->node_count &&
	       convergence_missing(lab->convergence) == 0 && nameservers_ready(lab);
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
		lab->phase = LAB_CONVERGING;
		for (size_t i = 0; i < lab->topology->node_count; i++)
			daemons_start(&lab->nodes[i]);
	}
	if (lab->phase == LAB_CONVERGING && lab_is_settled(lab)) {
		lab->up_s = since_start(lab);
		lab->phase = LAB_UP;
		ev_timer_stop(lab->loop, &lab->deadline);
		lab->owner->on_up(lab->ctx, lab);
	}
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct lab *lab = w->data;
	struct prefix prefix;
	char text[PREFIX_TEXT_SIZE];
	size_t node = 0;

	(void)loop;
	(void)revents;
	while (node < lab->topology->node_count && lab->nodes[node].configured)
		node++;
	if (lab->phase == LAB_CONFIGURING)
		lab_fail(lab, "only %zu of %zu nodes are there after %d s; %s is not",
			 nodes_configured(lab), lab->topology->node_count, UP_PATIENCE_S,
			 node_name(lab, node));
	else if (lab->phase == LAB_MEASURING)
		lab_fail(lab, "%zu nodes have not measured their wires after %d s", lab->measuring,
			 UP_PATIENCE_S);
	else if (convergence_example(lab->convergence, &node, &prefix))
		lab_fail(lab, "not converged after %d s: %zu routes missing, such as %s at %s",
			 UP_PATIENCE_S, convergence_missing(lab->convergence),
			 prefix_format(&prefix, text), node_name(lab, node));
	else
		lab_fail(lab, "the nameservers see no healthy pops after %d s", UP_PATIENCE_S);
}

static void node_forget(struct lab_node *node)
{
	control_free(node->control);
	node->control = NULL;
	node->configured = false;
}

/* The agent has died, and with it everything in the node. */
static void on_agent_exit(struct ev_loop *loop, ev_child *w, int revents)
{
	struct lab_node *node = w->data;
	struct lab *lab = node->lab;

	(void)revents;
	ev_child_stop(loop, w);
	node->pid = 0;
	node_forget(node);
	if (!node->dying)
		lab_mishap(lab, "node %s has died", node_name(lab, node->index));
}

static int node_start(struct lab *lab, size_t index)
{
	struct lab_node *node = &lab->nodes[index];
	pid_t pid = namespaces_node_start(node_name(lab, index), lab->dir);

	if (pid < 0)
		return (int)pid;
	node->pid = pid;
	node->dying = false;
	ev_child_init(&node->child, on_agent_exit, pid, 0);
	node->child.data = node;
	ev_child_start(lab->loop, &node->child);
	return 0;
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
		};
		lab->wires[i / 2].wanted_ms = l->delay_ms;
		lab->wires[i / 2].measured_ms = -1;
	}
	err = wire_engine_new(&lab->engine, shapes, t->link_count, t->scenario->seed);
	free(shapes);
	return err;
}

/* The directory outlives a killed supervisor; the lock does not. */
static int directory_take(struct lab *lab)
{
	char *path = xasprintf("%s/lock", lab->dir);
	int err = 0;

	if ((mkdir(LAB_ROOT, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(lab->dir, 0755) < 0 && errno != EEXIST))
		err = -errno;
	lab->lock = err ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	free(path);
	if (lab->lock < 0)
		return err ? err : -errno;
	if (flock(lab->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static void on_connection(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	lab_accept(w->data);
}

static int socket_open(struct lab *lab)
{
	char *path = xasprintf("%s/control", lab->dir);
	int fd = control_listen(path);

	free(path);
	if (fd < 0)
		return fd;
	ev_io_init(&lab->listener, on_connection, fd, EV_READ);
	lab->listener.data = lab;
	ev_io_start(lab->loop, &lab->listener);
	return 0;
}

static int nodes_start(struct lab *lab)
{
	const struct scenario *s = lab->topology->scenario;

	for (size_t i = 0; i < lab->topology->node_count; i++) {
		int err;

		lab->nodes[i].lab = lab;
		lab->nodes[i].index = i;
		lab->nodes[i].plan = plan_node(lab->topology, i);
		lab->nodes[i].pop_up = xcalloc(s->variant_count * s->pop_count, sizeof(bool));
		record_files(lab->record, node_name(lab, i),
			     json_object_get(lab->nodes[i].plan, "files"));
		err = node_start(lab, i);
		if (err < 0)
			return err;
	}
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
	lab->name = xstrdup(setup->name);
	lab->dir = xasprintf(LAB_ROOT "/%s", setup->name);
	lab->listener.fd = -1;
	lab->started = clock_now();
	lab->nodes = xcalloc(t->node_count, sizeof(*lab->nodes));
	lab->wires = xcalloc(t->link_count, sizeof(*lab->wires));
	lab->convergence = convergence_new(t);
	return lab;
}

int lab_start(struct lab **out, struct ev_loop *loop, const struct lab_setup *setup)
{
	struct lab *lab = lab_new(loop, setup);
	int err;

	ev_timer_init(&lab->deadline, on_deadline, UP_PATIENCE_S, 0);
	lab->deadline.data = lab;
	ev_timer_start(loop, &lab->deadline);
	err = directory_take(lab);
	if (err == 0)
		err = engine_start(lab);
	if (err == 0)
		err = socket_open(lab);
	if (err == 0)
		err = nodes_start(lab);
	if (err < 0) {
		lab_free(lab);
		return err;
	}
	*out = lab;
	return 0;
}

static void nodes_stop(struct lab *lab)
{
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		struct lab_node *node = &lab->nodes[i];

		ev_child_stop(lab->loop, &node->child);
		if (node->pid > 0)
			kill(node->pid, SIGKILL);
	}
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		struct lab_node *node = &lab->nodes[i];

		if (node->pid > 0)
			waitpid(node->pid, NULL, 0);
		control_free(node->control);
		json_decref(node->plan);
		free(node->pop_up);
	}
}

static void directory_release(struct lab *lab)
{
	static const char *const names[] = { "control", "lock" };

	for (size_t i = 0; i < 2; i++) {
		char *path = xasprintf("%s/%s", lab->dir, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(lab->dir);
	rmdir(LAB_ROOT);
	close(lab->lock);
}

void lab_free(struct lab *lab)
{
	bool ours = lab->listener.fd >= 0;

	ev_timer_stop(lab->loop, &lab->deadline);
	ev_io_stop(lab->loop, &lab->listener);
	nodes_stop(lab);
	wire_engine_free(lab->engine);
	if (ours) {
		close(lab->listener.fd);
		directory_release(lab);
	} else if (lab->lock > 0) {
		close(lab->lock);
	}
	lab_clients_free(lab); /* last: the end of its connection is what "down" waits for */
	convergence_free(lab->convergence);
	free(lab->nodes);
	free(lab->wires);
	free(lab->name);
	free(lab->dir);
	free(lab);
}

const json_t *lab_daemon_plan(const struct lab *lab, size_t node, const char *name)
{
	const json_t *daemon;
	size_t i;

	json_array_foreach (json_object_get(lab->nodes[node].plan, "daemons"), i, daemon) {
		if (strcmp(json_string_value(json_object_get(daemon, "name")), name) == 0)
			return daemon;
	}
	return NULL;
}

void lab_daemon_start(struct lab *lab, size_t node, const json_t *daemon)
{
	if (lab->nodes[node].control)
		control_send(lab->nodes[node].control,
			     json_pack("{s:s, s:O}", "type", "start", "daemon", daemon), -1);
}

void lab_daemon_kill(struct lab *lab, size_t node, const char *daemon, int signal)
{
	if (lab->nodes[node].control)
		control_send(lab->nodes[node].control,
			     json_pack("{s:s, s:s, s:i}", "type", "kill", "daemon", daemon,
				       "signal", signal),
			     -1);
}

void lab_file_put(struct lab *lab, size_t node, const char *path, const char *text)
{
	if (lab->nodes[node].control)
		control_send(lab->nodes[node].control,
			     json_pack("{s:s, s:{s:s}}", "type", "put", "files", path, text), -1);
}

struct instant lab_node_crash(struct lab *lab, size_t index)
{
	const struct topology_node *node = &lab->topology->nodes[index];
	struct wire_end *ends = xcalloc(node->link_count, sizeof(*ends));
	struct instant t0;

	for (size_t i = 0; i < node->link_count; i++) {
		ends[i].wire = node->links[i];
		ends[i].end = topology_end_at(&lab->topology->links[node->links[i]], index);
	}
	t0 = wire_engine_cut(lab->engine, ends, node->link_count);
	lab->nodes[index].dying = true;
	if (lab->nodes[index].pid > 0)
		kill(lab->nodes[index].pid, SIGKILL);
	/* What it has said and we have not read yet is of a node that is no more. */
	node_forget(&lab->nodes[index]);
	for (size_t i = 0; i < node->link_count; i++)
		wire_engine_unplug(lab->engine, ends[i]);
	convergence_forget(lab->convergence, index);
	free(ends);
	return t0;
}

int lab_node_restart(struct lab *lab, size_t index)
{
	struct lab_node *node = &lab->nodes[index];

	/* The old one was killed long ago, but its death may not have been heard of yet. */
	if (node->pid > 0) {
		ev_child_stop(lab->loop, &node->child);
		waitpid(node->pid, NULL, 0);
		node->pid = 0;
	}
	return node_start(lab, index);
}
