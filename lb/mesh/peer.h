/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer.h - is this other PoP there, does it hear us, and is this message one that it says now?
 *
 * Pure. Keys say who has written a message; this says when. A message counts only if
 *
 *   - it names our life (echo), so it is no recording of an earlier life of ours;
 *   - it is of the life of the peer's that we believe in (boot), and its number is new (window.h);
 *   - as a hello, it answers one of ours that we sent no longer than MESH_ROUND_TRIP_MAX_MS ago,
 *     by our own clock, so that it has not been held back.
 *
 * A life of the peer's is believed once a hello of it answers our challenge. The challenge changes
 * each time, so no recording of a life that has been believed, or of one before it, answers the
 * next. It needs no secrecy, only to be new: it is a number that counts, sealed, beside our random
 * boot. Who is not believed is answered by a hello for him alone, under a token bucket, and changes
 * nothing here. No clock of one PoP is ever compared with that of another.
 *
 *	DOWN --a hello that counts--> INIT --it hears us--> LIVE --it restarts--> RESTARTING
 *	any --silence for interval x multiplier, as the peer has told--> DOWN
 *	LIVE --it does not hear us--> INIT
 *
 * Each change is told to the peer at once. After every step the machine needs waking no later than
 * mesh_peer_deadline().
 */
#ifndef LB_MESH_PEER_H
#define LB_MESH_PEER_H

#include "lb/bucket.h"
#include "lb/mesh/message.h"
#include "lb/mesh/window.h"
#include "lib/clock.h"

#define MESH_ROUND_TRIP_MAX_MS 2000
#define MESH_DETECT_MAX_MS     60000 /* whatever a peer tells */
#define MESH_FORMER_LIVES      8

enum mesh_state { MESH_DOWN, MESH_INIT, MESH_LIVE, MESH_RESTARTING };
#define MESH_STATES 4

/* What became of a message. */
enum mesh_verdict {
	MESH_COUNTS,
	MESH_REPLAYED, /* its number is not new */
	MESH_STALE,    /* of another life of one of both sides, held back, or overtaken */
	MESH_UNPROVEN, /* of a life that has yet to answer our challenge */
};

struct mesh_timing {
	uint16_t interval_ms; /* between two hellos of ours */
	uint8_t multiplier;   /* the peer takes us for dead after so many without one */
};

struct mesh_peer {
	struct mesh_timing timing;
	uint64_t own_boot, boot; /* boot: the life that is believed in, 0 none */
	uint64_t former[MESH_FORMER_LIVES];
	unsigned former_next;
	struct mesh_window window; /* of boot */
	uint64_t challenge;	   /* ours, until somebody has answered it */
	uint64_t answer;	   /* to the last one of boot */
	uint64_t sent;		   /* messages */
	uint64_t random;	   /* for jitter alone */

	enum mesh_state state;
	struct instant since;
	struct instant expiry; /* of state, unless DOWN */
	uint32_t detect_ms;    /* silence that is death, as the peer has told */
	struct instant heard;  /* the last hello that counted; zero: none */
	uint64_t heard_sent;   /* its sent */
	uint64_t heard_seq;    /* its number: who has been overtaken says nothing any more */
	int64_t round_trip_ns; /* smoothed; 0 not known */
	struct instant next_hello;
	struct bucket replies;
	const char *reason; /* of state */
};

struct mesh_step {
	enum mesh_verdict verdict; /* of mesh_peer_receive() */
	bool changed;		   /* state was another, in was */
	bool restarted;		   /* a new life of the peer's is believed now */
	enum mesh_state was;
	bool send; /* a hello is to be made with mesh_peer_hello() and sent now */
	/* To a life that is not believed, if not 0, with an answer to its challenge. */
	uint64_t to_boot, to_answer;
};

/* own_boot: random, of this process, not 0. */
void mesh_peer_init(struct mesh_peer *peer, const struct mesh_timing *timing, uint64_t own_boot,
		    uint64_t seed, struct instant now);
/* A message that the peer's key has sealed. The caller acts on it only if its verdict is
 * MESH_COUNTS. */
struct mesh_step mesh_peer_receive(struct mesh_peer *peer, const struct mesh_message *message,
				   struct instant now);
struct mesh_step mesh_peer_tick(struct mesh_peer *peer, struct instant now);
struct instant mesh_peer_deadline(const struct mesh_peer *peer);
/* Say hello with the next tick: something has changed that it tells. */
void mesh_peer_hurry(struct mesh_peer *peer, struct instant now);
/* What the peer is told of anew from the next hello on. */
void mesh_peer_set_timing(struct mesh_peer *peer, const struct mesh_timing *timing);

/* Begin any message: boot, echo, seq and type. */
void mesh_peer_begin(struct mesh_peer *peer, enum mesh_type type, struct mesh_message *out);
/* A hello as the step asks for it; what else it tells (word, VIPs and so on) is the caller's. */
void mesh_peer_hello(struct mesh_peer *peer, const struct mesh_step *step, struct instant now,
		     struct mesh_message *out);

/* "down", "init", "live", "restarting". */
const char *mesh_state_name(enum mesh_state state);

#endif
