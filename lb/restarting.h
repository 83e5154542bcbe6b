/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restarting.h - the daemon gives its place to the next one, and nobody notices.
 *
 * Addresses, routes, and what continuity has pinned stay on the machine. The other PoPs are told
 * that we are about to be back; peers with whom graceful restart is agreed keep our routes, since
 * the connections end without a word.
 */
#ifndef LB_RESTARTING_H
#define LB_RESTARTING_H

#include "lb/daemon.h"

/* So long the other PoPs wait for the next one. */
#define LB_RESTART_MS 10000

/*
 * Breaks the loop; from then on lb->restarts is set, lb_daemon_free() leaves everything where it
 * is, and the caller starts the next one. Not while the daemon drains or stops, nor if its file has
 * a mistake, which the next one would not survive: then nothing changes, and the log says why.
 */
void lb_daemon_restart(struct lb_daemon *lb);

#endif
