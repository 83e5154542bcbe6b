/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>

#include "testbed/api/child.h"

struct watched {
	struct child child; /* first: on_end() casts */
	struct ev_loop *loop;
	int status;
};

static void on_end(struct child *child, int status)
{
	struct watched *w = (struct watched *)child;

	w->status = status;
	ev_break(w->loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

/* A fork has the server's handlers, which would take a signal that comes before the exec. */
Test(child, told_to_end_before_it_has_become_another, .timeout = 20)
{
	static const char *const words[] = { "--help", NULL };
	struct watched w = { .child.on_end = on_end, .loop = ev_default_loop(EVFLAG_AUTO) };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ev_signal handler;

	ev_signal_init(&handler, on_signal, SIGINT);
	ev_signal_start(w.loop, &handler);
	cr_assert_eq(child_start(&w.child, w.loop, words, null, null), 0);
	child_interrupt(&w.child, 10);
	ev_run(w.loop, 0);
	cr_expect_eq(w.status, 128 + SIGINT, "status %d", w.status);
	cr_expect_eq(w.child.pid, 0);
}
