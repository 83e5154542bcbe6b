/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer_state.h - the inside of a peer, shared by its own files (peer*.c) only.
 */
#ifndef LB_BGP_PEER_STATE_H
#define LB_BGP_PEER_STATE_H

#include <ev.h>

#include "lb/bgp/adj_rib_out.h"
#include "lb/bgp/discovery.h"
#include "lb/bgp/log_limit.h"
#include "lb/bgp/open.h"
#include "lb/bgp/peer.h"
#include "lb/bgp/session.h"

/* One TCP connection, from dialling or accepting until it is gone. */
struct bgp_link {
	struct bgp_link *next; /* in bgp_peer.links */
	struct bgp_peer *peer;
	enum bgp_connection which;
	struct bgp_session *session;
	struct bgp_open open; /* of the peer, once it has come */
	struct bgp_negotiated negotiated;
	bool hard_reset; /* was the peer's last word */
};

struct bgp_peer {
	const struct bgp_peer_env *env;
	size_t index;
	const struct bgp_peer_conf *conf;
	/* Of a slot, or unnumbered: who has it, or had it last; no family: nobody yet. */
	struct endpoint remote;
	struct bgp_discovery *discovery; /* of an unnumbered one while it runs, else NULL */
	struct bgp_peer_fsm fsm;
	ev_timer timer;
	struct bgp_link *links;			   /* all, those being closed too */
	struct bgp_link *current[BGP_CONNECTIONS]; /* those that the machines know */
	int dial_error; /* -errno of a dial that failed at once, still to be told the machine */
	bool stopping;
	bool start_when_idle; /* begins anew once the connections of before are gone */
	struct adj_rib_out *rib;
	struct bgp_dump *dump; /* NULL: none is asked for */
	/* The established session's. */
	struct bgp_link *up;
	struct addr next_hop4, next_hop6;
	unsigned ifindex;
	struct addr default4, default6;
	bool stale4, stale6; /* not heard of again since the peer began a refresh (RFC 7313) */
	/*
	 * Of a session that is gone, until the peer has said all that it has anew (RFC 4724);
	 * patience is how long that may take, release how long our own End-of-RIB may.
	 */
	bool kept4, kept6;
	ev_timer patience, release;
	/* For information. */
	enum bgp_state last_state;
	struct instant state_since;
	uint64_t established, downs, in[BGP_MSG_TYPES], out[BGP_MSG_TYPES], updates_malformed,
		leaks;
	struct bgp_log_limit malformed, far, leak;
	char last_error_in[BGP_ERROR_TEXT_SIZE], last_error_out[BGP_ERROR_TEXT_SIZE];
	char last_down[BGP_ERROR_TEXT_SIZE + 64];
	bool down_said; /* last_down was logged, and no session has come up since */
	struct instant last_error_in_at, last_error_out_at, last_down_at; /* ns 0: never */
};

/* Step the machines and carry out what they say. remote only with BGP_EVENT_OPEN. */
void bgp_peer_step(struct bgp_peer *peer, enum bgp_connection which, const struct bgp_event *ev,
		   const struct bgp_identity *remote);
/* The same with an event that is nothing but its type. */
void bgp_peer_event(struct bgp_peer *peer, enum bgp_connection which, enum bgp_event_type type);
/* A connection is gone, or did not come about: -errno, 0 when the peer has closed it. */
void bgp_peer_tcp_down(struct bgp_peer *peer, enum bgp_connection which, int error);
void bgp_peer_on_timer(struct ev_loop *loop, ev_timer *timer, int events);
/* From now on the peer's connection of this kind. */
struct bgp_link *bgp_peer_link_add(struct bgp_peer *peer, enum bgp_connection which,
				   struct bgp_session *session);
/* Look, as the configuration has it, for who is at the other end of its interface, or no longer. */
void bgp_peer_discover(struct bgp_peer *peer);
/* Of our own AS. */
bool bgp_peer_is_internal(const struct bgp_peer *peer);
/* What we say in OPEN. */
struct bgp_open bgp_peer_own_open(const struct bgp_peer *peer);
/* Take a message of the link's session. */
void bgp_peer_input(struct bgp_link *link, const struct bgp_frame *frame);
/* Write down a message, header included, that has come or has been queued. */
void bgp_peer_dump_message(const struct bgp_link *link, bool sent, const uint8_t *bytes,
			   size_t len);
void bgp_peer_dump_state(const struct bgp_peer *peer, enum bgp_state was, enum bgp_state is);
/* The default route of this family is by this next hop, or is gone (ADDR_NONE). */
void bgp_peer_set_default(struct bgp_peer *peer, enum addr_family family, const struct addr *hop);

/* peer_restart.c: what graceful restart makes of the life of a peer. */
void bgp_peer_restart_init(struct bgp_peer *peer);
void bgp_peer_restart_fini(struct bgp_peer *peer);
struct bgp_restart bgp_peer_own_restart(const struct bgp_peer *peer);
/* The session has been lost by this event: keep default routes, or not. */
void bgp_peer_restart_lost(struct bgp_peer *peer, const struct bgp_link *link,
			   const struct bgp_event *ev);
/* There is one again; moved: by another interface. */
void bgp_peer_restart_back(struct bgp_peer *peer, const struct bgp_link *link, bool moved);
void bgp_peer_restart_end_of_rib(struct bgp_peer *peer, enum addr_family family);
void bgp_peer_forget_kept(struct bgp_peer *peer, const char *why);

#endif
