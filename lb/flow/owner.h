/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner.h - whose flow is this? What becomes of packets in mid-flow that the plane does not know.
 *
 *	first packet --> ASKING --yes--> SETTLED   queue released to the owner, then cached
 *	                    |---nobody--> REFUSED  newest answered with a reset, then cached
 *	                    '---unclear-> forgotten: packets dropped, TCP sends them again
 *
 * Pure and of fixed memory: time is an argument, what is to be done is told through a table of
 * functions. Packets of a flow wait, 16 at most and in their order, while other PoPs are asked:
 * those that lately served the client's network at once, the rest when those had time to answer.
 * Who does not answer is asked again.
 *
 * Who gets the flow. A yes whose connection has been used lately (OWNER_FRESH_MS) is taken at
 * once: its owner is where the client has just come from. Any other may be a relic of an earlier
 * connection between the same ports, so the rest is heard first, and of several the youngest
 * connection wins; but a half-open one only if the other has not been used since, so that
 * nobody takes a connection in use away by a forged SYN. One that wins and is heard of later
 * still takes over.
 *
 * When a flow is nobody's. Every PoP has said no, or has been dead for reset_after; one that
 * has just died, restarts or does not answer has not said no. A no is good for packets that came
 * before it was asked for: a connection that was opened elsewhere since is not reset by it. If
 * dead PoPs are waited for, the others are therefore asked once more, so that the newest
 * packet, whose acknowledgment the client takes a reset for, is answered too.
 *
 * What a flood of unknown flows costs is bounded: questions by a bucket for each network of
 *clients, messages by one in all, flows and packets by their numbers. Of each the last part is kept
 *for clients that some PoP says it has served lately. A PoP of which nothing is known yet has been
 * dead since the machine began.
 *
 * Called from one thread; functions of the table must not call back into the machine.
 */
#ifndef LB_FLOW_OWNER_H
#define LB_FLOW_OWNER_H

#include "lb/flow/bucket_sketch.h"

#define OWNER_POPS_MAX	    1024
#define OWNER_QUEUE_MAX	    16	   /* packets of a flow */
#define OWNER_TRIES	    4	   /* a PoP is asked for one flow, before it counts as silent */
#define OWNER_RETRY_MIN_MS  50	   /* or two round trips */
#define OWNER_HEAD_START_MS 40	   /* of PoPs that served the client's network, at most */
#define OWNER_FRESH_MS	    10000  /* idle for less: no client has opened a new one since */
#define OWNER_LINGER_MS	    500	   /* a decision is remembered for packets on their way to here */
#define OWNER_CACHE_MS	    120000 /* of no packets, an answer is good for: RFC 9293's MSL */
#define OWNER_HALF_OPEN_MS  (1U << 31) /* 24 days, and no established one is told to be older */
#define OWNER_NOWHERE_MS    1000
#define OWNER_NOWHERE	    UINT32_MAX

struct owner_conf {
	unsigned pops;	     /* the others, that are to be asked: 0 to n - 1 */
	unsigned flows;	     /* under question at once; 4 to 65535 */
	unsigned packets;    /* kept in all; 4 to 65535 */
	unsigned packet_max; /* octets of one; a longer one is dropped */
	uint32_t reset_after_ms;
	struct bucket_rate messages;   /* to all PoPs; a burst is at least four times the PoPs */
	struct bucket_rate network;    /* questions of one network of clients */
	uint32_t networks;	       /* columns of that sketch, a power of two */
	uint8_t key[SIPHASH_KEY_SIZE]; /* random */
};

/* 4096 flows, 8192 packets of 2048 octets; 10000 messages a second, bursts of 40000. */
struct owner_conf owner_conf_default(unsigned pops, uint32_t reset_after_ms);

struct owner_packet {
	struct flow_key key;
	const uint8_t *bytes; /* from the IP header on; borrowed for the call */
	size_t len;
	bool is_reset; /* a TCP reset: handed over, never answered */
	bool is_error; /* an ICMP error about the flow: likewise */
	bool is_cut;   /* there was more of it: good for a question, not to be handed over */
};

struct owner_answer {
	uint64_t id; /* of the question */
	struct flow_key key;
	bool yes;
	uint32_t age_ms;  /* of the connection; OWNER_HALF_OPEN_MS more if it is half-open */
	uint32_t idle_ms; /* since its last packet; UINT32_MAX: it is ending, or not known */
};

struct owner_ops {
	void (*ask)(void *ctx, unsigned pop, uint64_t id, const struct flow_key *key);
	/* To the owner, in GUE. */
	void (*release)(void *ctx, unsigned pop, const struct owner_packet *packet);
	/* Into the table: the PoP, or OWNER_NOWHERE. After the packets it is about. */
	void (*learn)(void *ctx, const struct flow_key *key, unsigned pop, uint32_t ttl_ms);
	void (*reset)(void *ctx, const struct owner_packet *packet);
	/* Set bit n % 64 of word n / 64 if PoP n lately served the client's network. */
	void (*hint)(void *ctx, const struct flow_key *key, uint64_t *bits);
	/* The plane knows this flow as its own by now. */
	bool (*is_here)(void *ctx, const struct flow_key *key);
};

/* What became of a packet at once. */
enum owner_fate {
	OWNER_QUEUED,
	OWNER_RELEASED, /* its flow was settled already */
	OWNER_REFUSED,	/* its flow was nobody's already: dropped */
	OWNER_TOO_LONG,
	OWNER_FULL,    /* 16 wait already, or as many as there may be in all */
	OWNER_LIMITED, /* its network asks too much */
	OWNER_BUSY,    /* all of us ask too much */
};
#define OWNER_FATES (OWNER_BUSY + 1)

struct owner_counters {
	uint64_t fates[OWNER_FATES];
	uint64_t questions, asks, retries;  /* retries: among the asks */
	uint64_t answers, strays;	    /* strays: to no question of ours, or too late */
	uint64_t settled, refused, unclear; /* how questions ended */
	uint64_t taken_here;		    /* or by a SYN */
	uint64_t released, resets;	    /* packets */
	uint64_t unanswered;		    /* dropped with their flow, but for the one reset */
	uint64_t moved;			    /* settled, then a younger owner was heard of */
	uint64_t starved;		    /* asks put off, since there was no token */
	unsigned flows, packets;	    /* now, of conf's */
};

struct owner;

struct owner *owner_new(const struct owner_conf *conf, const struct owner_ops *ops, void *ctx,
			struct instant now);
void owner_free(struct owner *owner);

/* A packet in mid-flow that the plane does not know, and that did not come from another PoP. */
enum owner_fate owner_packet_take(struct owner *owner, const struct owner_packet *packet,
				  struct instant now);
/* From the mesh, fresh and authentic. */
void owner_answer_take(struct owner *owner, unsigned pop, const struct owner_answer *answer,
		       struct instant now);
/* Whether this is news or not. rtt_us 0: not known. */
void owner_pop_live(struct owner *owner, unsigned pop, uint32_t rtt_us, struct instant now);
void owner_pop_dead(struct owner *owner, unsigned pop, struct instant now);
/* It said so, and is not heard before that. From then on it is dead. */
void owner_pop_restarting(struct owner *owner, unsigned pop, struct instant until,
			  struct instant now);
/* It is none of us any more, and its number may become another's. */
void owner_pop_gone(struct owner *owner, unsigned pop, struct instant now);
/* A SYN has made the flow ours, or the plane knows it otherwise. */
void owner_flow_taken(struct owner *owner, const struct flow_key *key);
/* That PoP says it does not have the flow that it was handed. */
void owner_flow_gone(struct owner *owner, unsigned pop, const struct flow_key *key);

void owner_step(struct owner *owner, struct instant now);
/* Step no later than this. */
struct instant owner_deadline(const struct owner *owner);
const struct owner_counters *owner_counters(struct owner *owner);

#endif
