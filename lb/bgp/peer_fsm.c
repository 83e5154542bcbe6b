/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/peer_fsm.h"

void bgp_peer_fsm_init(struct bgp_peer_fsm *peer, const struct bgp_fsm_conf *conf,
		       const struct bgp_identity *own)
{
	struct bgp_fsm_conf incoming = *conf;

	incoming.dials = false;
	incoming.seed = conf->seed ^ 0x9e3779b9U;
	*peer = (struct bgp_peer_fsm){ .passive = !conf->dials, .own = *own };
	bgp_fsm_init(&peer->connection[BGP_OUTGOING], conf);
	bgp_fsm_init(&peer->connection[BGP_INCOMING], &incoming);
}

static enum bgp_connection other(enum bgp_connection which)
{
	return which == BGP_OUTGOING ? BGP_INCOMING : BGP_OUTGOING;
}

/* Not dialling while the peer's own connection is as good as up. */
static bool is_held_back(const struct bgp_peer_fsm *peer)
{
	return peer->connection[BGP_OUTGOING].state < BGP_OPEN_SENT &&
	       peer->connection[BGP_INCOMING].state >= BGP_OPEN_CONFIRM;
}

struct instant bgp_peer_fsm_deadline(const struct bgp_peer_fsm *peer)
{
	struct instant incoming = bgp_fsm_deadline(&peer->connection[BGP_INCOMING]);

	if (peer->passive || is_held_back(peer))
		return incoming;
	return instant_min(incoming, bgp_fsm_deadline(&peer->connection[BGP_OUTGOING]));
}

/* RFC 4271, section 6.8: the connection that the higher identifier has dialled is kept. */
static enum bgp_connection loser(const struct bgp_identity *own, const struct bgp_identity *remote)
{
	bool own_higher = own->router_id != remote->router_id ? own->router_id > remote->router_id
							      : own->asn > remote->asn;

	return own_higher ? BGP_INCOMING : BGP_OUTGOING;
}

static void step_one(struct bgp_peer_fsm *peer, enum bgp_connection which,
		     const struct bgp_event *ev, struct bgp_peer_actions *act)
{
	struct bgp_actions *mine = &act->connection[which];
	struct bgp_actions next = bgp_fsm_step(&peer->connection[which], ev);

	*mine = next;
}

static void collide(struct bgp_peer_fsm *peer, enum bgp_connection which, struct instant now,
		    struct bgp_peer_actions *act)
{
	struct bgp_event ev = { .type = BGP_EVENT_COLLISION, .now = now };

	step_one(peer, which, &ev, act);
	act->first = which;
}

/* An acceptable OPEN has come: keep this connection, the other, or as yet both. */
static void on_open(struct bgp_peer_fsm *peer, enum bgp_connection which,
		    const struct bgp_event *ev, const struct bgp_identity *remote,
		    struct bgp_peer_actions *act)
{
	enum bgp_state rival = peer->connection[other(which)].state;
	enum bgp_connection drop;

	if (rival < BGP_OPEN_CONFIRM) {
		step_one(peer, which, ev, act);
		return;
	}
	drop = rival == BGP_ESTABLISHED ? which : loser(&peer->own, remote);
	collide(peer, drop, ev->now, act);
	if (drop != which)
		step_one(peer, which, ev, act);
}

static void step_both(struct bgp_peer_fsm *peer, const struct bgp_event *ev,
		      struct bgp_peer_actions *act)
{
	bool tick = ev->type == BGP_EVENT_TICK;

	step_one(peer, BGP_INCOMING, ev, act);
	if (!peer->passive && !(tick && is_held_back(peer)))
		step_one(peer, BGP_OUTGOING, ev, act);
}

struct bgp_peer_actions bgp_peer_fsm_step(struct bgp_peer_fsm *peer, enum bgp_connection which,
					  const struct bgp_event *ev,
					  const struct bgp_identity *remote)
{
	struct bgp_peer_actions act = { .first = which };
	struct bgp_fsm *out = &peer->connection[BGP_OUTGOING];
	const struct bgp_fsm *in = &peer->connection[BGP_INCOMING];
	bool in_was_up = in->state >= BGP_OPEN_CONFIRM;

	if (ev->type == BGP_EVENT_START || ev->type == BGP_EVENT_STOP || ev->type == BGP_EVENT_TICK)
		step_both(peer, ev, &act);
	else if (ev->type == BGP_EVENT_OPEN && peer->connection[which].state == BGP_OPEN_SENT)
		on_open(peer, which, ev, remote, &act);
	else
		step_one(peer, which, ev, &act);
	/* One is up: whatever the other was about to be, it is no longer. */
	if (act.connection[which].set & BGP_SESSION_UP)
		collide(peer, other(which), ev->now, &act);
	/* The incoming one has failed: dial, but not before that one would have been. */
	if (in_was_up && in->state == BGP_IDLE && out->state == BGP_IDLE &&
	    bgp_fsm_is_started(out)) {
		out->idle_hold = in->idle_hold;
		out->failures = in->failures;
	}
	return act;
}

void bgp_peer_fsm_hasten(struct bgp_peer_fsm *peer, struct instant now)
{
	struct bgp_fsm *out = &peer->connection[BGP_OUTGOING];

	if (out->state == BGP_ACTIVE && !peer->passive)
		out->connect_retry = now;
}

enum bgp_accept bgp_peer_fsm_accept(const struct bgp_peer_fsm *peer)
{
	const struct bgp_fsm *in = &peer->connection[BGP_INCOMING];

	if (!bgp_fsm_is_started(in))
		return BGP_REFUSE_STOPPED;
	if (in->state >= BGP_OPEN_CONFIRM ||
	    peer->connection[BGP_OUTGOING].state == BGP_ESTABLISHED)
		return BGP_REFUSE_COLLISION;
	/* A peer has one connection of its own; a new one means that it gave the old one up. */
	return in->state == BGP_OPEN_SENT ? BGP_ACCEPT_REPLACE : BGP_ACCEPT;
}

enum bgp_connection bgp_peer_fsm_leader(const struct bgp_peer_fsm *peer)
{
	enum bgp_state in = peer->connection[BGP_INCOMING].state;

	if (peer->passive)
		return BGP_INCOMING;
	return in >= BGP_OPEN_SENT && in > peer->connection[BGP_OUTGOING].state ? BGP_INCOMING
										: BGP_OUTGOING;
}
