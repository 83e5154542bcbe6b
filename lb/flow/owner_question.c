/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/owner_question.h"

#define TICK_NS	   (10 * NS_PER_US)
#define END_MIN_MS 4000 /* of a question; or four times reset_after */
#define STARVED_MS 20	/* no token: try again */
#define REFRESH_MS 5	/* earlier than a round trip before dead PoPs are so for long enough */

/* What the voices come to. */
struct tally {
	unsigned awaited;
	bool unasked, silent, silent_hinted;
	struct instant ripe;  /* then everybody who is dead has been so for long enough */
	struct instant cover; /* packets no younger have been denied by everybody who lives */
	struct instant due;
};

/* In whole milliseconds, so that many flows are looked at in one go. */
static void due_set(struct owner *o, const struct owner_flow *flow, struct instant due)
{
	if (due.ns != INSTANT_NEVER.ns)
		due.ns = (due.ns + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS;
	o->store.due[owner_store_index(&o->store, flow)] = due;
	o->next = instant_min(o->next, due);
}

static struct instant ripe_at(const struct owner *o, unsigned pop)
{
	return instant_after_ms(o->pops[pop].since, o->conf.reset_after_ms);
}

int64_t owner_question_rtt(const struct owner *o)
{
	int64_t slowest = 0;

	for (unsigned pop = 0; pop < o->store.known; pop++)
		if (o->pops[pop].state == OWNER_POP_LIVE && o->pops[pop].rtt_ns > slowest)
			slowest = o->pops[pop].rtt_ns;
	return slowest;
}

static uint32_t tick(const struct owner_flow *flow, struct instant now)
{
	return (uint32_t)((now.ns - flow->started.ns) / TICK_NS);
}

static struct instant tick_instant(const struct owner_flow *flow, uint32_t at)
{
	return instant_after_ns(flow->started, at * TICK_NS);
}

static struct instant answer_due(const struct owner *o, unsigned pop, struct instant asked)
{
	const int64_t two = 2 * o->pops[pop].rtt_ns, least = OWNER_RETRY_MIN_MS * NS_PER_MS;

	return instant_after_ns(asked, two > least ? two : least);
}

/* False: there is no token. keep: so many are for more important messages. */
static bool ask(struct owner *o, struct owner_flow *flow, unsigned pop, uint32_t keep,
		struct instant now)
{
	struct owner_voice *voice = &owner_store_voices(&o->store, flow)[pop];
	uint64_t id = flow->generation & ((1U << (64 - OWNER_TICK_BITS - OWNER_PLACE_BITS)) - 1);

	if (!bucket_take(&o->messages, &o->conf.messages, 1, keep, now)) {
		o->counters.starved++;
		return false;
	}
	o->counters.asks++;
	o->counters.retries += voice->tries > 0;
	voice->tries++;
	voice->asked = tick(flow, now);
	id = id << OWNER_PLACE_BITS | owner_store_index(&o->store, flow);
	o->ops.ask(o->ctx, pop, id << OWNER_TICK_BITS | voice->asked, &flow->key);
	return true;
}

/* Of a PoP that lives and has said nothing: ask it if it is its turn, or again. */
static void consult(struct owner *o, struct owner_flow *flow, unsigned pop, struct tally *t,
		    struct instant now)
{
	struct owner_voice *voice = &owner_store_voices(&o->store, flow)[pop];
	const bool first = voice->hinted && voice->tries == 0;
	struct instant due;

	if (voice->tries > 0) {
		due = answer_due(o, pop, tick_instant(flow, voice->asked));
		if (!instant_reached(due, now)) {
			t->awaited++;
			t->due = instant_min(t->due, due);
			return;
		}
		if (voice->tries >= OWNER_TRIES) {
			t->silent = true;
			t->silent_hinted |= voice->hinted;
			return;
		}
	} else if (!voice->hinted && !instant_reached(flow->wave, now)) {
		t->unasked = true;
		t->due = instant_min(t->due, flow->wave);
		return;
	}
	if (ask(o, flow, pop, first ? 0 : o->conf.messages.burst / 4, now)) {
		t->awaited++;
		t->due = instant_min(t->due, answer_due(o, pop, now));
	} else {
		t->unasked = true;
		t->due = instant_min(t->due, instant_after_ms(now, STARVED_MS));
	}
}

bool owner_question_wins(const struct owner_voice *voice, const struct owner_voice *other)
{
	if (voice->half_open && !other->half_open)
		return voice->born.ns >= other->used.ns;
	if (!voice->half_open && other->half_open)
		return voice->used.ns > other->born.ns;
	return voice->born.ns > other->born.ns;
}

/* Who has said yes, is not dead, and has the youngest connection; OWNER_NONE: nobody. */
static unsigned youngest_yes(struct owner *o, const struct owner_flow *flow, bool *is_fresh)
{
	const struct owner_voice *voices = owner_store_voices(&o->store, flow);
	unsigned best = OWNER_NONE;

	*is_fresh = false;
	for (unsigned pop = 0; pop < o->store.known; pop++) {
		if (!voices[pop].yes || o->pops[pop].state == OWNER_POP_DEAD)
			continue;
		if (best == OWNER_NONE || owner_question_wins(&voices[pop], &voices[best]))
			best = pop;
		*is_fresh |= voices[pop].fresh;
	}
	return best;
}

/* And asks whose turn it is. */
static struct tally voices_tally(struct owner *o, struct owner_flow *flow, struct instant now)
{
	const struct owner_voice *voices = owner_store_voices(&o->store, flow);
	struct tally t = { .ripe = now, .cover = INSTANT_NEVER, .due = INSTANT_NEVER };
	const struct instant unknown_ripe = instant_after_ms(o->began, o->conf.reset_after_ms);

	if (o->store.known < o->conf.pops && unknown_ripe.ns > now.ns)
		t.ripe = unknown_ripe;
	for (unsigned pop = 0; pop < o->store.known; pop++) {
		const struct owner_voice *v = &voices[pop];
		const bool lives = o->pops[pop].state == OWNER_POP_LIVE;

		if (v->yes && o->pops[pop].state != OWNER_POP_DEAD)
			continue;
		if (v->no) {
			t.cover = instant_min(t.cover, tick_instant(flow, v->said));
		} else if (lives) {
			consult(o, flow, pop, &t, now);
		} else if (ripe_at(o, pop).ns > t.ripe.ns) {
			t.ripe = ripe_at(o, pop);
		}
	}
	flow->awaited = t.awaited;
	return t;
}

/* It is ours by now: what waits is old, or TCP sends it again. */
static bool is_taken_here(struct owner *o, struct owner_flow *flow)
{
	if (!o->ops.is_here(o->ctx, &flow->key))
		return false;
	o->counters.taken_here++;
	owner_store_remove(&o->store, flow);
	return true;
}

void owner_question_settle(struct owner *o, struct owner_flow *flow, unsigned pop,
			   struct instant now)
{
	struct owner_packet packet;

	if (is_taken_here(o, flow))
		return;
	o->counters.settled += flow->state == OWNER_ASKING;
	flow->state = OWNER_SETTLED_STATE;
	flow->target = pop;
	while (owner_store_pop(&o->store, flow, &packet)) {
		if (packet.is_cut)
			continue;
		o->ops.release(o->ctx, pop, &packet);
		o->counters.released++;
	}
	o->ops.learn(o->ctx, &flow->key, pop, OWNER_CACHE_MS);
	due_set(o, flow, instant_after_ms(now, OWNER_LINGER_MS));
}

/*
 * RFC 9293, 3.10.7.1: a reset's SEQ is the ACK of what it answers, and a client takes one only at
 * the SEQ that it waits for (RFC 5961, 3.2). So the newest packet's does, and the others' would
 * not.
 */
static void refuse(struct owner *o, struct owner_flow *flow, struct instant cover,
		   struct instant now)
{
	struct owner_packet packet;

	if (is_taken_here(o, flow))
		return;
	o->counters.refused++;
	flow->state = OWNER_REFUSED_STATE;
	o->counters.unanswered += flow->queued;
	if (owner_store_newest(&o->store, flow, cover, &packet)) {
		o->ops.reset(o->ctx, &packet);
		o->counters.resets++;
		o->counters.unanswered--;
	}
	owner_store_drop(&o->store, flow);
	o->ops.learn(o->ctx, &flow->key, OWNER_NOWHERE, OWNER_NOWHERE_MS);
	due_set(o, flow, instant_after_ms(now, OWNER_LINGER_MS));
}

/*
 * Only dead PoPs are waited for. Ask the living so that their answers are here by then, if packets
 * have come that they have not denied yet. Returns when to do that.
 */
static struct instant refresh(struct owner *o, struct owner_flow *flow, const struct tally *t,
			      struct instant now)
{
	const struct owner_voice *voices = owner_store_voices(&o->store, flow);
	const struct instant at =
		instant_after_ns(t->ripe, -owner_question_rtt(o) - REFRESH_MS * NS_PER_MS);

	if (flow->refreshed)
		return INSTANT_NEVER;
	if (!instant_reached(at, now))
		return at;
	if (flow->newest.ns <= t->cover.ns)
		return INSTANT_NEVER;
	flow->refreshed = true;
	for (unsigned pop = 0; pop < o->store.known; pop++)
		if (voices[pop].no && o->pops[pop].state == OWNER_POP_LIVE)
			ask(o, flow, pop, o->conf.messages.burst / 4, now);
	return INSTANT_NEVER;
}

static struct instant flow_end(const struct owner *o, const struct owner_flow *flow)
{
	const int64_t ms = 4 * (int64_t)o->conf.reset_after_ms;

	return instant_after_ms(flow->started, ms > END_MIN_MS ? ms : END_MIN_MS);
}

void owner_question_step(struct owner *o, struct owner_flow *flow, struct instant now)
{
	bool is_fresh, all_heard, all_dead;
	const unsigned best = youngest_yes(o, flow, &is_fresh);
	struct tally t;

	if (best != OWNER_NONE && is_fresh) {
		owner_question_settle(o, flow, best, now);
		return;
	}
	t = voices_tally(o, flow, now);
	all_heard = t.awaited == 0 && !t.unasked;
	all_dead = instant_reached(t.ripe, now);
	if (all_heard && all_dead && best != OWNER_NONE && !t.silent_hinted) {
		owner_question_settle(o, flow, best, now);
	} else if (all_heard && all_dead && best == OWNER_NONE && !t.silent) {
		refuse(o, flow, t.cover, now);
	} else if ((all_heard && t.silent) || instant_reached(flow_end(o, flow), now)) {
		o->counters.unclear++;
		owner_store_remove(&o->store, flow);
	} else {
		t.due = instant_min(t.due, flow_end(o, flow));
		if (all_heard)
			t.due = instant_min(t.due, instant_min(t.ripe, refresh(o, flow, &t, now)));
		due_set(o, flow, t.due);
	}
}
