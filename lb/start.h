/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * start.h - between daemon.c, how the daemon lives, and start.c, how it is born and dies.
 */
#ifndef LB_START_H
#define LB_START_H

#include "lb/daemon.h"

/* Bring announcements and addresses in line with the verdicts, which are news since cause. */
void lb_daemon_decide(struct lb_daemon *lb, struct instant cause);
/* Do on this machine what the VIP's presence, which has changed, says. */
void lb_daemon_seat_enter(struct lb_daemon *lb, size_t vip);

/* Callbacks that start.c hands out; the context is the daemon, of a check the lb_origin_check. */
void lb_daemon_on_drained(struct ev_loop *loop, struct ev_timer *timer, int revents);
void lb_daemon_on_linger(struct ev_loop *loop, struct ev_timer *timer, int revents);
void lb_daemon_on_check(void *ctx, struct check *check, const struct check_result *result);
void lb_daemon_on_peer(void *ctx, size_t peer, bool up, const char *reason);
void lb_daemon_on_bfd(void *ctx, size_t peer, const struct bfd_change *change);
void lb_daemon_on_default_route(void *ctx, size_t peer, enum addr_family family,
				const struct addr *next_hop, unsigned ifindex);
void lb_daemon_on_sent(void *ctx, size_t peer, const struct prefix *prefix, bool announced,
		       struct instant at);
void lb_daemon_on_stopped(void *ctx);

#endif
