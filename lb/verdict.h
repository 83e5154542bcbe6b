/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.h - the page at which others ask this PoP about its VIPs.
 *
 *	GET /verdict/{vip}   200 {"pop":"fra","vip":"geodns30","state":"up"}
 *	                     503 the same with "state":"down" and a reason
 *
 * On the identity addresses only, where no other PoP can answer. Who gets no
 * verdict must not send users here, so a VIP that has none yet is down, and so
 * is one that is up but held down, so that DNS and BGP say the same.
 */
#ifndef LB_VERDICT_H
#define LB_VERDICT_H

#include "lb/daemon.h"

/* Ends with a NULL method; the context is the struct lb_daemon. */
extern const struct http_route lb_verdict_routes[];

#endif
