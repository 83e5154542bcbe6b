/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner_flood.h - for tests and benches: what a mesh of many PoPs says while some of them are
 * flooded.
 *
 * In virtual time. Packets in mid-flow of made-up clients, each another flow, come to the first
 * PoPs at a steady rate; every PoP has a machine (owner.h) and an answerer, and a message takes
 * the same time between any two.
 */
#ifndef TESTS_SUPPORT_OWNER_FLOOD_H
#define TESTS_SUPPORT_OWNER_FLOOD_H

#include <stdlib.h>

#include "lb/flow/answerer.h"
#include "lib/alloc.h"

struct owner_flood {
	unsigned pops, flooded;
	unsigned packets_per_s; /* to each that is flooded */
	unsigned seconds;
	unsigned flows; /* owner_conf's; 0: as it is by default */
};

struct owner_flood_result {
	/* Messages that one PoP sends in a second, asks and answers: the most of all PoPs. */
	uint64_t first_second, last_second;
	uint64_t questions, settled, resets, busy; /* of all */
	unsigned flows, packets;		   /* the most at once, of one PoP */
};

struct owner_flood_letter {
	struct instant due;
	unsigned from, to;
	bool is_answer;
	struct owner_answer what;
};

struct owner_flood_world;

struct owner_flood_pop {
	struct owner_flood_world *w;
	unsigned number;
	struct owner *owner;
	struct answerer *answerer;
	uint64_t sent;
};

/* Letters in the order in which they are due. */
struct owner_flood_world {
	struct instant now;
	struct owner_flood_pop *pops;
	unsigned count;
	struct owner_flood_letter *letters;
	size_t first, end, size;
	uint64_t resets;
};

#define OWNER_FLOOD_DELAY_MS 40

static inline void owner_flood_post(struct owner_flood_pop *from, unsigned index, bool is_answer,
				    const struct owner_answer *what)
{
	struct owner_flood_world *w = from->w;

	if (w->first > 65536 && w->first * 2 > w->end) {
		memmove(w->letters, w->letters + w->first,
			(w->end - w->first) * sizeof(*w->letters));
		w->end -= w->first;
		w->first = 0;
	}
	if (w->end == w->size) {
		w->size = w->size ? 2 * w->size : 4096;
		w->letters = xreallocarray(w->letters, w->size, sizeof(*w->letters));
	}
	from->sent++;
	w->letters[w->end++] = (struct owner_flood_letter){
		.due = instant_after_ms(w->now, OWNER_FLOOD_DELAY_MS),
		.from = from->number,
		.to = index < from->number ? index : index + 1,
		.is_answer = is_answer,
		.what = *what,
	};
}

static inline void owner_flood_ask(void *ctx, unsigned pop, uint64_t id, const struct flow_key *key)
{
	const struct owner_answer what = { .id = id, .key = *key };

	owner_flood_post(ctx, pop, false, &what);
}

static inline void owner_flood_release(void *ctx, unsigned pop, const struct owner_packet *packet)
{
	(void)ctx;
	(void)pop;
	(void)packet;
}

static inline void owner_flood_learn(void *ctx, const struct flow_key *key, unsigned pop,
				     uint32_t ttl_ms)
{
	(void)ctx;
	(void)key;
	(void)pop;
	(void)ttl_ms;
}

static inline void owner_flood_reset(void *ctx, const struct owner_packet *packet)
{
	(void)packet;
	((struct owner_flood_pop *)ctx)->w->resets++;
}

static inline void owner_flood_hint(void *ctx, const struct flow_key *key, uint64_t *bits)
{
	(void)ctx;
	(void)key;
	(void)bits;
}

static inline bool owner_flood_is_here(void *ctx, const struct flow_key *key)
{
	(void)ctx;
	(void)key;
	return false;
}

static inline struct answerer_flow owner_flood_find(void *ctx, const struct flow_key *key)
{
	(void)ctx;
	(void)key;
	return (struct answerer_flow){ ANSWERER_ABSENT, 0, 0 };
}

static inline void owner_flood_pop_init(struct owner_flood_world *w, unsigned number,
					unsigned flows)
{
	static const struct owner_ops ops = { owner_flood_ask,	 owner_flood_release,
					      owner_flood_learn, owner_flood_reset,
					      owner_flood_hint,	 owner_flood_is_here };
	struct owner_conf conf = owner_conf_default(w->count - 1, 1000);
	const struct answerer_conf answers = answerer_conf_default(w->count - 1);
	struct owner_flood_pop *pop = &w->pops[number];

	if (flows) {
		conf.flows = flows;
		conf.packets = 2 * flows;
	}
	conf.packet_max = 64;
	*pop = (struct owner_flood_pop){ .w = w, .number = number };
	pop->owner = owner_new(&conf, &ops, pop, w->now);
	pop->answerer = answerer_new(&answers, owner_flood_find, pop);
	for (unsigned other = 0; other + 1 < w->count; other++)
		owner_pop_live(pop->owner, other, 2000 * OWNER_FLOOD_DELAY_MS, w->now);
}

static inline void owner_flood_arrive(struct owner_flood_world *w,
				      const struct owner_flood_letter *letter)
{
	struct owner_flood_pop *to = &w->pops[letter->to];
	const unsigned index = letter->from < letter->to ? letter->from : letter->from - 1;
	struct owner_answer answer;

	if (letter->is_answer)
		owner_answer_take(to->owner, index, &letter->what, w->now);
	else if (answerer_question_take(to->answerer, index, letter->what.id, &letter->what.key,
					&answer, w->now))
		owner_flood_post(to, index, true, &answer);
}

/* Everything that is due before then. */
static inline void owner_flood_until(struct owner_flood_world *w, unsigned flooded,
				     struct instant until)
{
	for (;;) {
		struct instant at = w->first < w->end ? w->letters[w->first].due : INSTANT_NEVER;
		unsigned step = flooded;

		for (unsigned i = 0; i < flooded; i++)
			if (owner_deadline(w->pops[i].owner).ns < at.ns) {
				at = owner_deadline(w->pops[i].owner);
				step = i;
			}
		if (at.ns > until.ns)
			break;
		w->now = at.ns > w->now.ns ? at : w->now;
		if (step < flooded) {
			owner_step(w->pops[step].owner, w->now);
		} else {
			const struct owner_flood_letter letter = w->letters[w->first++];

			owner_flood_arrive(w, &letter);
		}
	}
	w->now = until;
}

static inline void owner_flood_packet(struct owner_flood_world *w, unsigned pop, uint64_t number,
				      struct owner_flood_result *result)
{
	struct owner_packet packet = { .key = { .proto = FLOW_TCP, .kind = FLOW_KIND_TUPLE },
				       .bytes = (const uint8_t[]){ 0x45 },
				       .len = 1 };
	const uint64_t hash = (number + 1) * 0x9e3779b97f4a7c15;
	const struct owner_counters *counters;

	flow_addr_map(packet.key.client, (uint32_t)(hash >> 32));
	packet.key.client_port = (uint16_t)hash;
	owner_packet_take(w->pops[pop].owner, &packet, w->now);
	counters = owner_counters(w->pops[pop].owner);
	result->flows = counters->flows > result->flows ? counters->flows : result->flows;
	result->packets = counters->packets > result->packets ? counters->packets : result->packets;
}

static inline uint64_t owner_flood_most(struct owner_flood_world *w)
{
	uint64_t most = 0;

	for (unsigned pop = 0; pop < w->count; pop++) {
		most = w->pops[pop].sent > most ? w->pops[pop].sent : most;
		w->pops[pop].sent = 0;
	}
	return most;
}

static inline struct owner_flood_result owner_flood_run(const struct owner_flood *f)
{
	struct owner_flood_world w = { .count = f->pops,
				       .pops = xcalloc(f->pops, sizeof(*w.pops)) };
	struct owner_flood_result result = { 0 };
	uint64_t number = 0;

	for (unsigned pop = 0; pop < f->pops; pop++)
		owner_flood_pop_init(&w, pop, pop < f->flooded ? f->flows : 4);
	for (unsigned second = 0; second < f->seconds; second++) {
		for (unsigned i = 0; i < f->packets_per_s; i++) {
			owner_flood_until(&w, f->flooded,
					  (struct instant){ second * NS_PER_S +
							    i * NS_PER_S / f->packets_per_s });
			for (unsigned pop = 0; pop < f->flooded; pop++)
				owner_flood_packet(&w, pop, number++, &result);
		}
		result.last_second = owner_flood_most(&w);
		if (second == 0)
			result.first_second = result.last_second;
	}
	for (unsigned pop = 0; pop < f->pops; pop++) {
		const struct owner_counters *counters = owner_counters(w.pops[pop].owner);

		result.questions += counters->questions;
		result.settled += counters->settled;
		result.busy += counters->fates[OWNER_BUSY];
		owner_free(w.pops[pop].owner);
		answerer_free(w.pops[pop].answerer);
	}
	result.resets = w.resets;
	free(w.letters);
	free(w.pops);
	return result;
}

#endif
