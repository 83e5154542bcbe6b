/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim_anycast.h - for tests: PoPs that share a VIP, their mesh and their users, in virtual time.
 *
 * Each PoP has the machine (owner.h), the answerer, GUE with its tags and the resets as they are,
 * and in place of the program on its interface and of its connection table a few lines here. Each
 * user has one pair of ports and one connection at a time over it. What a user's packet belongs to
 * is written in it, so that this file knows what nobody in the network can: whose a connection
 * really is, and whether a PoP that has it lives. Whatever must never happen is written down as a
 * fault.
 *
 * The mesh loses, delays, reorders and duplicates; who lives is told as hellos every 80 ms would:
 * a silent PoP is dead to another one 160 to 240 ms later, and lives again with the first hello
 * that comes through, for which four are always enough.
 */
#ifndef TESTS_SIM_ANYCAST_H
#define TESTS_SIM_ANYCAST_H

#include "lb/flow/answerer.h"
#include "lb/flow/gue.h"
#include "lb/flow/owner.h"

#define SIM_POPS	 8
#define SIM_USERS	 6
#define SIM_EVENTS	 4096
#define SIM_BYTES	 128
#define SIM_RECORDED	 8
#define SIM_STEPS_MAX	 200000 /* of one seed: it ends */
#define SIM_RESET_AFTER	 1000
#define SIM_HELLO_MS	 80
#define SIM_PARTITION_MS 600 /* no longer, so that the first hello is there before reset_after */
#define SIM_QUIET_MS	 (OWNER_CACHE_MS + 5000) /* before ports are used again */

enum sim_event_type {
	SIM_USER_SENDS,
	SIM_AT_POP,  /* a packet from a user */
	SIM_AT_USER, /* a packet from an origin, or a reset */
	SIM_ASK,
	SIM_ANSWER,
	SIM_GONE,
	SIM_GUE,
	SIM_SEES, /* from is live, or dead, to to */
	SIM_POP_BACK,
	SIM_LINK_BACK,
};

struct sim_event {
	enum sim_event_type type;
	unsigned from, to; /* PoPs or users */
	struct owner_answer answer;
	uint32_t token;
	bool flag; /* SEES: lives; GUE: forged; AT_USER: a reset of a PoP's, not of an origin's */
	struct instant sent; /* that reset */
	size_t len;
	uint8_t bytes[SIM_BYTES];
};

enum sim_plane { SIM_NONE, SIM_HALF, SIM_OPEN, SIM_CLOSING, SIM_ELSEWHERE, SIM_NOWHERE };

struct sim_entry {
	enum sim_plane state;
	struct instant born, seen;
	unsigned target;
};

struct sim_pop {
	bool up;       /* machine and plane */
	bool serving;  /* its user space, too */
	unsigned life; /* of its table */
	uint32_t epoch, epoch_before;
	struct instant until; /* it is back */
	struct owner *owner;
	struct answerer *answerer;
	struct sim_entry entries[SIM_USERS];
	uint32_t origin[SIM_USERS];   /* the connection that its origin has */
	uint64_t said_yes[SIM_USERS]; /* to it: a bit for each PoP */
	uint32_t released[SIM_USERS]; /* arrival of the last packet */
	struct {
		bool reachable, lives;
		uint32_t token;
		struct instant since; /* lives, or is dead, to this one */
		struct instant cut;   /* until */
	} sees[SIM_POPS];
};

struct sim_user {
	unsigned pop;	     /* where its packets go */
	uint32_t connection; /* 0: none */
	bool established, active;
	unsigned owner, life; /* who has taken the connection, in which life */
	uint32_t serial, rcv_nxt;
	struct instant opened, free_at; /* ports: not used again before */
	struct instant first;		/* packet of a dead owner's connection at this pop */
	unsigned first_pop;
	struct instant heard; /* the last answer of its origin */
	int64_t interval_ns;
};

struct sim_counts {
	unsigned long events, handed_over, forwarded, resets, resets_taken, gone, refused_gue;
	unsigned long asked, relics, partitions, crashes, restarts, drains, measured, waited;
	int64_t slowest_reset_ns; /* measured, beyond what is allowed without the 10 ms */
};

/* The context of what a PoP has. */
struct sim_seat {
	struct sim *w;
	unsigned pop;
};

struct sim {
	uint64_t random;
	struct instant now;
	unsigned pops;
	struct sim_pop pop[SIM_POPS];
	struct sim_user user[SIM_USERS];
	int64_t delay[SIM_POPS][SIM_POPS]; /* one way, ns */
	unsigned loss, user_loss;	   /* permille */
	int64_t jitter_ns;
	bool strict; /* nothing is lost now: resets must come in time */
	bool is_traced;
	struct sim_seat seats[SIM_POPS];
	uint32_t connections, arrivals, steps;
	struct sim_event recorded[SIM_RECORDED];
	unsigned recorded_count;
	struct sim_counts counts;
	char fault[160];
	/* The queue: a heap of places in events. */
	struct sim_due {
		struct instant due;
		uint64_t order;
		unsigned place;
	} heap[SIM_EVENTS];
	unsigned queued;
	uint64_t order;
	unsigned free[SIM_EVENTS];
	struct sim_event events[SIM_EVENTS];
};

void sim_anycast_init(struct sim *w, uint64_t seed);
void sim_anycast_fini(struct sim *w);
uint32_t sim_anycast_dice(struct sim *w, uint32_t limit);
void sim_anycast_run(struct sim *w, struct instant until);
/* Run for so long while no user sends anything. */
void sim_anycast_idle(struct sim *w, int64_t ms);

/* What happens to them. */
void sim_anycast_open(struct sim *w, unsigned user);
void sim_anycast_close(struct sim *w, unsigned user, bool properly);
/*
 * Not to a PoP whose own plane has a relic of the user's ports, but to the next: such a PoP asks
 * nobody, and no machine could help.
 */
void sim_anycast_shift(struct sim *w, unsigned user, unsigned pop);
/* Everything of it is gone, also its origins; back after so long as a new one. */
void sim_anycast_crash(struct sim *w, unsigned pop, int64_t ms);
/* Its user space is away for so long and its table is not; announced, or not. */
void sim_anycast_restart(struct sim *w, unsigned pop, int64_t ms, bool announced);
void sim_anycast_cut(struct sim *w, unsigned a, unsigned b, int64_t ms);
/* Somebody who can read and write everything between PoPs, but has no keys. */
void sim_anycast_forge(struct sim *w);
/* The user's connection is where it was opened, and that PoP lives. */
bool sim_anycast_lives(const struct sim *w, unsigned user);

#endif
