/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * apply.h - another configuration for a daemon that runs.
 *
 * The file is read again and checked whole; reload.h finds the difference; that alone is carried
 * out. Who has not changed notices nothing: sessions stay, checks keep their place in time, states
 * keep their history, and a prefix in both configurations is not withdrawn.
 */
#ifndef LB_APPLY_H
#define LB_APPLY_H

#include "lb/daemon.h"
#include "lib/pointer.h"

/* What became of it, as POST /v1/reload tells it. */
struct lb_reload_reply {
	/*
	 * 200: applied, changes says what. Otherwise nothing has changed, reason says why: 409 the
	 * daemon is about to stop, or only a restart can do this (pointer); 422 a mistake in the
	 * file (pointer); 500 something of this machine stands in the way.
	 */
	int status;
	json_t *changes; /* the caller's; NULL unless 200 */
	char pointer[POINTER_SIZE];
	char reason[400];
};

/*
 * One line of the log and an event say how it went, too. From the loop, not from a callback of the
 * speaker, of BFD or of a check.
 */
void lb_daemon_reload(struct lb_daemon *lb, struct lb_reload_reply *reply);

#endif
