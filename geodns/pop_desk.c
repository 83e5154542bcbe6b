/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/pop_desk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"

struct pop_desk {
	struct ev_loop *loop;
	struct ev_timer timer; /* to the next end of a statement */
	char *path;
	struct pop_states states;
	pop_desk_fn *on_change;
	void *ctx;
};

static int64_t unix_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* ---- the file ---- */

static int text_write(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* The new name must be on the disk too. */
static int folder_sync(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

static int file_replace(const char *path, const char *text)
{
	char *beside = xasprintf("%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int err = fd < 0 ? -errno : text_write(fd, text);

	if (fd >= 0 && close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(beside, path) < 0)
		err = -errno;
	if (err && fd >= 0)
		unlink(beside);
	free(beside);
	return err ? err : folder_sync(path);
}

static int states_write(const struct pop_desk *desk, const struct pop_states *states)
{
	json_t *json;
	char *text;
	int err;

	if (!desk->path)
		return 0;
	json = pop_states_save(states, clock_now(), unix_now());
	text = json_dumps(json, JSON_INDENT(2));
	err = file_replace(desk->path, text);
	free(text);
	json_decref(json);
	return err;
}

static void states_read(struct pop_desk *desk, struct conf_error *err)
{
	json_t *json;

	/* What is there and cannot be read may forbid something. */
	if (!desk->path || (access(desk->path, F_OK) < 0 && errno == ENOENT))
		return;
	json = conf_read_file(desk->path, err);
	if (json)
		pop_states_load(&desk->states, json, clock_now(), unix_now(), err);
	json_decref(json);
}

/* Better heard of at the start than when a PoP must be taken out. */
static void folder_check(const char *path)
{
	char *copy = xstrdup(path);
	const char *folder = dirname(copy);

	if (access(folder, W_OK | X_OK) < 0)
		log_warn("state_file: operators will not be able to say anything: %s: %s", folder,
			 strerror(errno));
	free(copy);
}

static void states_tell(const struct pop_desk *desk)
{
	for (size_t i = 0; i < desk->states.count; i++)
		log_info("pop %s: %s says %s, since before this start", desk->states.list[i].pop,
			 desk->states.list[i].source, pop_state_names[desk->states.list[i].state]);
}

/* ---- the desk ---- */

static void timer_arm(struct pop_desk *desk)
{
	struct instant deadline = pop_states_deadline(&desk->states);

	ev_timer_stop(desk->loop, &desk->timer);
	if (deadline.ns == INSTANT_NEVER.ns)
		return;
	ev_now_update(desk->loop);
	ev_timer_set(&desk->timer, instant_wait_s(deadline, clock_now()), 0);
	ev_timer_start(desk->loop, &desk->timer);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct pop_desk *desk = timer->data;
	struct pop_statement ended;
	bool lasting = false;
	int err;

	(void)loop;
	(void)events;
	while (pop_states_expire(&desk->states, clock_now(), &ended)) {
		lasting |= pop_statement_is_operators(&ended);
		log_info("pop %s: %s no longer says %s", ended.pop, ended.source,
			 pop_state_names[ended.state]);
		ended.state = GEO_POP_AUTO;
		if (desk->on_change)
			desk->on_change(desk->ctx, &ended);
	}
	/* What has ended would not be read back either. */
	err = lasting ? states_write(desk, &desk->states) : 0;
	if (err)
		log_warn("%s: %s", desk->path, strerror(-err));
	timer_arm(desk);
}

int pop_desk_say(struct pop_desk *desk, const struct pop_statement *statement)
{
	struct pop_states next = pop_states_copy(&desk->states);
	enum geo_pop_state before = pop_states_get(&desk->states, statement->pop);
	int err = pop_states_say(&next, statement) ? 0 : -ENOSPC;

	if (!err && pop_statement_is_operators(statement))
		err = states_write(desk, &next);
	if (err) {
		pop_states_fini(&next);
		return err;
	}
	pop_states_fini(&desk->states);
	desk->states = next;
	timer_arm(desk);
	/* A PoP that repeats itself is not worth a line. */
	if (pop_states_get(&next, statement->pop) != before)
		log_info("pop %s: %s says %s", statement->pop, statement->source,
			 pop_state_names[statement->state]);
	if (desk->on_change)
		desk->on_change(desk->ctx, statement);
	return 0;
}

struct pop_desk *pop_desk_new(struct ev_loop *loop, const char *path, struct conf_error *err)
{
	struct pop_desk *desk = x_new(struct pop_desk);

	desk->loop = loop;
	desk->path = path ? xstrdup(path) : NULL;
	ev_init(&desk->timer, on_timer);
	desk->timer.data = desk;
	states_read(desk, err);
	if (err->set) {
		pop_desk_free(desk);
		return NULL;
	}
	if (path)
		folder_check(path);
	states_tell(desk);
	timer_arm(desk);
	return desk;
}

void pop_desk_free(struct pop_desk *desk)
{
	if (!desk)
		return;
	ev_timer_stop(desk->loop, &desk->timer);
	pop_states_fini(&desk->states);
	free(desk->path);
	free(desk);
}

void pop_desk_listen(struct pop_desk *desk, pop_desk_fn *on_change, void *ctx)
{
	desk->on_change = on_change;
	desk->ctx = ctx;
}

const struct pop_states *pop_desk_states(const struct pop_desk *desk)
{
	return &desk->states;
}

bool pop_desk_is_lasting(const struct pop_desk *desk)
{
	return desk->path;
}
