/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/lab_dir.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 3000

/* A /run of the test's own: it must not meet the labs of this machine. */
static void run_own(void)
{
	uid_t uid = getuid();
	int fd;

	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) < 0)
		cr_skip_test("no mount namespace may be made here: %s", strerror(errno));
	if (uid) {
		fd = open("/proc/self/uid_map", O_WRONLY);
		cr_assert_gt(dprintf(fd, "0 %u 1", uid), 0, "uid_map");
		close(fd);
	}
	cr_assert_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "private");
	cr_assert_eq(mount("none", "/run", "tmpfs", 0, NULL), 0, "tmpfs");
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

Test(lab_dir, a_name_is_for_one)
{
	int lock, other;

	run_own();
	lock = lab_dir_take("one");
	cr_assert_geq(lock, 0);
	cr_expect_eq(lab_dir_take("one"), -EBUSY);
	cr_expect(lab_dir_is_taken("one"));
	cr_expect_not(lab_dir_clean("one"), "it is not dead");
	other = lab_dir_take("other");
	cr_assert_geq(other, 0);
	lab_dir_release("one", lock);
	cr_expect_not(is_there("/run/catchment/one"));
	cr_expect_not(lab_dir_is_taken("one"));
	cr_expect(lab_dir_is_taken("other"));
	lab_dir_release("other", other);
	cr_expect_not(is_there("/run/catchment"), "nothing stays");
}

Test(lab_dir, what_the_dead_leave)
{
	int lock;

	run_own();
	cr_expect_not(lab_dir_clean("dead"), "there never was one");
	cr_expect_not(is_there("/run/catchment"));
	close(lab_dir_take("dead")); /* as a killed process does */
	close(open("/run/catchment/dead/control", O_WRONLY | O_CREAT, 0600));
	cr_expect_not(lab_dir_is_taken("dead"));
	lock = lab_dir_take("dead");
	cr_expect_geq(lock, 0, "the next one of that name");
	close(lock);
	cr_expect(lab_dir_clean("dead"));
	cr_expect_not(is_there("/run/catchment"));
	/* Killed before there was a lock. */
	cr_assert_eq(mkdir("/run/catchment", 0755) + mkdir("/run/catchment/early", 0755), 0);
	cr_expect(lab_dir_clean("early"));
	cr_expect_not(is_there("/run/catchment"));
	/* Not ours. */
	cr_assert_eq(mkdir("/run/catchment", 0755), 0);
	close(open("/run/catchment/file", O_WRONLY | O_CREAT, 0600));
	cr_expect_eq(lab_dir_take("file"), -ENOTDIR);
	cr_expect_not(lab_dir_clean("file"));
	cr_expect(is_there("/run/catchment/file"));
}

/* Take and release as fast as possible: status 1 when it fails, 2 when another has it too. */
static void churn(const char *name)
{
	unsigned had = 0;

	while (had < ROUNDS) {
		int lock = lab_dir_take(name), only;
		char path[64];

		if (lock == -EBUSY) {
			sched_yield();
			continue;
		}
		if (lock < 0)
			_exit(1);
		snprintf(path, sizeof(path), "/run/only-%s", name);
		only = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (only < 0 || !lab_dir_is_taken(name))
			_exit(2);
		close(only);
		unlink(path);
		lab_dir_release(name, lock);
		had++;
	}
	_exit(0);
}

Test(lab_dir, ends_and_starts_cross)
{
	static const char *const names[] = { "a", "a", "b", "b" };
	int status;

	run_own();
	for (size_t i = 0; i < 4; i++) {
		if (fork() == 0)
			churn(names[i]);
	}
	for (size_t i = 0; i < 4; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
	}
	cr_expect_not(is_there("/run/catchment"));
}
