/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/users.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/config/plan.h"

#define USERS_NICE    (-15) /* a measuring process: late for the lab's sake is an error */
#define LIVE_PAUSE_MS 1000  /* its end may be heard of twice, from its agent and its connection */
#define LIVE_TRIAL    0	    /* trials count from 1: live users draw numbers of their own */

struct live_group {
	bool running;
	struct instant ended; /* of its last process */
};

struct users {
	struct lab *lab;
	struct catchment *catchment;
	struct users_count now, second; /* under way, and the last whole one */
	bool live;
	struct live_group *groups; /* of each client group, while live */
	ev_timer tick;
	void (*on_second)(void *ctx);
	void *ctx;
};

static void group_start(struct users *u, size_t node, unsigned trial, struct instant start)
{
	const struct topology *t = u->lab->topology;
	char *control = xasprintf("%s/control", u->lab->dir);
	json_t *daemon = json_pack("{s:s, s:i, s:[s, s, s, s, s, s]}", "name", "users", "nice",
				   USERS_NICE, "argv", "catchment-testbed", "client", "--config",
				   "users.json", "--control", control);
	json_t *conf = plan_client(t, t->nodes[node].index, trial, start.ns);
	char *text = json_dumps(conf, JSON_INDENT(1));

	lab_file_put(u->lab, node, PLAN_DIR "/users.json", text);
	lab_daemon_start(u->lab, node, daemon);
	free(text);
	json_decref(conf);
	json_decref(daemon);
	free(control);
}

/*
 * On SIGHUP a resolver reads its configuration anew and forgets what it knows. Otherwise users who
 * start within a TTL of the last trial find their names' old cache phases, and those of all trials
 * after the first are not uniform.
 */
size_t users_start(struct users *u, unsigned trial, struct instant start)
{
	size_t started = 0;

	catchment_clear(u->catchment);
	for (size_t i = 0; i < u->lab->topology->node_count; i++) {
		if (u->lab->topology->nodes[i].kind != NODE_CLIENT)
			continue;
		lab_daemon_kill(u->lab, i, "unbound", SIGHUP);
		group_start(u, i, trial, start);
		started++;
	}
	return started;
}

void users_signal(struct users *u, int signal)
{
	for (size_t i = 0; i < u->lab->topology->node_count; i++) {
		if (u->lab->topology->nodes[i].kind == NODE_CLIENT)
			lab_daemon_kill(u->lab, i, "users", signal);
	}
}

/* Those that are not there and could be. */
static void live_start(struct users *u)
{
	const struct instant now = clock_now();
	const struct instant start = instant_after_ms(now, USERS_START_AFTER_MS);

	for (size_t i = 0; i < u->lab->topology->node_count; i++) {
		const struct topology_node *node = &u->lab->topology->nodes[i];
		struct live_group *group = &u->groups[node->index];

		if (node->kind != NODE_CLIENT || !u->lab->nodes[i].configured)
			continue;
		if (group->running ||
		    !instant_reached(instant_after_ms(group->ended, LIVE_PAUSE_MS), now))
			continue;
		group->running = true;
		group_start(u, i, LIVE_TRIAL, start);
	}
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct users *u = w->data;

	(void)loop;
	(void)revents;
	u->second = u->now;
	u->now = (struct users_count){ 0 };
	/* Here and not at once, so that a process that dies at its start does not keep us busy. */
	if (u->live)
		live_start(u);
	u->on_second(u->ctx);
}

struct users *users_new(struct lab *lab, void (*on_second)(void *ctx), void *ctx)
{
	struct users *u = x_new(struct users);

	u->lab = lab;
	u->catchment = catchment_new(lab->topology->scenario);
	u->groups = xcalloc(lab->topology->scenario->client_count, sizeof(*u->groups));
	u->on_second = on_second;
	u->ctx = ctx;
	ev_timer_init(&u->tick, on_tick, 1, 1);
	u->tick.data = u;
	ev_timer_start(lab->loop, &u->tick);
	return u;
}

void users_free(struct users *u)
{
	if (!u)
		return;
	ev_timer_stop(u->lab->loop, &u->tick);
	catchment_free(u->catchment);
	free(u->groups);
	free(u);
}

void users_live(struct users *u)
{
	u->live = true;
	live_start(u);
}

bool users_are_live(const struct users *u)
{
	return u->live;
}

static const char *text_at(const json_t *row, size_t index)
{
	const char *text = json_string_value(json_array_get(row, index));

	return text ? text : "";
}

/* Rows: t_ns, kind, variant, user, pop, result, latency_us, detail. */
static void samples_count(struct users *u, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const struct catchment_row seen = {
			.kind = text_at(row, 1),
			.variant = text_at(row, 2),
			.user = (unsigned)json_integer_value(json_array_get(row, 3)),
			.pop = text_at(row, 4),
			.result = text_at(row, 5),
		};

		catchment_note(u->catchment, &seen);
		if (strcmp(seen.kind, "session") == 0)
			continue;
		u->now.requests++;
		u->now.failed += strcmp(seen.result, "ok") != 0;
	}
}

static void moves_tell(struct users *u, size_t group)
{
	json_t *moves = catchment_moves_take(u->catchment, group), *move;
	size_t i;

	json_array_foreach (moves, i, move) {
		lab_event(u->lab, json_incref(move));
	}
	json_decref(moves);
}

void users_message(struct users *u, const json_t *msg)
{
	const char *type = json_string_value(json_object_get(msg, "type"));
	const char *group = json_string_value(json_object_get(msg, "group"));
	const struct topology_node *node = group ? topology_find(u->lab->topology, group) : NULL;

	if (!type || !node || node->kind != NODE_CLIENT)
		return;
	if (strcmp(type, "samples") == 0) {
		samples_count(u, json_object_get(msg, "rows"));
		moves_tell(u, node->index);
	} else if (strcmp(type, "gone") == 0) {
		u->groups[node->index] = (struct live_group){ .ended = clock_now() };
	}
}

struct users_count users_second(const struct users *u)
{
	return u->second;
}

const struct catchment *users_catchment(const struct users *u)
{
	return u->catchment;
}
