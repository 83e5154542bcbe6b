/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - one TCP connection to a peer: dialled or accepted, buffered, closed in order.
 *
 * A shell around a socket: it cuts the stream into messages, queues what is to be sent and tells
 * when a marked part of it has been handed to the kernel. It knows nothing of states; peer.c
 * does. Thread of the loop. Handlers are called from the loop only, except where said.
 *
 *	bgp_session_dial/adopt -> on_up -> on_message ... -> on_down or bgp_session_close
 *
 * After on_down, or bgp_session_close(), nothing is called any more but on_sent and on_gone; the
 * session flushes, waits shortly for the peer to close its end (so that a last NOTIFICATION is
 * not lost to a reset), then frees itself and says on_gone.
 */
#ifndef LB_BGP_SESSION_H
#define LB_BGP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/transport.h"
#include "lib/addr.h"
#include "lib/clock.h"

struct ev_loop;
struct bgp_session;

/* ctx is told to all, which says what connection of which peer it is. */
struct bgp_session_handlers {
	void (*on_up)(void *ctx);
	/* error: -errno, 0 when the peer closed. The session must still be closed by its owner. */
	void (*on_down)(void *ctx, int error);
	void (*on_message)(void *ctx, const struct bgp_frame *frame);
	void (*on_bad_frame)(void *ctx, const struct bgp_error *err);
	/* The output has become stuck, or has moved again. */
	void (*on_blocked)(void *ctx, bool blocked);
	/*
	 * The bytes up to this mark are with the kernel, since that instant; said when the loop has
	 * nothing else to do. mark is freed with free() afterwards.
	 */
	void (*on_sent)(void *ctx, void *mark, struct instant at);
	void (*on_gone)(void *ctx);
};

/* Whom, from where and how. */
struct bgp_dial {
	struct endpoint remote;
	struct addr local;     /* ADDR_NONE: the kernel's choice */
	const char *interface; /* that link-local addresses are of, else NULL */
	const struct bgp_transport *transport;
};

/* Dial; on_up or on_down follows. NULL and *error (-errno) when refused. */
struct bgp_session *bgp_session_dial(struct ev_loop *loop, const struct bgp_dial *to, int *error);
/* Take over an accepted, non-blocking socket; it is up, on_up is not called. */
struct bgp_session *bgp_session_adopt(struct ev_loop *loop, int fd);
/* To be set before the loop runs again. handlers must outlive the session. */
void bgp_session_set_handlers(struct bgp_session *session,
			      const struct bgp_session_handlers *handlers, void *ctx);
/*
 * Send bytes, or queue what the kernel does not take. mark (may be NULL, from malloc) is handed to
 * on_sent once they are written; when they never are it is freed.
 */
void bgp_session_write(struct bgp_session *session, const void *bytes, size_t len, void *mark);
/* Bytes not yet taken by the kernel. */
size_t bgp_session_queued(const struct bgp_session *session);
/* Take what has come already, without waiting for the loop to say so. Calls handlers. */
void bgp_session_receive(struct bgp_session *session);
/* Give it up: flush, then close as above. abort: at once, without a word and without on_gone. */
void bgp_session_close(struct bgp_session *session);
void bgp_session_abort(struct bgp_session *session);

struct endpoint bgp_session_local(const struct bgp_session *session);
struct endpoint bgp_session_remote(const struct bgp_session *session);

#endif
