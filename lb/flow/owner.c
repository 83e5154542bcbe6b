/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/owner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lb/flow/owner_question.h"
#include "lib/alloc.h"

#define ROUND_TRIP_MAX_MS 10000

struct owner_conf owner_conf_default(unsigned pops, uint32_t reset_after_ms)
{
	return (struct owner_conf){
		.pops = pops,
		.flows = 4096,
		.packets = 8192,
		.packet_max = 2048,
		.reset_after_ms = reset_after_ms,
		.messages = { 10000, 40000 },
		.network = { 1000, 4096 },
		.networks = 16384,
	};
}

struct owner *owner_new(const struct owner_conf *conf, const struct owner_ops *ops, void *ctx,
			struct instant now)
{
	struct owner *o = x_new(struct owner);

	assert(conf->pops <= OWNER_POPS_MAX && conf->flows >= 4 && conf->flows <= UINT16_MAX);
	assert(conf->packets >= 4 && conf->packets <= UINT16_MAX);
	assert(conf->messages.burst >= 4 * conf->pops);
	o->conf = *conf;
	o->ops = *ops;
	o->ctx = ctx;
	o->began = now;
	o->next = INSTANT_NEVER;
	o->networks = bucket_sketch_new(conf->networks, conf->key);
	o->pops = xcalloc(conf->pops + 1, sizeof(*o->pops));
	for (unsigned pop = 0; pop < conf->pops; pop++)
		o->pops[pop] = (struct owner_pop){ .state = OWNER_POP_DEAD, .since = now };
	owner_store_init(&o->store, conf);
	return o;
}

void owner_free(struct owner *o)
{
	if (!o)
		return;
	owner_store_fini(&o->store);
	bucket_sketch_free(o->networks);
	free(o->pops);
	free(o);
}

static bool is_lingering(const struct owner_flow *flow)
{
	return flow->state == OWNER_SETTLED_STATE || flow->state == OWNER_REFUSED_STATE;
}

/* A decision that is only remembered makes room. */
static void linger_evict(struct owner *o)
{
	struct owner_flow *oldest = NULL;

	for (unsigned i = 0; i < o->conf.flows; i++) {
		struct owner_flow *flow = &o->store.flow[i];

		if (is_lingering(flow) &&
		    (!oldest ||
		     o->store.due[i].ns < o->store.due[owner_store_index(&o->store, oldest)].ns))
			oldest = flow;
	}
	if (oldest)
		owner_store_remove(&o->store, oldest);
}

/* hints: of PoPs that live; lives: so many may have to be asked. */
static bool has_room(struct owner *o, unsigned hints, unsigned lives, struct instant now)
{
	const uint32_t tokens = bucket_level(&o->messages, &o->conf.messages, now);
	const unsigned quarters = hints > 0 ? 4 : 3;
	const unsigned flows = o->conf.flows * quarters / 4;

	if (tokens < (hints > 0 ? hints : lives + o->conf.messages.burst / 2) ||
	    o->store.packets >= o->conf.packets * quarters / 4)
		return false;
	if (o->store.flows >= flows)
		linger_evict(o);
	return o->store.flows < flows;
}

static int64_t head_start(const struct owner *o, int64_t slowest_hinted)
{
	int64_t head = slowest_hinted + slowest_hinted / 4 + NS_PER_MS;
	const int64_t spare = o->conf.reset_after_ms * NS_PER_MS - owner_question_rtt(o);

	if (head > OWNER_HEAD_START_MS * NS_PER_MS)
		head = OWNER_HEAD_START_MS * NS_PER_MS;
	if (head > spare)
		head = spare;
	return head > 0 ? head : 0;
}

/* Who served the client's network, and lives, is marked in voices. */
static enum owner_fate flow_start(struct owner *o, const struct owner_packet *packet,
				  struct instant now)
{
	uint64_t bits[OWNER_POPS_MAX / 64] = { 0 };
	unsigned hints = 0, lives = 0;
	struct owner_voice *voices;
	struct owner_flow *flow;
	int64_t slowest = 0;

	if (!bucket_sketch_take(o->networks, &o->conf.network, &packet->key, now))
		return OWNER_LIMITED;
	o->ops.hint(o->ctx, &packet->key, bits);
	for (unsigned pop = 0; pop < o->store.known; pop++) {
		if (o->pops[pop].state != OWNER_POP_LIVE)
			continue;
		lives++;
		if (!(bits[pop / 64] >> pop % 64 & 1))
			continue;
		hints++;
		slowest = o->pops[pop].rtt_ns > slowest ? o->pops[pop].rtt_ns : slowest;
	}
	if (!has_room(o, hints, lives, now))
		return OWNER_BUSY;
	flow = owner_store_add(&o->store, &packet->key);
	voices = owner_store_voices(&o->store, flow);
	for (unsigned pop = 0; pop < o->store.known; pop++)
		voices[pop].hinted = bits[pop / 64] >> pop % 64 & 1;
	flow->hinted = hints > 0;
	flow->started = now;
	flow->wave = hints > 0 ? instant_after_ns(now, head_start(o, slowest)) : now;
	owner_store_push(&o->store, flow, packet, now);
	o->counters.questions++;
	owner_question_step(o, flow, now);
	return OWNER_QUEUED;
}

static enum owner_fate flow_push(struct owner *o, struct owner_flow *flow,
				 const struct owner_packet *packet, struct instant now)
{
	if (!flow->hinted && o->store.packets >= o->conf.packets / 4 * 3)
		return OWNER_FULL;
	return owner_store_push(&o->store, flow, packet, now) ? OWNER_QUEUED : OWNER_FULL;
}

static enum owner_fate packet_decide(struct owner *o, const struct owner_packet *packet,
				     struct instant now)
{
	struct owner_flow *flow = owner_store_find(&o->store, &packet->key);

	if (packet->len > o->conf.packet_max)
		return OWNER_TOO_LONG;
	if (!flow)
		return flow_start(o, packet, now);
	switch (flow->state) {
	case OWNER_SETTLED_STATE:
		if (!packet->is_cut) {
			o->ops.release(o->ctx, flow->target, packet);
			o->counters.released++;
		}
		return OWNER_RELEASED;
	case OWNER_REFUSED_STATE:
		return OWNER_REFUSED;
	case OWNER_ASKING:
	case OWNER_FREE:
		break;
	}
	return flow_push(o, flow, packet, now);
}

enum owner_fate owner_packet_take(struct owner *o, const struct owner_packet *packet,
				  struct instant now)
{
	const enum owner_fate fate = packet_decide(o, packet, now);

	o->counters.fates[fate]++;
	return fate;
}

/* The flow whose question this answers; NULL: none any more, or this PoP was not asked. */
static struct owner_flow *answer_flow(struct owner *o, unsigned pop,
				      const struct owner_answer *answer)
{
	const uint32_t place =
		(uint32_t)(answer->id >> OWNER_TICK_BITS & ((1U << OWNER_PLACE_BITS) - 1));
	const uint32_t at = (uint32_t)(answer->id & ((1U << OWNER_TICK_BITS) - 1));
	struct owner_flow *flow = &o->store.flow[place < o->conf.flows ? place : 0];
	const struct owner_voice *voice;

	if (place >= o->conf.flows || pop >= o->conf.pops || flow->state == OWNER_FREE ||
	    (uint64_t)flow->generation << (OWNER_TICK_BITS + OWNER_PLACE_BITS) !=
		    answer->id >> (OWNER_TICK_BITS + OWNER_PLACE_BITS)
					  << (OWNER_TICK_BITS + OWNER_PLACE_BITS))
		return NULL;
	voice = &owner_store_voices(&o->store, flow)[pop];
	if (voice->tries == 0 || at > voice->asked ||
	    memcmp(&flow->key, &answer->key, sizeof(answer->key)) != 0)
		return NULL;
	return flow;
}

static void voice_set(struct owner_voice *voice, const struct owner_answer *answer,
		      struct instant now)
{
	const uint32_t at = (uint32_t)(answer->id & ((1U << OWNER_TICK_BITS) - 1));

	if (answer->yes) {
		voice->yes = true;
		voice->no = false;
		voice->fresh = answer->idle_ms < OWNER_FRESH_MS;
		voice->used = instant_after_ms(now, -(int64_t)answer->idle_ms);
		voice->half_open = answer->age_ms >= OWNER_HALF_OPEN_MS;
		voice->born = instant_after_ms(
			now, -(int64_t)(answer->age_ms & (OWNER_HALF_OPEN_MS - 1)));
	} else if (!voice->yes && (!voice->no || at > voice->said)) {
		voice->no = true;
		voice->said = at;
	}
}

void owner_answer_take(struct owner *o, unsigned pop, const struct owner_answer *answer,
		       struct instant now)
{
	struct owner_flow *flow = answer_flow(o, pop, answer);
	struct owner_voice *voice, *target;
	bool news;

	if (!flow) {
		o->counters.strays++;
		return;
	}
	o->counters.answers++;
	voice = &owner_store_voices(&o->store, flow)[pop];
	target = &owner_store_voices(&o->store, flow)[flow->target];
	news = !voice->yes && !voice->no;
	voice_set(voice, answer, now);
	if (flow->state == OWNER_ASKING) {
		flow->awaited -= news && flow->awaited > 0;
		if (flow->awaited > 0 && !answer->yes)
			return;
		/* Whoever was to be asked first is not enough. */
		flow->wave = instant_min(flow->wave, now);
		owner_question_step(o, flow, now);
	} else if (answer->yes && (flow->state == OWNER_REFUSED_STATE ||
				   (pop != flow->target && owner_question_wins(voice, target)))) {
		o->counters.moved++;
		owner_question_settle(o, flow, pop, now);
	}
}

static bool is_pop_news(struct owner *o, unsigned pop, enum owner_pop_state state,
			struct instant since)
{
	struct owner_pop *p = &o->pops[pop];
	const bool is_news = p->state != state;

	if (o->store.known <= pop)
		o->store.known = pop + 1;
	p->state = state;
	if (is_news || state == OWNER_POP_RESTARTING)
		p->since = since;
	return is_news;
}

/* What is asked is looked at again. */
static void questions_step(struct owner *o, struct instant now)
{
	for (unsigned i = 0; i < o->conf.flows; i++)
		if (o->store.flow[i].state == OWNER_ASKING)
			owner_question_step(o, &o->store.flow[i], now);
}

void owner_pop_live(struct owner *o, unsigned pop, uint32_t rtt_us, struct instant now)
{
	assert(pop < o->conf.pops);
	o->pops[pop].rtt_ns = rtt_us * NS_PER_US;
	if (o->pops[pop].rtt_ns > ROUND_TRIP_MAX_MS * NS_PER_MS)
		o->pops[pop].rtt_ns = ROUND_TRIP_MAX_MS * NS_PER_MS;
	if (!is_pop_news(o, pop, OWNER_POP_LIVE, now))
		return;
	/* What it was asked before it was away is lost. */
	for (unsigned i = 0; i < o->conf.flows; i++) {
		struct owner_voice *voice = &owner_store_voices(&o->store, &o->store.flow[i])[pop];

		if (!voice->yes && !voice->no)
			voice->tries = 0;
	}
	questions_step(o, now);
}

void owner_pop_dead(struct owner *o, unsigned pop, struct instant now)
{
	struct instant since = now;

	assert(pop < o->conf.pops);
	if (o->pops[pop].state == OWNER_POP_RESTARTING)
		since = instant_min(now, o->pops[pop].since);
	if (!is_pop_news(o, pop, OWNER_POP_DEAD, since))
		return;
	for (unsigned i = 0; i < o->conf.flows; i++) {
		struct owner_flow *flow = &o->store.flow[i];

		if (flow->state == OWNER_SETTLED_STATE && flow->target == pop)
			owner_store_remove(&o->store, flow);
	}
	questions_step(o, now);
}

void owner_pop_gone(struct owner *o, unsigned pop, struct instant now)
{
	owner_pop_dead(o, pop, now);
	for (unsigned i = 0; i < o->conf.flows; i++)
		owner_store_voices(&o->store, &o->store.flow[i])[pop] = (struct owner_voice){ 0 };
}

void owner_pop_restarting(struct owner *o, unsigned pop, struct instant until, struct instant now)
{
	assert(pop < o->conf.pops);
	if (is_pop_news(o, pop, OWNER_POP_RESTARTING, until))
		questions_step(o, now);
}

void owner_flow_taken(struct owner *o, const struct flow_key *key)
{
	struct owner_flow *flow = owner_store_find(&o->store, key);

	if (!flow)
		return;
	o->counters.taken_here += flow->state == OWNER_ASKING;
	owner_store_remove(&o->store, flow);
}

void owner_flow_gone(struct owner *o, unsigned pop, const struct flow_key *key)
{
	struct owner_flow *flow = owner_store_find(&o->store, key);

	if (flow && flow->state == OWNER_SETTLED_STATE && flow->target == pop)
		owner_store_remove(&o->store, flow);
}

void owner_step(struct owner *o, struct instant now)
{
	if (!instant_reached(o->next, now))
		return;
	o->next = INSTANT_NEVER;
	for (unsigned i = 0; i < o->conf.flows; i++) {
		struct owner_flow *flow = &o->store.flow[i];

		if (instant_reached(o->store.due[i], now)) {
			if (is_lingering(flow))
				owner_store_remove(&o->store, flow);
			else
				owner_question_step(o, flow, now);
		}
		o->next = instant_min(o->next, o->store.due[i]);
	}
}

struct instant owner_deadline(const struct owner *o)
{
	return o->next;
}

const struct owner_counters *owner_counters(struct owner *o)
{
	o->counters.flows = o->store.flows;
	o->counters.packets = o->store.packets;
	return &o->counters;
}
