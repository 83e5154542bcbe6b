/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - one BFD session: states, timers, Poll Sequences (RFC 5880, section 6.8).
 *
 * Pure. What comes in: a packet that was found to belong here, the time having passed, the wish
 * to change. What comes out: whether a packet is to be sent at once, and whether the state has
 * changed. The session needs bfd_session_tick() no later than bfd_session_deadline(). A packet to
 * send is made by bfd_session_packet().
 *
 * Asynchronous mode; a peer's Demand mode is honoured, ours is never set. No Echo function
 * (Required Min Echo RX Interval 0 is sent). The C bit is never sent: this is a thread of the
 * process that speaks BGP, and dies with it (RFC 5880, section 4.1; RFC 5882, section 4.3).
 */
#ifndef LB_BFD_SESSION_H
#define LB_BFD_SESSION_H

#include "lb/bfd/auth.h"
#include "lib/clock.h"

#define BFD_SLOW_TX_US 1000000 /* least Desired Min TX Interval while not Up (6.8.3) */

struct bfd_session_conf {
	uint32_t desired_min_tx, required_min_rx; /* microseconds, not 0 */
	uint8_t detect_mult;			  /* not 0 */
	bool passive;				  /* says nothing before the peer has (6.1) */
	struct bfd_auth_conf auth;
};

/* Names of the RFC's state variables (6.8.1) where there is one. */
struct bfd_session {
	struct bfd_session_conf conf;
	struct bfd_auth auth;
	uint32_t random;
	uint32_t jitter; /* of the next periodic packet, thousandths of the interval */
	enum bfd_state session_state, remote_session_state;
	uint8_t local_diag, remote_diag;
	uint32_t local_discr, remote_discr;
	uint32_t desired_min_tx, required_min_rx; /* as sent */
	uint32_t remote_min_rx, remote_desired_min_tx;
	uint8_t remote_detect_mult;
	bool remote_demand, remote_cpi;
	/*
	 * In force. They differ from what is sent while a Poll Sequence runs that lengthens the one
	 * or shortens the other (6.8.3).
	 */
	uint32_t tx_in_force, rx_in_force;
	bool polling, poll_again;			    /* again: changed while it ran */
	struct instant last_sent, transmit, detect, forget; /* INSTANT_NEVER: not running */
};

/* What a step asks of the shell. */
struct bfd_step {
	bool send;    /* a packet now, beside the periodic ones */
	bool final;   /* with the F bit: the answer to a poll */
	bool changed; /* session_state, from was to what it is now */
	enum bfd_state was;
};

/* discriminator: not 0, unique among ours and not to be guessed; seed: of jitter and numbers. */
void bfd_session_init(struct bfd_session *s, const struct bfd_session_conf *conf,
		      uint32_t discriminator, uint32_t seed, struct instant now);

/*
 * A packet for this session, decoded from these len octets, has come. Not accepted (*why says so):
 * nothing has changed, except where ours is AdminDown, which still takes the peer's numbers.
 */
struct bfd_step bfd_session_receive(struct bfd_session *s, const struct bfd_packet *packet,
				    const uint8_t *buf, size_t len, struct instant now,
				    enum bfd_discard *why);
/* Let the time pass. A periodic packet is asked for by send, a dead peer told by changed. */
struct bfd_step bfd_session_tick(struct bfd_session *s, struct instant now);
struct instant bfd_session_deadline(const struct bfd_session *s);
/* Take the session down by the operator's will, or let it come up again (6.8.16). */
struct bfd_step bfd_session_set_admin_down(struct bfd_session *s, bool down, struct instant now);
/* Change intervals and multiplier of a running session, by a Poll Sequence where it is Up. */
struct bfd_step bfd_session_set_timers(struct bfd_session *s, const struct bfd_session_conf *conf,
				       struct instant now);

/*
 * Encode the packet to be sent now and count it as sent: the next periodic one is due a jittered
 * interval later; an answer to a poll is none of these and moves nothing. Octets written; 0 where
 * nothing may be sent, as by a passive side to nobody.
 */
size_t bfd_session_packet(struct bfd_session *s, bool final, uint8_t *buf, size_t size,
			  struct instant now);

/* In force now, microseconds. Detection Time is 0 before the peer was heard. */
uint32_t bfd_session_tx_interval(const struct bfd_session *s);
uint64_t bfd_session_detection_time(const struct bfd_session *s);

#endif
