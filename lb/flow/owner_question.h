/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner_question.h - one flow under question: whom to ask, and what follows from what they say.
 *
 * For owner.c, which takes what comes in. A question is looked at as a whole (the step) whenever
 * that may decide it: when all who were asked have answered, at a yes, when a PoP lives or dies,
 * when time is up. What each PoP has said is its voice (owner_store.h).
 *
 * An id is generation 20 | place 16 | tick 28 bits; ticks are tens of microseconds since the
 * question began. So an answer says itself when it was asked for, however many times that was.
 */
#ifndef LB_FLOW_OWNER_QUESTION_H
#define LB_FLOW_OWNER_QUESTION_H

#include "lb/flow/owner_store.h"

#define OWNER_TICK_BITS	 28
#define OWNER_PLACE_BITS 16

enum owner_pop_state { OWNER_POP_LIVE, OWNER_POP_DEAD, OWNER_POP_RESTARTING };

struct owner_pop {
	enum owner_pop_state state;
	struct instant since; /* dead; or until when it restarts */
	int64_t rtt_ns;
};

struct owner {
	struct owner_conf conf;
	struct owner_ops ops;
	void *ctx;
	struct owner_store store;
	struct owner_pop *pops; /* from store.known on: dead since the machine began */
	struct instant began;
	struct bucket messages;
	struct bucket_sketch *networks;
	struct owner_counters counters;
	struct instant next;
};

/* Ask, settle, refuse or forget the flow, whichever is due. */
void owner_question_step(struct owner *o, struct owner_flow *flow, struct instant now);
/* That PoP has it, by its voice. */
void owner_question_settle(struct owner *o, struct owner_flow *flow, unsigned pop,
			   struct instant now);
/* Both have said yes: the first one's connection is the client's. */
bool owner_question_wins(const struct owner_voice *voice, const struct owner_voice *other);
/* Of the PoPs that live, 0 if there are none. */
int64_t owner_question_rtt(const struct owner *o);

#endif
