/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer_fsm.h - the two connections of one peer, and which of them is kept.
 *
 * Both sides may dial at once, so a peer has a machine for the connection that we dial and one
 * for that which the peer dials. At most one gets past OpenConfirm: RFC 4271, section 6.8, by
 * BGP identifier (by ASN where these are equal: RFC 6286, section 2.3). Both sides come to the
 * same answer, so they never close both. While one is up the other does not dial.
 *
 * Pure, as fsm.h is: events go to one connection, actions come back for both.
 */
#ifndef LB_BGP_PEER_FSM_H
#define LB_BGP_PEER_FSM_H

#include "lb/bgp/fsm.h"

enum bgp_connection { BGP_OUTGOING, BGP_INCOMING };
#define BGP_CONNECTIONS 2

/* Who we and the peer are, as far as collisions go. */
struct bgp_identity {
	uint32_t router_id, asn;
};

struct bgp_peer_fsm {
	bool passive;
	struct bgp_identity own;
	struct bgp_fsm connection[BGP_CONNECTIONS];
};

struct bgp_peer_actions {
	struct bgp_actions connection[BGP_CONNECTIONS];
	/* Which to carry out first: a connection that is dropped goes before one that comes up. */
	enum bgp_connection first;
};

/* conf->dials is taken for the outgoing connection: false makes the peer passive. */
void bgp_peer_fsm_init(struct bgp_peer_fsm *peer, const struct bgp_fsm_conf *conf,
		       const struct bgp_identity *own);
/*
 * One event for one connection; START, STOP and TICK go to both whatever is named. remote is who
 * the peer says to be, needed with BGP_EVENT_OPEN, else NULL.
 */
struct bgp_peer_actions bgp_peer_fsm_step(struct bgp_peer_fsm *peer, enum bgp_connection which,
					  const struct bgp_event *ev,
					  const struct bgp_identity *remote);
struct instant bgp_peer_fsm_deadline(const struct bgp_peer_fsm *peer);

/* Where to dial has become known: if dialling waits for its next turn, that is now. */
void bgp_peer_fsm_hasten(struct bgp_peer_fsm *peer, struct instant now);

enum bgp_accept {
	BGP_ACCEPT,	    /* step the incoming connection with BGP_EVENT_TCP_UP */
	BGP_ACCEPT_REPLACE, /* the same, after BGP_EVENT_COLLISION to the one that is there */
	BGP_REFUSE_COLLISION,
	BGP_REFUSE_STOPPED,
};
/* What to do with a connection that the peer has just dialled. */
enum bgp_accept bgp_peer_fsm_accept(const struct bgp_peer_fsm *peer);

/* The connection that is furthest: what an operator calls the peer's state. */
enum bgp_connection bgp_peer_fsm_leader(const struct bgp_peer_fsm *peer);

#endif
