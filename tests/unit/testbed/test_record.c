/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct rig {
	char base[64];
	struct record *record;
};

static struct rig rig_new(void)
{
	struct rig r = { .base = "/tmp/record.XXXXXX" };

	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	cr_assert_not_null(mkdtemp(r.base));
	cr_assert_eq(record_new(&r.record, r.base, "small"), 0);
	return r;
}

static void rig_free(struct rig *r)
{
	char command[128];

	record_free(r->record);
	snprintf(command, sizeof(command), "rm -r %s", r->base);
	cr_expect_eq(system(command), 0);
}

static char *content(const char *dir, const char *name)
{
	static char buf[8192];
	char path[256];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	cr_assert_not_null(f, "%s: %s", path, strerror(errno));
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

#define HEAD "t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail\n"

struct row {
	const char *what;
	struct record_row row;
	const char *line;
};

/* clang-format off */
static const struct row rows[] = {
	{ "plain", { 12, "paris", "udp", "geo", "7", "fra", "ok", 1500, "" },
	  "12,3,paris,udp,geo,7,fra,ok,1500,\n" },
	{ "no latency", { 12, "fra", "fault", "", "", "", "begin", -1, "pop_crash" },
	  "12,3,fra,fault,,,,begin,,pop_crash\n" },
	{ "no time at all", { 0, "a", "b", "", "", "", "", 0, "" }, "0,3,a,b,,,,,0,\n" },
	{ "a comma", { 1, "a", "b", "", "", "", "", -1, "x,y" }, "1,3,a,b,,,,,,\"x,y\"\n" },
	{ "quotes", { 1, "a", "b", "", "", "", "", -1, "{\"k\":\"v\"}" },
	  "1,3,a,b,,,,,,\"{\"\"k\"\":\"\"v\"\"}\"\n" },
	{ "a line's end", { 1, "a", "b", "", "", "", "", -1, "one\ntwo" },
	  "1,3,a,b,,,,,,\"one\ntwo\"\n" },
	{ "a carriage return", { 1, "a", "b", "", "", "", "", -1, "one\r" },
	  "1,3,a,b,,,,,,\"one\r\"\n" },
	{ "in any column", { 1, "a,", "b\"", "c", "", "", "", -1, "" },
	  "1,3,\"a,\",\"b\"\"\",c,,,,,\n" },
	{ "spaces need no quotes", { 1, "a b", "c", "", "", "", "", -1, "" }, "1,3,a b,c,,,,,,\n" },
};
/* clang-format on */

Test(record, rows_as_rfc_4180_wants_them)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r = rig_new();
		const char *text;

		record_trial(r.record, 3);
		record_row(r.record, &rows[i].row);
		record_flush(r.record);
		text = content(record_dir(r.record), "events.csv");
		cr_expect_eq(strncmp(text, HEAD, strlen(HEAD)), 0);
		cr_expect_str_eq(text + strlen(HEAD), rows[i].line, "%s: %s", rows[i].what,
				 text + strlen(HEAD));
		rig_free(&r);
	}
}

Test(record, latest_points_to_the_run)
{
	struct rig r = rig_new();
	char latest[128];

	record_flush(r.record);
	snprintf(latest, sizeof(latest), "%s/latest", r.base);
	cr_expect_eq(strncmp(content(latest, "events.csv"), "t_ns,", 5), 0);
	cr_expect_eq(strncmp(strrchr(record_dir(r.record), '/'), "/small-2", 8), 0);
	rig_free(&r);
}

/* They start within a second, unless the machine is very slow. */
Test(record, runs_do_not_share_a_place)
{
	struct rig r = rig_new();
	struct record *more[3];

	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(record_new(&more[i], r.base, "small"), 0);
		cr_expect_str_neq(record_dir(more[i]), record_dir(r.record));
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(record_dir(more[i]), record_dir(more[j]));
	}
	for (size_t i = 0; i < 3; i++)
		record_free(more[i]);
	rig_free(&r);
}

Test(record, a_place_made_before)
{
	struct rig r = rig_new();
	struct record *record, *second;
	char *dir, text[128];

	cr_assert_eq(record_directory_make(&dir, r.base, "small"), 0);
	cr_expect_not(record_is_locked(dir));
	cr_assert_eq(record_new_at(&record, r.base, strrchr(dir, '/') + 1), 0);
	cr_expect_str_eq(record_dir(record), dir);
	cr_expect(record_is_locked(dir), "a record is being written there");
	snprintf(text, sizeof(text), "%s/latest", r.base);
	cr_expect_eq(access(text, F_OK), 0);
	cr_expect_eq(record_new_at(&second, r.base, strrchr(dir, '/') + 1), -EEXIST);
	cr_expect_null(second);
	record_free(record);
	cr_expect_not(record_is_locked(dir));
	free(dir);
	rig_free(&r);
}

Test(record, names_of_places)
{
	static const char *const good[] = { "quick-20261122-040000-2", "a", "a.b_c" };
	static const char *const bad[] = { "",	 ".",	    "..",  "../x", "a/b",
					   "-a", ".hidden", "a b", "a\n",  "\xc3\xa4" };
	char text[128];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect(record_id_is_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(record_id_is_valid(bad[i]), "%s", bad[i]);
	memset(text, 'a', 101);
	text[101] = '\0';
	cr_expect_not(record_id_is_valid(text));
	cr_expect(record_id_is_valid(text + 1));
}

Test(record, nodes_keep_their_files_and_logs)
{
	struct rig r = rig_new();
	json_t *files = json_pack("{s:s, s:s}", "/run/lab/bird.conf", "router id 1;\n",
				  "/etc/resolv.conf", "nameserver\n");

	record_files(r.record, "fra", files);
	record_log(r.record, "fra", "bird", "started");
	record_log(r.record, "fra", "bird", "ended");
	cr_expect_str_eq(content(record_dir(r.record), "nodes/fra/bird.conf"), "router id 1;\n");
	cr_expect_str_eq(content(record_dir(r.record), "nodes/fra/resolv.conf"), "nameserver\n");
	cr_expect_str_eq(content(record_dir(r.record), "nodes/fra/bird.log"), "started\nended\n");
	json_decref(files);
	rig_free(&r);
}

Test(record, without_a_place_nothing_is_kept)
{
	struct record *record;
	json_t *files = json_object();

	cr_assert_eq(record_new(&record, NULL, "small"), 0);
	cr_expect_null(record_dir(record));
	record_trial(record, 1);
	record_row(record, &(struct record_row){ 1, "", "", "", "", "", "", -1, "" });
	record_log(record, "fra", "bird", "x");
	record_files(record, "fra", files);
	record_flush(record);
	record_free(record);
	json_decref(files);
}

/* The caller frees what it was given, which then is nothing. */
Test(record, a_place_that_cannot_be)
{
	struct record *record = NULL;

	cr_expect_eq(record_new(&record, "/dev/null/out", "small"), -ENOTDIR);
	cr_expect_null(record);
	record_free(record);
}

Test(record, lost_rows_are_noticed)
{
	const struct record_row row = { .source = "paris",
					.kind = "udp",
					.variant = "anycast",
					.user = "1",
					.pop = "fra",
					.result = "ok",
					.latency_us = 7,
					.detail = "" };
	const struct rlimit full = { 4096, RLIM_INFINITY };
	struct rig r = rig_new();

	record_row(r.record, &row);
	cr_expect(record_flush(r.record));
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 0; i < 1000; i++)
		record_row(r.record, &row);
	cr_expect_not(record_flush(r.record));
	rig_free(&r);
}
