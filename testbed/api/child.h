/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * child.h - this same program once more, with other words, watched by the loop.
 *
 * What measures is a process of its own, so that nothing that is asked of the
 * server disturbs it. It leads a process group (Ctrl-C at the server's terminal
 * is not for it) and is told to end should the server die. Needs the default loop.
 */
#ifndef TESTBED_API_CHILD_H
#define TESTBED_API_CHILD_H

#include <ev.h>
#include <stdbool.h>

struct child {
	/* It has ended; status as the shell's: 128 and the signal's number for a killed one. */
	void (*on_end)(struct child *child, int status);
	struct ev_loop *loop;
	ev_child watcher;
	ev_timer patience;
	pid_t pid; /* 0: does not run */
};

/*
 * Start it with these words behind the program's name; they end with NULL. out and err become its
 * standard output and error, still the caller's. on_end is set by the caller. 0 or -errno.
 */
int child_start(struct child *child, struct ev_loop *loop, const char *const *words, int out,
		int err);
/* Ask it to end (SIGINT); what has not after so long is killed with its group. */
void child_interrupt(struct child *child, double patience_s);

#endif
