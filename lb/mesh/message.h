/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.h - what PoPs tell each other, between the seals (seal.h).
 *
 * Pure. Integers in network order. Every message begins with
 *
 *	boot 8 | echo 8 | seq 8 | type 1
 *
 * boot: a random number of the sender's life, never 0; echo: the receiver's, as far as the sender
 * knows it, else 0; seq counts all messages of this life to this receiver from 1. What they are
 * good for: peer.h. Then, by type:
 *
 *	HELLO     state 1 | flags 1 | multiplier 1 | zero 1 | interval_ms 2 | gue_port 2
 *	          | restarting_ms 4 | load 4 | epoch 4 | challenge 8 | answer 8
 *	          | sent 8 | sent_echo 8 | held_us 4 | vips 2 | first 2 | count 1 | count x VIP
 *	VIP       name's hash 8 | bits 1
 *	NETWORKS  chunk 1 | a chunk of the filter of networks (networks.h)
 *	ASK       id 8 | flow 40 | zero 9, so that it is as long as
 *	ANSWER    id 8 | flow 40 | verdict 1 | age_ms 4 | idle_ms 4
 *	GONE      flow 40
 *
 * Octets behind what is known here are passed over: later versions may say more.
 */
#ifndef LB_MESH_MESSAGE_H
#define LB_MESH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESH_PLAIN_MAX	    1184 /* of a message; with its seal 1232, which passes everywhere */
#define MESH_VIPS_A_HELLO   64	 /* more of them take turns */
#define MESH_CHUNK_SIZE	    1024
#define MESH_CHUNKS	    8
#define MESH_FLOW_SIZE	    40
#define MESH_RESTART_MAX_MS 30000

enum mesh_type { MESH_HELLO = 1, MESH_NETWORKS, MESH_ASK, MESH_ANSWER, MESH_GONE };

/* What a PoP says of itself. */
enum mesh_word { MESH_SERVING, MESH_DRAINING, MESH_RESTARTS, MESH_STOPS };

/* bits of a VIP. */
#define MESH_VIP_ANNOUNCED   1
#define MESH_VIP_DEPREFERRED 2 /* announced so that others are preferred */
#define MESH_VIP_UP	     4 /* its verdict */

struct mesh_vip {
	uint64_t hash; /* mesh_name_hash() */
	uint8_t bits;
};

struct mesh_hello {
	enum mesh_word word;
	bool hears;		/* fresh messages of the receiver's */
	bool prove;		/* it does not believe the receiver's boot: answer the challenge */
	uint8_t multiplier;	/* not 0 */
	uint16_t interval_ms;	/* so often it says hello, not 0 */
	uint16_t gue_port;	/* 0: it takes no flows handed over */
	uint32_t restarting_ms; /* with MESH_RESTARTS: it is back in so long */
	uint32_t load;		/* permille of what it can do, as well as it knows */
	uint32_t epoch;		/* of its GUE tags */
	uint64_t challenge, answer;
	uint64_t sent;	    /* when, by the sender's clock */
	uint64_t sent_echo; /* the receiver's sent, of the last hello that counted; 0: none */
	uint32_t held_us;   /* between that one's arrival and this */
	/* VIPs first to first + count of vip_count. */
	uint16_t vip_total, vip_first;
	uint8_t vip_count;
	struct mesh_vip vips[MESH_VIPS_A_HELLO];
};

/* Of a question, which is all but the last three, and its answer. */
struct mesh_answer {
	uint64_t id;
	uint8_t flow[MESH_FLOW_SIZE]; /* a struct flow_key, to us mere octets */
	bool yes;
	uint32_t age_ms;  /* of the connection, as its owner means it */
	uint32_t idle_ms; /* since its last packet */
};

struct mesh_message {
	uint64_t boot, echo, seq;
	enum mesh_type type;
	union {
		struct mesh_hello hello;
		struct {
			uint8_t index;
			const uint8_t *bits; /* MESH_CHUNK_SIZE, borrowed */
		} chunk;
		struct mesh_answer question; /* ASK: id, flow; ANSWER: all; GONE: flow */
	};
};

/* False for what is malformed or of a type unknown; *out is set only with true. */
bool mesh_message_decode(struct mesh_message *out, const uint8_t *buf, size_t len);
/* Octets written; 0: they do not fit. */
size_t mesh_message_encode(const struct mesh_message *message, uint8_t *buf, size_t size);

/* "serving", "draining", "restarting", "stopped". */
const char *mesh_word_name(enum mesh_word word);

#endif
