/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer.h - one peer of the speaker: its machines, connections, timer and adj_rib_out, joined.
 *
 * The shell that carries out what peer_fsm.h decides. Owned by the speaker; same thread. The
 * handlers of speaker.h are called from the loop, or from bgp_peer_stop().
 */
#ifndef LB_BGP_PEER_H
#define LB_BGP_PEER_H

#include "lb/bgp/peer_fsm.h"
#include "lb/bgp/speaker.h"

struct adj_rib_out_message;
struct bgp_peer;

/* What peers share. */
struct bgp_peer_env {
	struct ev_loop *loop;
	const struct bgp_speaker_conf *conf;
	const struct bgp_speaker_handlers *handlers;
	void *speaker;
	bool restarted; /* see bgp_speaker_set_restarted() */
	bool converged; /* and bgp_speaker_set_converged() */
	struct instant started;
	void (*on_due)(void *speaker);	/* call bgp_peer_flush() before the loop sleeps */
	void (*on_idle)(void *speaker); /* a connection is gone: see bgp_peer_is_idle() */
};

/* env must outlive the peer. */
struct bgp_peer *bgp_peer_new(const struct bgp_peer_env *env, size_t index);
/* Closes what is open without a word. */
void bgp_peer_free(struct bgp_peer *peer);
void bgp_peer_start(struct bgp_peer *peer);
/* Cease with text; withdraw: everything announced is withdrawn before. */
void bgp_peer_stop(struct bgp_peer *peer, bool withdraw, const char *text);
/*
 * BFD has found the path dead at that instant: reset what there is, as of then. A session that has
 * come up since has seen the path alive and stays.
 */
void bgp_peer_bfd_down(struct bgp_peer *peer, struct instant at);
/* No connection, not even one that is being closed. */
bool bgp_peer_is_idle(const struct bgp_peer *peer);

/*
 * Another configuration, in peer_replace.c. First, under the old one: end the session, telling the
 * peer why (RFC 4486), of who is to begin anew, and of who is no longer in it, which is then only
 * good for bgp_peer_is_idle() and bgp_peer_free().
 */
void bgp_peer_reset(struct bgp_peer *peer);
void bgp_peer_remove(struct bgp_peer *peer);
/*
 * Then, with the new one in env: its index there, for who goes on as he is (policies count from
 * the next announcement on); and for who is to begin anew, or is new, with fresh machines, to be
 * started.
 */
void bgp_peer_follow(struct bgp_peer *peer, size_t index);
void bgp_peer_take_conf(struct bgp_peer *peer, size_t index);

/* This one, who has come by that interface (0 unless link-local), is the peer, or may become it. */
bool bgp_peer_is_at(const struct bgp_peer *peer, const struct addr *from, unsigned ifindex);
/* For a slot of a range: may this one have it; is it the one who had it last. */
bool bgp_peer_is_free(const struct bgp_peer *peer, const struct addr *from);
bool bgp_peer_is_of(const struct bgp_peer *peer, const struct addr *from);
/* A slot, or an unnumbered peer, is now this one. */
void bgp_peer_lend(struct bgp_peer *peer, const struct addr *from);
/*
 * A connection from this peer's address. Takes the socket over and returns 0, or leaves it
 * and returns the Cease subcode to refuse it with.
 */
enum bgp_cease bgp_peer_accept(struct bgp_peer *peer, int fd);

/* Not what the peer is not told of. */
void bgp_peer_announce(struct bgp_peer *peer, const struct prefix *prefix,
		       const struct bgp_policy *extra, bool depreferred);
void bgp_peer_withdraw(struct bgp_peer *peer, const struct prefix *prefixes, size_t count);
/* All that there is to say is said, or about to be: End-of-RIB need not wait. */
void bgp_peer_converged(struct bgp_peer *peer);
/* Queue the UPDATEs that are due. message: as adj_rib_out_next() has it, from peer to peer. */
void bgp_peer_flush(struct bgp_peer *peer, struct adj_rib_out_message *message);

void bgp_peer_info_get(const struct bgp_peer *peer, struct bgp_peer_info *info);
bool bgp_peer_has_sent(const struct bgp_peer *peer, const struct prefix *prefix,
		       struct bgp_policy *policy);

#endif
