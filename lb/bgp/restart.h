/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restart.h - graceful restart (RFC 4724) and its extension to NOTIFICATIONs (RFC 8538).
 *
 * Pure. Who restarts lets its packets flow on and asks its peers, beforehand, to keep its routes
 * meanwhile; who is asked cannot tell a restart from a death, which is why this is off by default.
 */
#ifndef LB_BGP_RESTART_H
#define LB_BGP_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define BGP_RESTART_TIME_MAX 4095 /* twelve bits */

/* The capability. Families are those whose routes are to be kept. */
struct bgp_restart {
	uint16_t time;	   /* seconds until the sender is back */
	bool restarting;   /* R: it is just back, and shall not be waited for */
	bool notification; /* N: a NOTIFICATION does not end it either (RFC 8538) */
	bool ipv4, ipv6;
	bool ipv4_kept, ipv6_kept; /* F: packets have flowed on while it was gone */
};

/* Why an established session has ended. */
enum bgp_loss {
	BGP_LOSS_CLOSED,       /* TCP was closed or reset, or the peer has dialled anew */
	BGP_LOSS_NOTIFICATION, /* sent or received, for an error or an expired hold timer */
	BGP_LOSS_FINAL,	       /* hard reset, BFD, our own stop: what is lost is lost */
};

/* Its routes are kept for now. agreed: by both sides for this family; both_notify: N was, too. */
bool bgp_restart_keeps(enum bgp_loss loss, bool agreed, bool both_notify);

#endif
