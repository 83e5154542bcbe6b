/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bfd.h - BFD as the daemon sees it (RFC 5881 single hop, RFC 5883 multihop, RFC 5882 for whom it
 * serves).
 *
 *	main loop --sessions--> thread --Control packets--> peers
 *	main loop <--changes--- thread <-------------------
 *
 * The sessions live in a thread of their own, under SCHED_FIFO where that is permitted, so that
 * neither sending nor noticing waits for anything else the process does. Both threads are joined
 * by a queue and an eventfd each way (channel.h). All functions here are for the thread of the
 * loop, and the handlers are called there.
 */
#ifndef LB_BFD_BFD_H
#define LB_BFD_BFD_H

#include "lb/bfd/channel.h"
#include "lb/bfd/session.h"

struct ev_loop;
struct bfd;
struct bfd_link;

/* What a session is to be. */
struct bfd_spec {
	const char *name;   /* for the log, copied */
	struct addr remote; /* not link-local */
	struct addr local;  /* to send from; ADDR_NONE: the kernel's choice */
	bool multihop;
	struct bfd_session_conf session;
};

/* Of the histogram of silences; one bucket more than bounds, for all above. */
#define BFD_SILENCE_BOUNDS 10
extern const double bfd_silence_bounds[BFD_SILENCE_BOUNDS]; /* seconds, rising */

/* Plain values for the API and for metrics. Times in microseconds where they are the RFC's. */
struct bfd_info {
	enum bfd_state state, remote_state;
	uint8_t local_diag, remote_diag, remote_detect_mult;
	bool remote_cpi, remote_demand;
	uint32_t local_discriminator, remote_discriminator;
	uint32_t tx_interval, remote_min_rx, remote_min_tx;
	uint64_t detection_time;
	struct instant since;	 /* of the state */
	uint64_t ups, downs;	 /* times that it became Up, and ceased to be */
	uint64_t detections;	 /* downs because the Detection Time expired */
	int64_t last_silence_ns; /* before the last detection; 0: there was none */
	int64_t silence_sum_ns;	 /* before all of them */
	uint64_t silences[BFD_SILENCE_BOUNDS + 1]; /* how many were so long */
	uint64_t packets_in, packets_out;	   /* accepted, sent */
	uint64_t send_errors;			   /* no route, no buffer ... */
	uint64_t discarded[BFD_DISCARDS];	   /* by enum bfd_discard */
};

struct bfd_handlers {
	void *ctx;
	/*
	 * The state of the session with this tag has changed. A client acts on was Up and state
	 * Down, and not where remote_state is AdminDown (RFC 5882, sections 3.2 and 4.1).
	 */
	void (*on_change)(void *ctx, size_t tag, const struct bfd_change *change);
};

/* Start the thread; handlers is copied. Refused real-time priority is one line of the log. -errno.
 */
int bfd_new(struct bfd **out, struct ev_loop *loop, const struct bfd_handlers *handlers);
/* Ends the thread, says nothing to peers: see bfd_admin_down(). NULL is fine. */
void bfd_free(struct bfd *bfd);
/* Have the port that this session needs, before there is one. -errno, where another has it. */
int bfd_listen(struct bfd *bfd, const struct bfd_spec *spec);
/*
 * Begin a session. tag: how handlers and the functions below know it, unique. 0, or -errno when a
 * socket cannot be had. Where one with the same remote is still being ended, after that.
 */
int bfd_add(struct bfd *bfd, const struct bfd_spec *spec, size_t tag);
/*
 * End it; no handler is called for it any more. If it was Up the peer is told AdminDown for a
 * Detection Time (RFC 5880, 6.8.16), so that it does not take this for a failure. Unknown tags are
 * ignored.
 */
void bfd_remove(struct bfd *bfd, size_t tag);
/* Tag t of every session becomes tags[t]. */
void bfd_retag(struct bfd *bfd, const size_t *tags);
/* Change its intervals and multiplier while it runs. */
void bfd_set_timers(struct bfd *bfd, size_t tag, const struct bfd_session_conf *conf);
/* All sessions, for good: peers learn that what ends now is no failure (RFC 5882, 4.1). */
void bfd_admin_down(struct bfd *bfd);

/* False where there is no such session. */
bool bfd_info_get(const struct bfd *bfd, size_t tag, struct bfd_info *info);
/* Whether the thread has real-time priority. */
bool bfd_is_realtime(const struct bfd *bfd);
/* The most that a packet was sent later than planned, since the start. */
int64_t bfd_latest_ns(const struct bfd *bfd);

#endif
