/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/ups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/api/archive.h"
#include "testbed/api/child.h"
#include "testbed/record.h"
#include "testbed/run.h"

#define UPS_MAX		  64 /* on their way; and as many that have failed are remembered */
#define CANCEL_PATIENCE_S 60

struct lab_up {
	struct ups *ups;
	struct lab_up *next;
	char *lab, *id, *reason;
	struct child child;
};

struct ups {
	struct ev_loop *loop;
	struct event_log *events;
	const char *out;
	struct lab_up *first;
};

struct ups *ups_new(struct ev_loop *loop, struct event_log *events, const char *out)
{
	struct ups *ups = x_new(struct ups);

	ups->loop = loop;
	ups->events = events;
	ups->out = out;
	return ups;
}

static void up_free(struct lab_up *up)
{
	struct lab_up **at = &up->ups->first;

	while (*at != up)
		at = &(*at)->next;
	*at = up->next;
	free(up->lab);
	free(up->id);
	free(up->reason);
	free(up);
}

void ups_free(struct ups *ups)
{
	if (!ups)
		return;
	while (ups->first)
		up_free(ups->first);
	free(ups);
}

static struct lab_up *find(const struct ups *ups, const char *lab)
{
	for (struct lab_up *up = ups->first; up; up = up->next) {
		if (strcmp(up->lab, lab) == 0)
			return up;
	}
	return NULL;
}

static void on_child_end(struct child *child, int status)
{
	struct lab_up *up =
		(struct lab_up *)(void *)((char *)child - offsetof(struct lab_up, child));

	if (status == EXIT_DONE) {
		up_free(up);
		return;
	}
	up->reason = archive_end_reason(up->ups->out, up->id, status);
	event_log_add(up->ups->events, clock_now(), "lab_failed",
		      json_pack("{s:s, s:s}", "lab", up->lab, "reason", up->reason));
}

static int process_start(struct lab_up *up, const struct order *order, const char *dir)
{
	char *scenario = xasprintf("%s/scenario.json", dir);
	char *seed = xasprintf("%lld", (long long)order->seed);
	char *log = xasprintf("%s/progress.log", dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), rc;
	const char *words[] = { "up",
				scenario,
				"--id",
				up->id,
				"--out",
				up->ups->out,
				"--lab",
				order->lab,
				"--runtime",
				order->runtime,
				order->has_seed ? "--seed" : NULL,
				seed,
				NULL };

	record_give(log);
	up->child.on_end = on_child_end;
	rc = fd < 0 ? -errno : child_start(&up->child, up->ups->loop, words, fd, fd);
	if (fd >= 0)
		close(fd);
	free(scenario);
	free(seed);
	free(log);
	return rc;
}

/* So that those nobody asks about do not add up. */
static void oldest_failed_forget(struct ups *ups)
{
	struct lab_up *oldest = NULL;
	size_t failed = 0;

	for (struct lab_up *up = ups->first; up; up = up->next) {
		if (up->child.pid)
			continue;
		oldest = up;
		failed++;
	}
	if (failed >= UPS_MAX)
		up_free(oldest);
}

/* With its directory, which *dir becomes. */
static int directory_make(const struct ups *ups, const struct order *order, char **dir)
{
	int err = record_directory_make(dir, ups->out, order->scenario->name);

	if (err < 0) {
		*dir = NULL;
		return err;
	}
	err = archive_save(*dir, "scenario.json", order->scenario->json);
	if (err < 0)
		rmdir(*dir);
	return err;
}

int ups_add(struct ups *ups, const struct order *order)
{
	struct lab_up *up = find(ups, order->lab);
	char *dir;
	int err;

	if (up && up->child.pid)
		return -EALREADY;
	if (up) /* it has failed, and gets another chance */
		up_free(up);
	if (ups_left(ups) >= UPS_MAX)
		return -EDQUOT;
	oldest_failed_forget(ups);
	err = directory_make(ups, order, &dir);
	if (err == 0) {
		up = x_new(struct lab_up);
		up->ups = ups;
		up->lab = xstrdup(order->lab);
		up->id = xstrdup(strrchr(dir, '/') + 1);
		up->next = ups->first;
		ups->first = up;
		err = process_start(up, order, dir);
		if (err < 0)
			up_free(up);
	}
	free(dir);
	return err;
}

const char *ups_state(const struct ups *ups, const char *lab, const char **reason)
{
	const struct lab_up *up = find(ups, lab);

	*reason = up ? up->reason : NULL;
	if (!up)
		return NULL;
	return up->child.pid ? "starting" : "failed";
}

bool ups_has(const struct ups *ups, const char *lab)
{
	const struct lab_up *up = find(ups, lab);

	return up && up->child.pid;
}

bool ups_cancel(struct ups *ups, const char *lab)
{
	struct lab_up *up = find(ups, lab);

	if (!up)
		return false;
	if (up->child.pid)
		child_interrupt(&up->child, CANCEL_PATIENCE_S);
	else
		up_free(up);
	return true;
}

void ups_stop(struct ups *ups, double patience_s)
{
	for (struct lab_up *up = ups->first; up; up = up->next)
		child_interrupt(&up->child, patience_s);
}

size_t ups_left(const struct ups *ups)
{
	size_t n = 0;

	for (const struct lab_up *up = ups->first; up; up = up->next)
		n += up->child.pid != 0;
	return n;
}
