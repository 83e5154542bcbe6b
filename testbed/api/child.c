/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"

#define WORDS_MAX 24

/* Of the server's handlers, those of signals that mean the child too. */
static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

static void on_child(struct ev_loop *loop, ev_child *w, int revents)
{
	struct child *child = w->data;
	int status = w->rstatus;

	(void)revents;
	ev_child_stop(loop, w);
	ev_timer_stop(loop, &child->patience);
	child->pid = 0;
	child->on_end(child, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct child *child = w->data;

	(void)loop;
	(void)revents;
	log_warn("process %d does not end: killed", (int)child->pid);
	kill(-child->pid, SIGKILL);
}

/*
 * Signals are blocked when this begins: until the exec the handlers are the server's, which would
 * take note, in a copy of its memory, and the child would go on.
 */
static void signals_reset(const sigset_t *mask)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void become(const char *const *words, int out, int err, pid_t parent)
{
	char program[] = "catchment-testbed", *argv[WORDS_MAX + 2] = { program };
	int null = open("/dev/null", O_RDONLY);

	for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
		argv[i + 1] = (char *)words[i];
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	unsetenv("JOURNAL_STREAM"); /* its lines are for a file */
	execv("/proc/self/exe", argv);
	_exit(127);
}

int child_start(struct child *child, struct ev_loop *loop, const char *const *words, int out,
		int err)
{
	pid_t parent = getpid(), pid;
	sigset_t all, mask;
	int failed;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	failed = errno;
	if (pid == 0) {
		signals_reset(&mask);
		become(words, out, err, parent);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (pid < 0)
		return -failed;
	setpgid(pid, pid); /* here too, or a signal might come before */
	child->loop = loop;
	child->pid = pid;
	ev_child_init(&child->watcher, on_child, pid, 0);
	ev_init(&child->patience, on_patience);
	child->watcher.data = child->patience.data = child;
	/* What it has done before its end is heard of before its end. */
	ev_set_priority(&child->watcher, EV_MINPRI);
	ev_child_start(loop, &child->watcher);
	return 0;
}

void child_interrupt(struct child *child, double patience_s)
{
	if (child->pid == 0)
		return;
	kill(child->pid, SIGINT);
	if (ev_is_active(&child->patience) &&
	    ev_timer_remaining(child->loop, &child->patience) < patience_s)
		return;
	ev_timer_stop(child->loop, &child->patience);
	ev_timer_set(&child->patience, patience_s, 0);
	ev_timer_start(child->loop, &child->patience);
}
