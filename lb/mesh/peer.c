/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/peer.h"

/* Hellos to who is not believed: one message of his makes at most one of ours. */
static const struct bucket_rate reply_rate = { .per_second = 50, .burst = 8 };

static double roll(struct mesh_peer *peer)
{
	peer->random = peer->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(peer->random >> 11) / (double)(UINT64_C(1) << 53);
}

/* A tenth of jitter, so that 200 PoPs do not speak at the same time for ever. */
static void schedule(struct mesh_peer *peer, struct instant now)
{
	double ns = (double)peer->timing.interval_ms * NS_PER_MS * (0.9 + 0.1 * roll(peer));

	peer->next_hello = instant_after_ns(now, (int64_t)ns);
}

void mesh_peer_init(struct mesh_peer *peer, const struct mesh_timing *timing, uint64_t own_boot,
		    uint64_t seed, struct instant now)
{
	*peer = (struct mesh_peer){ .timing = *timing,
				    .own_boot = own_boot,
				    .challenge = 1,
				    .random = seed,
				    .since = now,
				    .expiry = INSTANT_NEVER,
				    .next_hello = now,
				    .reason = "never heard" };
	roll(peer);
	peer->next_hello = instant_after_ns(
		now, (int64_t)(roll(peer) * 0.1 * NS_PER_MS * timing->interval_ms));
}

void mesh_peer_set_timing(struct mesh_peer *peer, const struct mesh_timing *timing)
{
	peer->timing = *timing;
}

static void enter(struct mesh_peer *peer, enum mesh_state state, const char *reason,
		  struct instant now, struct mesh_step *step)
{
	if (peer->state == state)
		return;
	if (!step->changed)
		step->was = peer->state;
	step->changed = true;
	step->send = true;
	peer->state = state;
	peer->since = now;
	peer->reason = reason;
	if (state == MESH_DOWN)
		peer->expiry = INSTANT_NEVER;
}

static bool is_former(const struct mesh_peer *peer, uint64_t boot)
{
	for (size_t i = 0; i < MESH_FORMER_LIVES; i++)
		if (peer->former[i] == boot)
			return true;
	return false;
}

/* What boot says is of the past from now on. */
static void forget(struct mesh_peer *peer)
{
	peer->former[peer->former_next++ % MESH_FORMER_LIVES] = peer->boot;
	peer->boot = 0;
	peer->answer = 0;
	peer->heard_sent = 0;
	peer->heard_seq = 0;
	peer->window = (struct mesh_window){ 0 };
}

static void believe(struct mesh_peer *peer, uint64_t boot, struct instant now,
		    struct mesh_step *step)
{
	if (peer->boot) {
		forget(peer);
		step->restarted = true;
		peer->since = now;
	}
	peer->boot = boot;
	peer->challenge++;
	step->send = true;
}

/* False: it has been held back, or tells of a time that has not come. */
static bool measure(struct mesh_peer *peer, const struct mesh_hello *hello, struct instant now)
{
	int64_t ns;

	/* Who hears us can say what. */
	if (hello->sent_echo == 0)
		return !hello->hears;
	if (hello->sent_echo > (uint64_t)now.ns)
		return false;
	ns = now.ns - (int64_t)hello->sent_echo - (int64_t)hello->held_us * NS_PER_US;
	if (ns > MESH_ROUND_TRIP_MAX_MS * NS_PER_MS)
		return false;
	if (ns < 1)
		ns = 1;
	peer->round_trip_ns = peer->round_trip_ns ? (7 * peer->round_trip_ns + ns) / 8 : ns;
	return true;
}

static void on_serving(struct mesh_peer *peer, const struct mesh_hello *hello, struct instant now,
		       struct mesh_step *step)
{
	peer->detect_ms = (uint32_t)hello->interval_ms * hello->multiplier;
	if (peer->detect_ms > MESH_DETECT_MAX_MS)
		peer->detect_ms = MESH_DETECT_MAX_MS;
	peer->expiry = instant_after_ms(now, peer->detect_ms);
	if (hello->hears)
		enter(peer, MESH_LIVE, "both hear each other", now, step);
	else if (peer->state == MESH_LIVE || peer->state == MESH_RESTARTING)
		enter(peer, MESH_INIT, "it does not hear us", now, step);
	else
		enter(peer, MESH_INIT, "heard, waiting to be heard", now, step);
}

static void on_restarts(struct mesh_peer *peer, const struct mesh_hello *hello, struct instant now,
			struct mesh_step *step)
{
	uint32_t ms = hello->restarting_ms;

	/* Who was not live has nothing that a restart could keep. */
	if (peer->state != MESH_LIVE && peer->state != MESH_RESTARTING)
		return;
	if (ms > MESH_RESTART_MAX_MS)
		ms = MESH_RESTART_MAX_MS;
	/* Its last words, said more than once: no answer. */
	enter(peer, MESH_RESTARTING, "it restarts", now, step);
	step->send = false;
	peer->expiry = instant_after_ms(now, ms);
}

/* Of the life that is believed, and new. */
static void on_hello(struct mesh_peer *peer, const struct mesh_message *message, struct instant now,
		     struct mesh_step *step)
{
	const struct mesh_hello *hello = &message->hello;

	if (message->seq < peer->heard_seq || !measure(peer, hello, now)) {
		step->verdict = MESH_STALE;
		return;
	}
	peer->heard_seq = message->seq;
	peer->heard = now;
	peer->heard_sent = hello->sent;
	peer->answer = hello->challenge;
	switch (hello->word) {
	case MESH_SERVING:
	case MESH_DRAINING:
		on_serving(peer, hello, now, step);
		break;
	case MESH_RESTARTS:
		on_restarts(peer, hello, now, step);
		break;
	case MESH_STOPS:
		enter(peer, MESH_DOWN, "it has stopped", now, step);
		step->send = false;
		forget(peer);
		return;
	}
	step->send |= hello->prove && bucket_take(&peer->replies, &reply_rate, 1, 0, now);
}

static void answer_stranger(struct mesh_peer *peer, const struct mesh_message *message,
			    struct instant now, struct mesh_step *step)
{
	step->verdict = MESH_UNPROVEN;
	if (message->hello.word == MESH_STOPS)
		return;
	if (!bucket_take(&peer->replies, &reply_rate, 1, 0, now))
		return;
	step->send = true;
	step->to_boot = message->boot;
	step->to_answer = message->hello.challenge;
}

struct mesh_step mesh_peer_receive(struct mesh_peer *peer, const struct mesh_message *message,
				   struct instant now)
{
	struct mesh_step step = { .verdict = MESH_STALE };
	bool believed = message->boot == peer->boot;

	if (is_former(peer, message->boot))
		return step;
	if (!believed) {
		if (message->type != MESH_HELLO)
			return step;
		if (message->echo != peer->own_boot || message->hello.answer != peer->challenge ||
		    message->hello.word == MESH_STOPS) {
			answer_stranger(peer, message, now, &step);
			return step;
		}
		believe(peer, message->boot, now, &step);
	} else if (message->echo != peer->own_boot) {
		return step;
	}
	if (!mesh_window_accept(&peer->window, message->seq)) {
		step.verdict = MESH_REPLAYED;
		return step;
	}
	step.verdict = MESH_COUNTS;
	if (message->type == MESH_HELLO)
		on_hello(peer, message, now, &step);
	return step;
}

struct mesh_step mesh_peer_tick(struct mesh_peer *peer, struct instant now)
{
	struct mesh_step step = { 0 };

	if (instant_reached(peer->expiry, now))
		enter(peer, MESH_DOWN,
		      peer->state == MESH_RESTARTING ? "not back from its restart" : "silent", now,
		      &step);
	if (step.changed || instant_reached(peer->next_hello, now)) {
		step.send = true;
		schedule(peer, now);
	}
	return step;
}

struct instant mesh_peer_deadline(const struct mesh_peer *peer)
{
	return instant_min(peer->expiry, peer->next_hello);
}

void mesh_peer_hurry(struct mesh_peer *peer, struct instant now)
{
	peer->next_hello = instant_min(peer->next_hello, now);
}

void mesh_peer_begin(struct mesh_peer *peer, enum mesh_type type, struct mesh_message *out)
{
	out->boot = peer->own_boot;
	out->echo = peer->boot;
	out->seq = ++peer->sent;
	out->type = type;
}

void mesh_peer_hello(struct mesh_peer *peer, const struct mesh_step *step, struct instant now,
		     struct mesh_message *out)
{
	bool stranger = step->to_boot != 0;

	*out = (struct mesh_message){ 0 };
	mesh_peer_begin(peer, MESH_HELLO, out);
	out->hello.multiplier = peer->timing.multiplier;
	out->hello.interval_ms = peer->timing.interval_ms;
	out->hello.challenge = peer->challenge;
	out->hello.sent = (uint64_t)now.ns;
	out->hello.prove = stranger || peer->boot == 0;
	if (stranger) {
		out->echo = step->to_boot;
		out->hello.answer = step->to_answer;
		return;
	}
	out->hello.answer = peer->answer;
	out->hello.hears = peer->state == MESH_INIT || peer->state == MESH_LIVE;
	if (out->hello.hears) {
		int64_t held_us = (now.ns - peer->heard.ns) / NS_PER_US;

		out->hello.sent_echo = peer->heard_sent;
		out->hello.held_us = held_us > UINT32_MAX ? UINT32_MAX : (uint32_t)held_us;
	}
}

const char *mesh_state_name(enum mesh_state state)
{
	static const char *const names[] = {
		[MESH_DOWN] = "down",
		[MESH_INIT] = "init",
		[MESH_LIVE] = "live",
		[MESH_RESTARTING] = "restarting",
	};

	return names[state];
}
