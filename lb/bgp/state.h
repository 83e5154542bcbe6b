/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state.h - the six states of a BGP session (RFC 4271, section 8.2.2), in order.
 */
#ifndef LB_BGP_STATE_H
#define LB_BGP_STATE_H

enum bgp_state {
	BGP_IDLE,
	BGP_CONNECT,
	BGP_ACTIVE,
	BGP_OPEN_SENT,
	BGP_OPEN_CONFIRM,
	BGP_ESTABLISHED,
};
#define BGP_STATES 6

/* As operators know it: "Idle", "OpenSent", ... */
const char *bgp_state_name(enum bgp_state state);

#endif
