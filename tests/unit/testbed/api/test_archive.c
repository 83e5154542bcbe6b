/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/archive.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testbed/record.h"

struct rig {
	char out[64];
};

static struct rig rig_new(void)
{
	struct rig r = { .out = "/tmp/archive.XXXXXX" };

	unsetenv("SUDO_UID");
	cr_assert_not_null(mkdtemp(r.out));
	return r;
}

static void rig_free(const struct rig *r)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", r->out);
	cr_expect_eq(system(command), 0);
}

static const char *directory(const struct rig *r, const char *id)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", r->out, id);
	cr_expect(mkdir(path, 0755) == 0 || access(path, F_OK) == 0);
	return path;
}

static void put(const struct rig *r, const char *id, const char *name, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory(r, id), name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect(const struct rig *r, const char *id, const char *key, const char *value)
{
	json_t *run = archive_run(r->out, id);

	cr_assert_not_null(run, "%s", id);
	cr_expect_str_eq(json_string_value(json_object_get(run, key)), value, "%s: %s", id,
			 json_string_value(json_object_get(run, key)));
	json_decref(run);
}

#define RUN(state)                                                                                 \
	"{\"id\":\"a\",\"lab\":\"l\",\"scenario\":\"s\",\"runtime\":\"namespaces\",\"state\":"     \
	"\"" state "\",\"trials\":{\"wanted\":3,\"valid\":0,\"attempts\":0},\"reason\":null}"
#define RESULT(trials, more)                                                                       \
	"{\"scenario\":{\"name\":\"s\",\"trials\":2},\"runtime\":\"docker\",\"trials\":" trials    \
		more "}"
#define TWO "[{\"valid\":true},{\"valid\":false}]"

Test(archive, newest_first)
{
	static const char *const order[] = { "b-20261122-040001", "a-20261122-040000-10",
					     "a-20261122-040000-2", "a-20261122-040000",
					     "z-20261121-235959" };
	struct rig r = rig_new();
	char **ids, latest[128];
	size_t n;

	for (size_t i = 0; i < 5; i++)
		directory(&r, order[(i + 3) % 5]);
	snprintf(latest, sizeof(latest), "%s/latest", r.out);
	cr_assert_eq(symlink("b-20261122-040001", latest), 0);
	n = archive_ids(r.out, &ids);
	cr_assert_eq(n, 5, "without latest: %zu", n);
	for (size_t i = 0; i < n; i++) {
		cr_expect_str_eq(ids[i], order[i]);
		free(ids[i]);
	}
	free(ids);
	rig_free(&r);
}

Test(archive, no_runs)
{
	struct rig r = rig_new();
	char **ids;

	cr_expect_eq(archive_ids("/nowhere", &ids), 0);
	free(ids);
	directory(&r, "empty");
	put(&r, "lab", "result.json", RESULT("[]", ""));
	put(&r, "rubbish", "result.json", "{");
	put(&r, "odd", "result.json", "{\"trials\":[1],\"scenario\":7}");
	cr_expect_null(archive_run(r.out, "empty"));
	cr_expect_null(archive_run(r.out, "lab"), "what up leaves");
	cr_expect_null(archive_run(r.out, "rubbish"));
	cr_expect_null(archive_run(r.out, "odd"));
	cr_expect_null(archive_run(r.out, "nobody"));
	cr_expect_null(archive_run(r.out, "../etc"));
	cr_expect_null(archive_run(r.out, "."));
	cr_expect_null(archive_file(r.out, "..", "passwd"));
	rig_free(&r);
}

Test(archive, runs_of_a_server)
{
	struct rig r = rig_new();
	json_t *run;
	int lock;

	put(&r, "done", "run.json", RUN("done"));
	expect(&r, "done", "state", "done");
	expect(&r, "done", "id", "done");
	put(&r, "alive", "run.json", RUN("running"));
	lock = record_lock(directory(&r, "alive"));
	expect(&r, "alive", "state", "running");
	close(lock);
	/* Its server has been killed; what it measured counts. */
	put(&r, "alive", "result.json", RESULT(TWO, ""));
	expect(&r, "alive", "state", "failed");
	expect(&r, "alive", "reason", "the server died, or could not write, before the run ended");
	run = archive_run(r.out, "alive");
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(run, "trials"), "wanted")),
		     3);
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(run, "trials"), "valid")),
		     1);
	json_decref(run);
	rig_free(&r);
}

Test(archive, runs_by_hand)
{
	struct rig r = rig_new();
	json_t *run;
	int lock;

	put(&r, "x-20261122-040000", "result.json", RESULT(TWO, ",\"summary\":{}"));
	expect(&r, "x-20261122-040000", "state", "done");
	expect(&r, "x-20261122-040000", "runtime", "docker");
	run = archive_run(r.out, "x-20261122-040000");
	cr_expect(json_is_null(json_object_get(run, "lab")));
	cr_expect_eq(
		json_integer_value(json_object_get(json_object_get(run, "trials"), "attempts")), 2);
	json_decref(run);
	put(&r, "y", "result.json", RESULT(TWO, ""));
	expect(&r, "y", "state", "failed");
	lock = record_lock(directory(&r, "y"));
	expect(&r, "y", "state", "running");
	close(lock);
	rig_free(&r);
}

Test(archive, files_and_last_lines)
{
	struct rig r = rig_new();
	char *text;

	put(&r, "a", "progress.log", "one\n  two \xc3\xa4\x01\n\n");
	put(&r, "a", "empty", "");
	text = archive_file(r.out, "a", "progress.log");
	cr_expect_str_eq(text, "one\n  two \xc3\xa4\x01\n\n");
	free(text);
	cr_expect_null(archive_file(r.out, "a", "empty"));
	cr_expect_null(archive_file(r.out, "a", "nothing"));
	rig_free(&r);
}

static const struct {
	const char *id, *log;
	int status;
	const char *reason;
} ends[] = {
	{ "said", "one\n  two \xc3\xa4\x01\n\n", 1, "two ???" },
	{ "silent", "", 2, "exit status 2, and not a word" },
	{ "blank", "\n \n", 127, "exit status 127, and not a word" },
	{ "killed", "trial 1 of 1: 4 s\n", 137,
	  "killed by signal 9, having said: trial 1 of 1: 4 s" },
	{ "killed_early", "", 139, "killed by signal 11" },
};

Test(archive, reasons)
{
	struct rig r = rig_new();

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *reason;

		put(&r, ends[i].id, "progress.log", ends[i].log);
		reason = archive_end_reason(r.out, ends[i].id, ends[i].status);
		cr_expect_str_eq(reason, ends[i].reason, "%s: %s", ends[i].id, reason);
		free(reason);
	}
	rig_free(&r);
}

Test(archive, what_cannot_be_saved_leaves_nothing)
{
	struct rig r = rig_new();
	json_t *json = json_object();
	char path[256];

	/* A full disk would do the same, a little earlier. */
	directory(&r, "a");
	put(&r, "a/scenario.json", "x", "");
	snprintf(path, sizeof(path), "%s/a", r.out);
	cr_expect_lt(archive_save(path, "scenario.json", json), 0);
	strcat(path, "/.scenario.json");
	cr_expect_neq(access(path, F_OK), 0);
	json_decref(json);
	rig_free(&r);
}
