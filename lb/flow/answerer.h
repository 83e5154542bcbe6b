/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answerer.h - what this PoP says to another that asks whose a flow is.
 *
 * Pure. Yes for what the plane knows as its own, no for everything else, also for flows of which
 * it knows the owner: that one is asked itself. Of a connection that is half-open or ending it is
 * not told when it was used last: it may not be the client's, so that the others are heard too.
 *
 * Each PoP may ask so often, and all together; who asks more is not answered at all, since
 * a no would be taken for one.
 */
#ifndef LB_FLOW_ANSWERER_H
#define LB_FLOW_ANSWERER_H

#include "lb/flow/owner.h"

enum answerer_standing { ANSWERER_ABSENT, ANSWERER_HALF_OPEN, ANSWERER_OPEN, ANSWERER_CLOSING };

/* A flow as the plane knows it. */
struct answerer_flow {
	enum answerer_standing standing;
	uint32_t age_ms, idle_ms; /* since its SYN or the first packet seen; since the last one */
};

struct answerer_conf {
	unsigned pops;		 /* the others */
	struct bucket_rate each; /* questions of one of them */
	struct bucket_rate all;
};

struct answerer_counters {
	uint64_t yes, no, limited;
};

struct answerer;

/* 10000 a second of each PoP with bursts of 40000, twice that of all. */
struct answerer_conf answerer_conf_default(unsigned pops);
/* find: what the plane knows of a flow. */
struct answerer *answerer_new(const struct answerer_conf *conf,
			      struct answerer_flow (*find)(void *ctx, const struct flow_key *key),
			      void *ctx);
void answerer_free(struct answerer *answerer);
/* A PoP asks. False: say nothing; *out is set only with true. */
bool answerer_question_take(struct answerer *answerer, unsigned pop, uint64_t id,
			    const struct flow_key *key, struct owner_answer *out,
			    struct instant now);
const struct answerer_counters *answerer_counters(const struct answerer *answerer);

#endif
