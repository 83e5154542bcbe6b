/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * start.h - between daemon.c, how the daemon lives, start.c, how it is born and dies, and apply.c,
 * how it changes.
 */
#ifndef LB_START_H
#define LB_START_H

#include "lb/daemon.h"

/* Bring announcements and addresses in line with the verdicts, which are news since cause. */
void lb_daemon_decide(struct lb_daemon *lb, struct instant cause);
/* The same where shares of VIPs, or ways to origins, are not what they were. */
void lb_daemon_revise(struct lb_daemon *lb);
/* Of a VIP: an address of it is on this machine already. */
bool lb_daemon_is_found(const struct lb_daemon *lb, const struct lb_vip_conf *vip);
/* Parts that a reload needs, too. -errno, said in the log. */
int lb_daemon_start_page(struct lb_daemon *lb, const struct endpoint *at, struct http_server **out);
int lb_daemon_start_bfd(struct lb_daemon *lb);
int lb_daemon_add_bfd(struct lb_daemon *lb, const struct bfd_spec *spec, size_t peer);
struct check *lb_daemon_start_check(struct lb_origin_check *oc, const struct check_spec *spec);

/* Callbacks that start.c hands out; the context is the daemon, of a check the lb_origin_check. */
void lb_daemon_on_linger(struct ev_loop *loop, struct ev_timer *timer, int revents);
/* Tells the speaker; what that has told already is not told again. */
void lb_daemon_on_announce_change(void *ctx, const struct announcement *item);
void lb_daemon_on_check(void *ctx, struct check *check, const struct check_result *result);
void lb_daemon_on_peer(void *ctx, size_t peer, bool up, const char *reason);
void lb_daemon_on_bfd(void *ctx, size_t peer, const struct bfd_change *change);
void lb_daemon_on_default_route(void *ctx, size_t peer, enum addr_family family,
				const struct addr *next_hop, unsigned ifindex);
void lb_daemon_on_sent(void *ctx, size_t peer, const struct prefix *prefix, bool announced,
		       struct instant at);
void lb_daemon_on_stopped(void *ctx);

#endif
