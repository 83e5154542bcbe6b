/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/version.h"

/* What the child of a fork wrote to stderr, a pipe, before it ended with *status. */
static const char *logged(void (*say)(void), int *status)
{
	static char buf[4096];
	size_t used = 0;
	int fds[2];
	pid_t pid;
	ssize_t n;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		say();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf + used, sizeof(buf) - 1 - used)) > 0)
		used += (size_t)n;
	close(fds[0]);
	buf[used] = '\0';
	waitpid(pid, status, 0);
	return buf;
}

static void say_all(void)
{
	log_debug("unheard");
	log_set_verbose(true);
	log_debug("pop %s", "fra");
	log_info("pop %s", "fra");
	log_warn("pop %s", "fra");
	log_error("pop %s", "fra");
}

static void say_long(void)
{
	log_info("%02000d", 1);
}

/* Before the leak checker's own, which has no business in a fork of a test. */
static void leave(int status, void *arg)
{
	(void)arg;
	_exit(status);
}

static void say_fatal(void)
{
	on_exit(leave, NULL);
	log_fatal(3, "no %s", "root");
}

Test(log, lines)
{
	int status;

	cr_expect_eq(unsetenv("JOURNAL_STREAM"), 0);
	cr_expect_str_eq(logged(say_all, &status), "pop fra\npop fra\npop fra\npop fra\n");
	cr_expect_eq(setenv("JOURNAL_STREAM", "8:1", 1), 0);
	cr_expect_str_eq(logged(say_all, &status),
			 "<7>pop fra\n<6>pop fra\n<4>pop fra\n<3>pop fra\n");
	cr_expect_eq(strlen(logged(say_long, &status)), 1023, "cut, but with its newline");
	cr_expect_eq(strchr(logged(say_long, &status), '\n')[1], '\0');
	cr_expect_str_eq(logged(say_fatal, &status), "<3>no root\n");
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

Test(version, text_begins_with_the_number)
{
	size_t len = strlen(version_number());

	cr_expect_eq(strncmp(version_text(), version_number(), len), 0);
	cr_expect_eq(strncmp(version_text() + len, " (", 2), 0);
}
