/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fsm.h - the session state machine of one BGP connection (RFC 4271, section 8).
 *
 * Pure. bgp_fsm_step() takes one event and the time, changes the machine and says what must now
 * be done; it opens no socket, arms no timer and logs nothing. Between steps the machine needs
 * waking (BGP_EVENT_TICK) no later than bgp_fsm_deadline(). A peer owns two of these, one for the
 * connection that it dials and one for that which the peer dials: see peer_fsm.h.
 *
 * Where it departs from RFC 4271:
 *  - a connection that fails after OPEN was sent leads to Idle, not Active, and a machine that
 *    falls back to Idle starts again by itself (DampPeerOscillations with IdleHoldTime): after
 *    one second, doubling up to connect_retry while sessions fail without having lasted;
 *  - a machine that does not dial waits in Active and takes connections also while it is held
 *    back in Idle: the other side's speed is its own affair;
 *  - DelayOpen is not used.
 */
#ifndef LB_BGP_FSM_H
#define LB_BGP_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/bgp/error.h"
#include "lb/bgp/frame.h"
#include "lb/bgp/state.h"
#include "lib/clock.h"

enum bgp_event_type {
	BGP_EVENT_START,
	BGP_EVENT_STOP, /* for good, with error (a Cease) */
	BGP_EVENT_TICK,
	BGP_EVENT_TCP_UP,   /* dialled or accepted */
	BGP_EVENT_TCP_DOWN, /* could not be dialled, or closed by the peer or the network */
	BGP_EVENT_OPEN,	    /* well-formed and acceptable, with hold_time */
	BGP_EVENT_KEEPALIVE,
	BGP_EVENT_UPDATE,
	BGP_EVENT_ROUTE_REFRESH,
	BGP_EVENT_NOTIFICATION,
	BGP_EVENT_BAD_MESSAGE,	 /* with error */
	BGP_EVENT_COLLISION,	 /* the peer's other connection is kept, not this */
	BGP_EVENT_WRITE_BLOCKED, /* the peer does not take what we send (RFC 9687) */
	BGP_EVENT_WRITE_DONE,	 /* it has taken some or all of it */
	BGP_EVENT_BFD_DOWN,	 /* the path to the peer is dead (RFC 5882, RFC 9384) */
};
#define BGP_EVENTS 15

struct bgp_event {
	enum bgp_event_type type;
	struct instant now;
	uint16_t hold_time; /* as the peer offers it, 0 or 3 and more */
	struct bgp_error error;
};

/* What to do, in this order. */
enum bgp_action {
	BGP_SEND_OPEN = 1 << 0,
	BGP_SEND_KEEPALIVE = 1 << 1,
	BGP_SEND_NOTIFICATION = 1 << 2,
	BGP_SESSION_UP = 1 << 3,
	BGP_SESSION_DOWN = 1 << 4,
	BGP_TCP_CLOSE = 1 << 5,
	BGP_TCP_CONNECT = 1 << 6,
};

struct bgp_actions {
	unsigned set;
	struct bgp_error notification;
	const char *reason; /* with BGP_TCP_CLOSE: one phrase, static */
};

struct bgp_fsm_conf {
	bool dials;
	uint16_t hold_time;	/* offered: 0 or 3 and more */
	uint16_t connect_retry; /* seconds, at least 1 */
	uint32_t seed;		/* of the jitter, any */
};

struct bgp_fsm {
	struct bgp_fsm_conf conf;
	enum bgp_state state;
	uint16_t hold_time, keepalive_time; /* negotiated, seconds */
	unsigned failures;		    /* in a row */
	uint32_t random;
	struct instant established_at;
	/* INSTANT_NEVER when not running. idle_hold leads out of Idle. */
	struct instant idle_hold, connect_retry, hold, keepalive, send_hold;
};

void bgp_fsm_init(struct bgp_fsm *fsm, const struct bgp_fsm_conf *conf);
struct bgp_actions bgp_fsm_step(struct bgp_fsm *fsm, const struct bgp_event *ev);
struct instant bgp_fsm_deadline(const struct bgp_fsm *fsm);
/* Between START and STOP. */
bool bgp_fsm_is_started(const struct bgp_fsm *fsm);

#endif
