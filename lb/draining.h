/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * draining.h - the daemon's drain: what drain.h decides, carried out.
 *
 * Peers hear of it by the announcer, nameservers by the verdict page, which says "down" from its
 * first instant, and those of drain.geodns by their API (nameserver.h). What comes in is counted by
 * an ear for each VIP, which is there while it is needed. Addresses stay until the daemon stops: an
 * idle connection is one.
 */
#ifndef LB_DRAINING_H
#define LB_DRAINING_H

#include "lb/daemon.h"

/* What the mesh knows; without one, nothing. */
enum drain_others lb_drain_others(const struct lb_daemon *lb, size_t vip);

/* The first VIP for whose users there is no other PoP; NULL: none is known to be so. */
const char *lb_drain_last(const struct lb_daemon *lb);
/* So long nothing comes before it is drained, unless somebody says otherwise. */
unsigned lb_drain_grace_ms(const struct lb_conf *conf);
/*
 * grace_ms: so long nothing comes before it is drained. stops: the daemon shall stop instead of
 * withdrawing. Nothing may be draining or stopping.
 */
void lb_drain_begin(struct lb_daemon *lb, unsigned deadline_ms, unsigned grace_ms, bool stops);
/* All is announced as before. */
void lb_drain_undo(struct lb_daemon *lb);
/* Measure no more: the daemon stops. */
void lb_drain_end(struct lb_daemon *lb);
bool lb_drain_is_on(const struct lb_daemon *lb);
/* Its timer. */
void lb_drain_on_step(struct ev_loop *loop, struct ev_timer *timer, int revents);

#endif
