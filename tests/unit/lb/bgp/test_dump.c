/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/dump.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX 100

struct fixture {
	char directory[32], file[64], old[80];
	struct bgp_dump_conf conf;
	struct bgp_dump *dump;
};

static void setup(struct fixture *f)
{
	strcpy(f->directory, "/tmp/dump-XXXXXX");
	cr_assert(mkdtemp(f->directory));
	snprintf(f->file, sizeof(f->file), "%s/t1.mrt", f->directory);
	snprintf(f->old, sizeof(f->old), "%s.1", f->file);
	f->conf = (struct bgp_dump_conf){ f->file, MAX };
	f->dump = bgp_dump_new("t1", &f->conf);
}

static void teardown(struct fixture *f)
{
	bgp_dump_free(f->dump);
	unlink(f->file);
	unlink(f->old);
	rmdir(f->directory);
}

static long size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) < 0 ? -1 : (long)st.st_size;
}

static void write_record(struct fixture *f, size_t len)
{
	static const uint8_t record[3 * MAX];

	bgp_dump_write(f->dump, record, len);
}

Test(bgp_dump, appends_and_begins_anew)
{
	struct fixture f;

	setup(&f);
	cr_expect_eq(size_of(f.file), -1, "no record, no file");
	write_record(&f, 40);
	write_record(&f, 60);
	cr_expect_eq(size_of(f.file), 100, "just as long as may be");
	write_record(&f, 1);
	cr_expect_eq(size_of(f.file), 1);
	cr_expect_eq(size_of(f.old), 100);
	write_record(&f, 99);
	write_record(&f, 2);
	cr_expect_eq(size_of(f.old), 100);
	cr_expect_eq(bgp_dump_info_get(f.dump).bytes, 2);
	cr_expect_eq(bgp_dump_info_get(f.dump).records, 5);
	cr_expect_eq(bgp_dump_info_get(f.dump).lost, 0);
	write_record(&f, 3 * MAX);
	write_record(&f, 1);
	cr_expect_eq(size_of(f.old), 3 * MAX, "no record is cut, however long");
	teardown(&f);
}

Test(bgp_dump, goes_on_with_what_is_there)
{
	struct fixture f;

	setup(&f);
	write_record(&f, 70);
	bgp_dump_free(f.dump);
	f.dump = bgp_dump_new("t1", &f.conf);
	write_record(&f, 20);
	cr_expect_eq(size_of(f.file), 90);
	write_record(&f, 20);
	cr_expect_eq(size_of(f.old), 90);
	teardown(&f);
}

Test(bgp_dump, survives_what_it_cannot_write)
{
	struct fixture f;
	char away[80];

	setup(&f);
	write_record(&f, 10);
	snprintf(away, sizeof(away), "%s.away", f.directory);
	cr_assert_eq(rename(f.directory, away), 0);
	write_record(&f, 50);
	cr_expect_eq(bgp_dump_info_get(f.dump).lost, 0, "the file is open still");
	write_record(&f, 50);
	write_record(&f, 50);
	cr_expect_eq(bgp_dump_info_get(f.dump).lost, 2, "but cannot be renamed");
	cr_assert_eq(rename(away, f.directory), 0);
	write_record(&f, 50);
	cr_expect_eq(bgp_dump_info_get(f.dump).lost, 2, "every record tries again");
	cr_expect_eq(size_of(f.old), 60);
	cr_expect_eq(size_of(f.file), 50);
	teardown(&f);
}

/* A full disk, as a limit to the file's size: half a record is taken back. */
Test(bgp_dump, leaves_no_half_record)
{
	const struct rlimit limit = { 25, RLIM_INFINITY };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct fixture f;

	setup(&f);
	write_record(&f, 20);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	write_record(&f, 20);
	setrlimit(RLIMIT_FSIZE, &none);
	cr_expect_eq(bgp_dump_info_get(f.dump).lost, 1);
	cr_expect_eq(size_of(f.file), 20);
	write_record(&f, 30);
	cr_expect_eq(size_of(f.file), 50);
	teardown(&f);
}

Test(bgp_dump, is_for_regular_files)
{
	struct fixture f;

	setup(&f);
	cr_assert_eq(mkfifo(f.file, 0600), 0);
	write_record(&f, 10);
	cr_expect_eq(bgp_dump_info_get(f.dump).lost, 1, "and does not wait for a reader");
	teardown(&f);
}

Test(bgp_dump, none_is_asked_for)
{
	const struct bgp_dump_conf conf = { 0 };

	cr_expect_null(bgp_dump_new("t1", &conf));
	bgp_dump_free(NULL);
}
