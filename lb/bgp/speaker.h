/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * speaker.h - the BGP speaker of a PoP: keeps sessions with its peers, announces what it is
 * told to, and takes nothing but, if asked, a default route.
 *
 *	announcer --announce/withdraw--> speaker --UPDATE--> peers
 *	announcer <--on_sent------------ speaker <--default-- peers
 *
 * To a peer of the own AS routes go with an empty AS_PATH and LOCAL_PREF 100, or 0 while they are
 * about to go (RFC 8326); prepends are for others.
 *
 * Everything happens in the thread of the loop. Handlers are called from the loop, never from
 * within a function of this header (but bgp_speaker_bfd_down(), which is not to wait, and
 * bgp_speaker_reload()), and may call any of them but bgp_speaker_free(). What was announced
 * before a session came up is sent when it does.
 *
 * What handlers are told is theirs to log; the speaker itself logs what falls short of a session
 * (cannot connect, OPEN refused, strangers) and malformed UPDATEs.
 */
#ifndef LB_BGP_SPEAKER_H
#define LB_BGP_SPEAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/dump.h"
#include "lb/bgp/frame.h"
#include "lb/bgp/only.h"
#include "lb/bgp/open.h"
#include "lb/bgp/policy.h"
#include "lb/bgp/restart.h"
#include "lb/bgp/role.h"
#include "lb/bgp/state.h"
#include "lb/bgp/transport.h"
#include "lib/addr.h"
#include "lib/clock.h"

#define BGP_PORT 179

struct ev_loop;
struct bgp_speaker;

/* Graceful restart (RFC 4724). */
struct bgp_restart_conf {
	uint16_t time;	   /* seconds that the peer may keep our routes without us; 0: not at all */
	bool notification; /* and after NOTIFICATIONs and an expired hold timer, too (RFC 8538) */
};

struct bgp_peer_conf {
	const char *name;
	/*
	 * Where to dial; incoming sessions are known by the address. A link-local one needs its
	 * interface, else NULL.
	 */
	struct endpoint remote;
	const char *interface;
	/*
	 * The address is "::": the peer is whoever is found at the other end of the interface (a
	 * point-to-point link), by router advertisements or because he dials.
	 */
	bool unnumbered;
	/*
	 * Or, with a family, a slot for whoever dials from within: passive, remote is the range's
	 * own address. Slots of one range are equal but for their names; whoever comes back gets
	 * the one he had if it is still his.
	 */
	struct prefix range;
	struct addr local; /* source address of the session, ADDR_NONE: the kernel's choice */
	/*
	 * Next hops to announce. ADDR_NONE: the session's own local address, for the other
	 * family the first global address of the interface that has the session's.
	 */
	struct addr next_hop4, next_hop6;
	struct bgp_transport transport;
	uint32_t asn;	    /* expected of the peer; another: NOTIFICATION 2/2. 0: any but ours */
	enum bgp_role role; /* ours towards the peer, or none */
	bool role_strict;   /* refuse a peer that says none */
	bool passive;	    /* never dial, wait for the peer */
	uint16_t hold_time; /* seconds offered: 0 (no keepalives) or 3 to 65535 */
	/*
	 * Seconds between dials, 1 to 65535 (RFC 4271 suggests 120), and the most that a peer is
	 * held back whose sessions keep failing: 1 s after the first time, then 2, 4 ...
	 */
	uint16_t connect_retry;
	bool ipv4, ipv6;	/* address families offered, at least one */
	bool extended_next_hop; /* IPv4 routes may have IPv6 next hops (RFC 8950) */
	bool default_route;	/* take 0.0.0.0/0 and ::/0 from this peer */
	struct bgp_only only;	/* what is announced to this peer at all */
	struct bgp_restart_conf graceful_restart;
	struct bgp_policy policy;
	struct bgp_policy deprefer; /* on top of all others for what is de-preferred */
	struct bgp_dump_conf dump;  /* where all messages of this peer are written down */
};

struct bgp_speaker_conf {
	uint32_t asn;	    /* own, not 0 */
	uint32_t router_id; /* host order, not 0 */
	const struct endpoint *listen;
	size_t listen_count;		   /* 0: nobody can dial us */
	const struct bgp_peer_conf *peers; /* distinct names, distinct remote addresses */
	size_t peer_count;
	unsigned drain_ms; /* what is announced is de-preferred for so long before the stop */
	const char *shutdown_text; /* both for bgp_speaker_stop(), whose caller reads it */
};

/* Peers are told by their index in bgp_speaker_conf.peers. Any handler may be NULL. */
struct bgp_speaker_handlers {
	void *ctx;
	/* A session was established or lost. reason: one phrase, also when up. */
	void (*on_peer)(void *ctx, size_t peer, bool up, const char *reason);
	/*
	 * The default route of this family via this peer has come, changed its next hop, or
	 * gone (next_hop NULL), which it also is when the session is lost. IPv4's may be an
	 * IPv6 address (RFC 8950). ifindex: interface of
	 * the session, needed where the next hop is link-local; 0 when unknown.
	 */
	void (*on_default_route)(void *ctx, size_t peer, enum addr_family family,
				 const struct addr *next_hop, unsigned ifindex);
	/*
	 * The whole UPDATE with this prefix was handed to the kernel at that instant; told when the
	 * loop has nothing else to do. Not called for a peer whose session is lost before.
	 */
	void (*on_sent)(void *ctx, size_t peer, const struct prefix *prefix, bool announced,
			struct instant at);
	/* Once after bgp_speaker_stop(): nothing is left to send and all connections are closed. */
	void (*on_stopped)(void *ctx);
};

enum bgp_stop_mode {
	BGP_STOP_CEASE,	   /* Cease/Administrative Shutdown at once: peers drop our routes */
	BGP_STOP_WITHDRAW, /* withdraw every prefix, then the same */
};

/* Plain values for the API and for metrics. Strings live until the next call into the loop. */
struct bgp_peer_info {
	const char *name;
	const struct bgp_peer_conf *conf;
	enum bgp_state state;
	struct instant state_since;
	bool incoming;		       /* the peer dialled */
	struct endpoint local, remote; /* of the connection; local zeroed without one */
	struct bgp_open offered;       /* what we say of ourselves */
	struct addr default_route4, default_route6; /* next hops taken, ADDR_NONE: none */
	bool default_kept; /* of these one or both are from before a restart of the peer */
	/* The rest of this block is zero unless Established. */
	struct bgp_open received; /* what the peer has said */
	struct bgp_negotiated negotiated;
	uint32_t remote_router_id;
	uint16_t hold_time, keepalive;	  /* negotiated, seconds */
	struct addr next_hop4, next_hop6; /* that we announce; the first may be IPv6 */
	size_t announced;		  /* prefixes that the peer has from us */
	size_t queued;			  /* octets that the peer has not taken yet */
	/* When timers run out, INSTANT_NEVER: not running. Of the connection that is furthest. */
	struct instant next_hold, next_keepalive, next_connect_retry, next_idle_hold,
		next_send_hold;
	/* Since the start of the speaker. */
	uint64_t established, downs;			/* times */
	uint64_t in[BGP_MSG_TYPES], out[BGP_MSG_TYPES]; /* messages by enum bgp_message_type */
	uint64_t leaks;		    /* default routes refused for their OTC (RFC 9234) */
	uint64_t updates_malformed; /* treated as withdraw or with an attribute discarded */
	bool has_dump;
	struct bgp_dump_info dump;
	const char *last_error_in, *last_error_out; /* NOTIFICATION as text, "" when none */
	const char *last_down; /* why the last session ended or none came up, or ""; stays */
	struct instant last_error_in_at, last_error_out_at, last_down_at; /* ns 0: never */
};

/* conf and what it points to must outlive the speaker; handlers is copied. */
struct bgp_speaker *bgp_speaker_new(struct ev_loop *loop, const struct bgp_speaker_conf *conf,
				    const struct bgp_speaker_handlers *handlers);
/*
 * Listen, and dial all peers. 0, or -errno when one of conf's listen endpoints cannot be bound:
 * then *failed is it and nothing runs.
 */
int bgp_speaker_start(struct bgp_speaker *speaker, const struct endpoint **failed);
/*
 * Before the start: a predecessor has died without a word, and packets have flowed on since. Peers
 * that were asked to (graceful_restart) still have its routes; they hear End-of-RIB, after which
 * they drop those that were not announced again, once all is decided, or their time is over.
 */
void bgp_speaker_set_restarted(struct bgp_speaker *speaker);
void bgp_speaker_set_converged(struct bgp_speaker *speaker);
/*
 * End all sessions; text (may be NULL, copied) is told to the peers (RFC 9003). on_stopped follows
 * from the loop, after two seconds at the latest whatever the peers do. Twice is once.
 */
void bgp_speaker_stop(struct bgp_speaker *speaker, enum bgp_stop_mode mode, const char *text);
/*
 * Go over to another configuration, of the same asn and router_id, between start and stop. Peers
 * are known by their names (peer_conf.h compares them):
 *  - who has not changed is not touched, nor is who changed only in what he is told of routes;
 *  - whose session is to be another gets Cease/Other Configuration Change and is begun anew;
 *  - who is no longer in it gets Cease/Peer De-configured (RFC 4486).
 * Handlers hear of the sessions that end from within, by the old indices; the new ones count from
 * the return on. New peers and new policies hear of nothing until they are announced again: do so
 * with everything that is announced, before the loop runs; what is the same is not sent.
 * conf must outlive the speaker, the old one need not any more. 0, or -errno, with nothing changed,
 * when *failed cannot be listened at, or, where that is NULL, a key cannot be set.
 */
int bgp_speaker_reload(struct bgp_speaker *speaker, const struct bgp_speaker_conf *conf,
		       const struct endpoint **failed);
/* At any time, also without a stop: connections are then closed without a word. NULL is fine. */
void bgp_speaker_free(struct bgp_speaker *speaker);

/*
 * Announce a prefix to all peers that are told of it and negotiated its family, with extra (may be
 * NULL, copied) on top of each peer's policy. Sent before the loop next sleeps; announcing it again
 * with another extra replaces it; with an equal one nothing is sent.
 */
void bgp_speaker_announce(struct bgp_speaker *speaker, const struct prefix *prefix,
			  const struct bgp_policy *extra);
/* The same for a prefix that peers shall like less, with each peer's own deprefer on top. */
void bgp_speaker_deprefer(struct bgp_speaker *speaker, const struct prefix *prefix,
			  const struct bgp_policy *extra);
/* Unknown prefixes are ignored. */
void bgp_speaker_withdraw(struct bgp_speaker *speaker, const struct prefix *prefix);
/* Send now what would be sent before the loop next sleeps: when what follows takes its time. */
void bgp_speaker_flush(struct bgp_speaker *speaker);

/*
 * BFD has found the path to this peer dead at that instant (RFC 5882, section 4.3; RFC 9384): its
 * session, unless it has come up since, is reset before this returns, handlers called and all.
 */
void bgp_speaker_bfd_down(struct bgp_speaker *speaker, size_t peer, struct instant at);

size_t bgp_speaker_peer_count(const struct bgp_speaker *speaker);
void bgp_speaker_peer_info(const struct bgp_speaker *speaker, size_t peer,
			   struct bgp_peer_info *info);
/*
 * Has this peer got this prefix from us, as far as we know (its UPDATE is written or queued,
 * and no withdrawal since)? Then *policy, unless NULL, is what was told.
 */
bool bgp_speaker_has_sent(const struct bgp_speaker *speaker, size_t peer,
			  const struct prefix *prefix, struct bgp_policy *policy);

#endif
