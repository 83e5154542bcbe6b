/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.h - the BFD thread: sockets, timers and sessions.
 *
 * It takes its orders from one channel and reports into another, and shares nothing else but what
 * bfd_link publishes. It writes no log and asks nobody for a lock.
 */
#ifndef LB_BFD_WORKER_H
#define LB_BFD_WORKER_H

#include "lb/bfd/channel.h"

struct bfd_worker;

/* Start it. Both channels must outlive it. *realtime: whether SCHED_FIFO was granted. -errno. */
int bfd_worker_new(struct bfd_worker **out, struct bfd_channel *orders, struct bfd_channel *reports,
		   bool *realtime);
/* Send it BFD_MSG_QUIT and wait for its end. */
void bfd_worker_free(struct bfd_worker *worker);
/* Any thread: the most that a periodic packet was late. */
int64_t bfd_worker_latest_ns(const struct bfd_worker *worker);

#endif
