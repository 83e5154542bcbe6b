/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accepter.h - who connects to a socket that listens, in a loop.
 *
 * One connection a turn, so that nobody else in the loop waits for all of them. While descriptors
 * or memory are lacking a connection stays in the backlog and the socket readable: then it looks
 * away for a moment, or the loop would do nothing else, and says so once.
 */
#ifndef LIB_ACCEPTER_H
#define LIB_ACCEPTER_H

#include <ev.h>
#include <stdbool.h>
#include <sys/socket.h>

/* fd, which does not block, is the callee's. */
typedef void accepter_fn(void *ctx, int fd, const struct sockaddr *from);

/* To be read: io.fd. */
struct accepter {
	struct ev_loop *loop;
	ev_io io;
	ev_timer pause;
	const char *name;
	accepter_fn *on_connection;
	void *ctx;
	bool is_starved; /* and it has been said */
};

/* Takes fd, a listening socket that does not block. name, for the log, is borrowed. */
void accepter_start(struct accepter *a, struct ev_loop *loop, int fd, const char *name,
		    accepter_fn *on_connection, void *ctx);
/* Closes it. Nothing happens to one that was never started and is zero. */
void accepter_stop(struct accepter *a);

#endif
