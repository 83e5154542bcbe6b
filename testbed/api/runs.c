/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/api/archive.h"
#include "testbed/api/child.h"
#include "testbed/record.h"
#include "testbed/run.h"

#define QUEUE_MAX	  1000
#define CANCEL_PATIENCE_S 120 /* to take down a lab and to measure what is there */

struct queued_run {
	struct runs *runs;
	struct queued_run *next;
	char *id, *dir, *lab, *scenario, *runtime;
	unsigned wanted;
	bool has_seed;
	int64_t seed;
	time_t created;
	enum run_state state;
	struct archive_trials trials;
	struct timespec result_seen; /* result.json's time when trials was read */
	json_t *progress;	     /* of the trial on its way, or NULL */
	char *cancelled;	     /* why; NULL: it is not */
	int lock;
	struct child child;
};

struct runs {
	struct runs_setup setup;
	struct queued_run *first;
	struct runs_counts ended;
};

static const char *const state_names[] = {
	[RUN_QUEUED] = "queued",       [RUN_STARTING] = "starting", [RUN_RUNNING] = "running",
	[RUN_REPORTING] = "reporting", [RUN_DONE] = "done",	    [RUN_FAILED] = "failed",
	[RUN_CANCELLED] = "cancelled",
};

const char *run_state_name(enum run_state state)
{
	return state_names[state];
}

/* How it has ended, where it has. */
struct run_end {
	bool exited;
	int status;
	char *reason; /* NULL: none */
};

static json_t *run_object(const struct queued_run *run, const struct run_end *end)
{
	json_t *progress = run->progress ? json_incref(run->progress) : json_null();
	json_t *exit_status = end && end->exited ? json_integer(end->status) : json_null();

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:i, s:i, s:i}, s:o, s:o, s:s?, s:s}",
			 "id", run->id, "lab", run->lab, "scenario", run->scenario, "runtime",
			 run->runtime, "state", run_state_name(run->state), "created",
			 archive_time(run->created), "trials", "wanted", (int)run->wanted, "valid",
			 (int)run->trials.valid, "attempts", (int)run->trials.attempts, "progress",
			 progress, "exit_status", exit_status, "reason",
			 end ? end->reason : run->cancelled, "dir", run->dir);
}

/* Every change of state is written down and told. */
static void state_set(struct queued_run *run, enum run_state state, const struct run_end *end)
{
	json_t *object;
	int err;

	run->state = state;
	object = run_object(run, end);
	err = archive_save(run->dir, "run.json", object);
	if (err < 0)
		log_error("%s/run.json: %s", run->dir, strerror(-err));
	event_log_add(run->runs->setup.events, clock_now(), "run_state",
		      json_pack("{s:s, s:s, s:s, s:s, s:O}", "run", run->id, "lab", run->lab,
				"scenario", run->scenario, "state", run_state_name(state), "reason",
				json_object_get(object, "reason")));
	json_decref(object);
}

static void run_free(struct queued_run *run)
{
	struct queued_run **at = &run->runs->first;

	while (*at && *at != run)
		at = &(*at)->next;
	if (*at)
		*at = run->next;
	if (run->lock >= 0)
		close(run->lock);
	json_decref(run->progress);
	free(run->cancelled);
	free(run->id);
	free(run->dir);
	free(run->lab);
	free(run->scenario);
	free(run->runtime);
	free(run);
}

static void queue_advance(struct runs *runs);

/* Write its end down and forget it. */
static void run_end(struct queued_run *run, enum run_state state, struct run_end *end)
{
	struct runs *runs = run->runs;

	run->trials = archive_trials(run->dir);
	runs->ended.states[state]++;
	runs->ended.trials_valid += run->trials.valid;
	runs->ended.trials_invalid += run->trials.attempts - run->trials.valid;
	json_decref(run->progress);
	run->progress = NULL;
	state_set(run, state, end);
	free(end->reason);
	run_free(run);
	queue_advance(runs);
}

static void on_child_end(struct child *child, int status)
{
	struct queued_run *run =
		(struct queued_run *)(void *)((char *)child - offsetof(struct queued_run, child));
	struct run_end end = { .exited = true, .status = status };
	enum run_state state = RUN_DONE;

	if (status != EXIT_DONE && run->cancelled) {
		state = RUN_CANCELLED;
		end.reason = xstrdup(run->cancelled);
	} else if (status != EXIT_DONE) {
		state = RUN_FAILED;
		end.reason = archive_end_reason(run->runs->setup.out, run->id, status);
	}
	run_end(run, state, &end);
}

/* A file of the run's directory to write to, or -errno. */
static int file_make(const struct queued_run *run, const char *name)
{
	char *path = xasprintf("%s/%s", run->dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);

	fd = fd < 0 ? -errno : fd;
	record_give(path);
	free(path);
	return fd;
}

static int process_start(struct queued_run *run, int out, int err)
{
	char *scenario = xasprintf("%s/scenario.json", run->dir);
	char *trials = xasprintf("%u", run->wanted),
	     *seed = xasprintf("%lld", (long long)run->seed);
	const char *words[20] = { "run",   scenario,	"--id",
				  run->id, "--out",	run->runs->setup.out,
				  "--lab", run->lab,	"--trials",
				  trials,  "--runtime", run->runtime };
	size_t n = 12;
	int rc;

	if (run->has_seed) {
		words[n++] = "--seed";
		words[n++] = seed;
	}
	/* The containers' agents shall wait for the next run. */
	if (strcmp(run->runtime, "compose") == 0)
		words[n++] = "--keep-nodes";
	words[n] = NULL;
	run->child.on_end = on_child_end;
	rc = child_start(&run->child, run->runs->setup.loop, words, out, err);
	free(scenario);
	free(trials);
	free(seed);
	return rc;
}

static void run_start(struct queued_run *run)
{
	int out = file_make(run, "table.txt"), err = file_make(run, "progress.log");
	int rc = out < 0 ? out : err;

	if (rc >= 0)
		rc = process_start(run, out, err);
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	if (rc < 0)
		run_end(run, RUN_FAILED,
			&(struct run_end){
				.reason = xasprintf("cannot be started: %s", strerror(-rc)) });
	else
		state_set(run, RUN_STARTING, NULL);
}

/* The one that has a process for this lab, or waits for it. */
static struct queued_run *find_by_lab(const struct runs *runs, const char *lab, bool queued)
{
	for (struct queued_run *run = runs->first; run; run = run->next) {
		if ((queued || run->child.pid) && strcmp(run->lab, lab) == 0)
			return run;
	}
	return NULL;
}

static void queue_advance(struct runs *runs)
{
	struct queued_run *next = runs->first;
	unsigned busy = 0;

	for (const struct queued_run *run = runs->first; run; run = run->next)
		busy += run->child.pid != 0;
	while (next && (next->state != RUN_QUEUED || find_by_lab(runs, next->lab, false)))
		next = next->next;
	if (busy >= runs->setup.parallel || !next)
		return;
	/* Should that fail, the others have had their turn when it returns. */
	run_start(next);
	if (busy + 1 < runs->setup.parallel)
		queue_advance(runs);
}

struct runs *runs_new(const struct runs_setup *setup)
{
	struct runs *runs = x_new(struct runs);

	runs->setup = *setup;
	return runs;
}

void runs_free(struct runs *runs)
{
	free(runs);
}

size_t runs_left(const struct runs *runs)
{
	size_t n = 0;

	for (const struct queued_run *run = runs->first; run; run = run->next)
		n++;
	return n;
}

/* Takes dir over. */
static struct queued_run *run_new(struct runs *runs, const struct order *order, char *dir)
{
	struct queued_run *run = x_new(struct queued_run), **at = &runs->first;

	run->runs = runs;
	run->id = xstrdup(strrchr(dir, '/') + 1);
	run->dir = dir;
	run->lab = xstrdup(order->lab);
	run->scenario = xstrdup(order->scenario->name);
	run->runtime = xstrdup(order->runtime);
	run->wanted = order->trials;
	run->has_seed = order->has_seed;
	run->seed = order->seed;
	run->created = time(NULL);
	run->lock = record_lock(dir);
	while (*at)
		at = &(*at)->next;
	*at = run;
	return run;
}

int runs_add(struct runs *runs, const struct order *order, json_t **out)
{
	struct queued_run *run;
	char *dir;
	int err;

	if (runs_left(runs) >= QUEUE_MAX)
		return -EDQUOT;
	err = record_directory_make(&dir, runs->setup.out, order->scenario->name);
	if (err < 0)
		return err;
	err = archive_save(dir, "scenario.json", order->scenario->json);
	if (err < 0) {
		rmdir(dir);
		free(dir);
		return err;
	}
	run = run_new(runs, order, dir);
	state_set(run, RUN_QUEUED, NULL);
	*out = run_object(run, NULL);
	queue_advance(runs);
	return 0;
}

static struct queued_run *find(const struct runs *runs, const char *id)
{
	for (struct queued_run *run = runs->first; run; run = run->next) {
		if (strcmp(run->id, id) == 0)
			return run;
	}
	return NULL;
}

json_t *runs_get(const struct runs *runs, const char *id)
{
	const struct queued_run *run = find(runs, id);

	return run ? run_object(run, NULL) : NULL;
}

const char *runs_of_lab(const struct runs *runs, const char *lab)
{
	const struct queued_run *run = find_by_lab(runs, lab, true);

	return run ? run->id : NULL;
}

static void cancel(struct queued_run *run, const char *reason, double patience_s)
{
	if (!run->cancelled)
		run->cancelled = xstrdup(reason);
	if (run->child.pid)
		child_interrupt(&run->child, patience_s);
	else
		run_end(run, RUN_CANCELLED, &(struct run_end){ .reason = xstrdup(reason) });
}

bool runs_cancel(struct runs *runs, const char *id, const char *reason)
{
	struct queued_run *run = find(runs, id);

	if (run)
		cancel(run, reason, CANCEL_PATIENCE_S);
	return run != NULL;
}

void runs_stop(struct runs *runs, const char *reason, double patience_s)
{
	struct queued_run *run, *next;

	/* Nothing may start when a place becomes free. */
	runs->setup.parallel = 0;
	for (run = runs->first; run; run = next) {
		next = run->next;
		cancel(run, reason, patience_s);
	}
}

/* NULL between trials, when the event says nothing of one. */
static json_t *progress_object(const json_t *event)
{
	static const char *const keys[] = { "trial", "elapsed_s", "duration_s", "requests",
					    "failed" };
	json_t *progress;

	if (!json_is_integer(json_object_get(event, "trial")))
		return NULL;
	progress = json_object();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(event, keys[i]);

		json_object_set_new(progress, keys[i], json_integer(json_integer_value(value)));
	}
	return progress;
}

void runs_lab_event(struct runs *runs, const char *lab, const json_t *event)
{
	struct queued_run *run = find_by_lab(runs, lab, false);
	const char *kind = json_string_value(json_object_get(event, "kind"));

	if (!run || !kind)
		return;
	if (strcmp(kind, "trial_begin") == 0 && run->state == RUN_STARTING)
		state_set(run, RUN_RUNNING, NULL);
	if (strcmp(kind, "progress") == 0 || strcmp(kind, "trial_end") == 0) {
		json_decref(run->progress);
		run->progress = kind[0] == 'p' ? progress_object(event) : NULL;
	}
}

void runs_lab_gone(struct runs *runs, const char *lab)
{
	struct queued_run *run = find_by_lab(runs, lab, false);

	if (!run || run->state != RUN_RUNNING)
		return;
	json_decref(run->progress);
	run->progress = NULL;
	state_set(run, RUN_REPORTING, NULL);
}

void runs_look(struct runs *runs)
{
	for (struct queued_run *run = runs->first; run; run = run->next) {
		char *path = xasprintf("%s/result.json", run->dir);
		struct stat st;

		/* It is replaced when the lab is up and after each trial. */
		if (run->child.pid && stat(path, &st) == 0 &&
		    memcmp(&st.st_mtim, &run->result_seen, sizeof(st.st_mtim)) != 0) {
			run->result_seen = st.st_mtim;
			run->trials = archive_trials(run->dir);
			if (run->state == RUN_STARTING)
				state_set(run, RUN_RUNNING, NULL);
		}
		free(path);
	}
}

struct runs_counts runs_count(const struct runs *runs)
{
	struct runs_counts counts = runs->ended;

	for (const struct queued_run *run = runs->first; run; run = run->next)
		counts.states[run->state]++;
	return counts;
}
