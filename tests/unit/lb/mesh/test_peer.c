/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two peers in virtual time over a link that loses, delays and reorders, with clocks that have
 * nothing to do with each other, and somebody in between who plays again what he has heard.
 */
#include "lb/mesh/peer.h"

#include <criterion/criterion.h>
#include <string.h>

#define LINK_MAX  512
#define HEARD_MAX 256

struct letter {
	struct instant due; /* INSTANT_NEVER: a free place */
	int to;
	struct mesh_message message;
};

struct side {
	struct mesh_peer peer;
	bool alive;
	int64_t clock_ns; /* ahead of the world's */
	enum mesh_word word;
	uint32_t restarting_ms;
	struct mesh_message heard[HEARD_MAX]; /* what has arrived, in any of its lives */
	bool unproven[HEARD_MAX];	      /* and was of a life not believed yet */
	size_t heard_count;
	int ups, downs, sent, verdicts[MESH_UNPROVEN + 1];
	struct instant went_down, came_up;
};

struct world {
	struct instant now;
	uint64_t random, boots;
	double loss;
	bool cut[2]; /* towards this side */
	int64_t delay_ns, spread_ns;
	struct side side[2];
	struct letter link[LINK_MAX];
};

static double roll(struct world *w)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(w->random >> 11) / (double)(UINT64_C(1) << 53);
}

static struct instant clock_of(const struct world *w, int side)
{
	return instant_after_ns(w->now, w->side[side].clock_ns);
}

static void post(struct world *w, int from, const struct mesh_message *message)
{
	struct letter *letter = w->link;
	int to = !from;

	w->side[from].sent++;
	if (w->cut[to] || roll(w) < w->loss)
		return;
	while (letter < w->link + LINK_MAX && letter->due.ns != INSTANT_NEVER.ns)
		letter++;
	cr_assert(letter < w->link + LINK_MAX, "a storm of messages");
	letter->message = *message;
	letter->to = to;
	letter->due =
		instant_after_ns(w->now, w->delay_ns + (int64_t)(roll(w) * (double)w->spread_ns));
}

static void obey(struct world *w, int side, const struct mesh_step *step)
{
	struct side *s = &w->side[side];
	struct mesh_message message;

	if (step->changed && s->peer.state == MESH_LIVE) {
		s->ups++;
		s->came_up = w->now;
	}
	if (step->changed && step->was == MESH_LIVE) {
		s->downs++;
		s->went_down = w->now;
	}
	if (!step->send)
		return;
	mesh_peer_hello(&s->peer, step, clock_of(w, side), &message);
	message.hello.word = s->word;
	message.hello.restarting_ms = s->restarting_ms;
	post(w, side, &message);
}

static enum mesh_verdict hand_over(struct world *w, int side, const struct mesh_message *message)
{
	struct side *s = &w->side[side];
	struct mesh_step step = mesh_peer_receive(&s->peer, message, clock_of(w, side));

	s->verdicts[step.verdict]++;
	obey(w, side, &step);
	return step.verdict;
}

static void deliver(struct world *w, struct letter *letter)
{
	struct side *s = &w->side[letter->to];
	size_t at = s->heard_count % HEARD_MAX;

	letter->due = INSTANT_NEVER;
	if (!s->alive)
		return;
	s->heard_count++;
	s->heard[at] = letter->message;
	s->unproven[at] = hand_over(w, letter->to, &letter->message) == MESH_UNPROVEN;
}

static struct instant deadline(const struct world *w, int side)
{
	struct instant own = mesh_peer_deadline(&w->side[side].peer);

	return w->side[side].alive && own.ns != INSTANT_NEVER.ns
		       ? instant_after_ns(own, -w->side[side].clock_ns)
		       : INSTANT_NEVER;
}

static void run_ms(struct world *w, double ms)
{
	const struct instant end = instant_after_ns(w->now, (int64_t)(ms * 1e6));

	for (;;) {
		struct instant next = instant_min(deadline(w, 0), deadline(w, 1));
		struct letter *first = w->link;

		for (size_t i = 1; i < LINK_MAX; i++)
			if (w->link[i].due.ns < first->due.ns)
				first = &w->link[i];
		next = instant_min(next, first->due);
		if (next.ns > end.ns)
			break;
		cr_assert_geq(next.ns, w->now.ns, "time goes on");
		w->now = next;
		if (first->due.ns == next.ns)
			deliver(w, first);
		for (int i = 0; i < 2; i++)
			if (instant_reached(deadline(w, i), w->now)) {
				const struct mesh_step step =
					mesh_peer_tick(&w->side[i].peer, clock_of(w, i));

				obey(w, i, &step);
			}
	}
	w->now = end;
}

static void start(struct world *w, int side)
{
	static const struct mesh_timing timing = { 80, 3 };

	w->boots++;
	w->side[side].alive = true;
	w->side[side].word = MESH_SERVING;
	mesh_peer_init(&w->side[side].peer, &timing, w->boots * 1000003, w->boots,
		       clock_of(w, side));
}

/* Neither side has started. */
static struct world *world(uint64_t seed)
{
	static struct world w;

	w = (struct world){
		.random = seed, .boots = seed * 1000, .delay_ns = 1000000, .now = { NS_PER_S }
	};
	for (size_t i = 0; i < LINK_MAX; i++)
		w.link[i].due = INSTANT_NEVER;
	for (int i = 0; i < 10; i++)
		roll(&w);
	return &w;
}

static struct world *live_world(uint64_t seed)
{
	struct world *w = world(seed);

	start(w, 0);
	start(w, 1);
	run_ms(w, 1000);
	cr_assert(w->side[0].peer.state == MESH_LIVE && w->side[1].peer.state == MESH_LIVE);
	return w;
}

static void expect_live(const struct world *w, uint64_t seed)
{
	for (int i = 0; i < 2; i++) {
		const struct mesh_peer *peer = &w->side[i].peer;

		cr_assert_eq(peer->state, MESH_LIVE, "seed %lu: %s is %s: %s", (unsigned long)seed,
			     i ? "b" : "a", mesh_state_name(peer->state), peer->reason);
		cr_assert_eq(peer->boot, w->side[!i].peer.own_boot, "seed %lu",
			     (unsigned long)seed);
	}
}

/* What a message that does not count must leave alone. */
struct shown {
	enum mesh_state state;
	uint64_t boot, heard_sent, heard_seq, answer, challenge;
	int64_t since, expiry, heard, round_trip;
	const char *reason;
};

static struct shown shown(const struct mesh_peer *p)
{
	struct shown s;

	memset(&s, 0, sizeof(s));
	s.state = p->state;
	s.boot = p->boot;
	s.heard_sent = p->heard_sent;
	s.heard_seq = p->heard_seq;
	s.answer = p->answer;
	s.challenge = p->challenge;
	s.since = p->since.ns;
	s.expiry = p->expiry.ns;
	s.heard = p->heard.ns;
	s.round_trip = p->round_trip_ns;
	s.reason = p->reason;
	return s;
}

/* Something that has arrived there before, in whatever life. */
static void replay(struct world *w, int side, uint64_t seed)
{
	struct side *s = &w->side[side];
	size_t count = s->heard_count < HEARD_MAX ? s->heard_count : HEARD_MAX;
	struct shown before = shown(&s->peer), after;
	int counted = s->verdicts[MESH_COUNTS];
	struct mesh_message message;
	size_t at = (size_t)(roll(w) * (double)count);

	if (count == 0 || !s->alive)
		return;
	message = s->heard[at];
	/* Overtaken by the one that proved its life: it has not counted before. */
	if (s->unproven[at] && message.boot == s->peer.boot)
		return;
	hand_over(w, side, &message);
	after = shown(&s->peer);
	cr_assert_arr_eq(&before, &after, sizeof(before), "seed %lu: a replay has an effect",
			 (unsigned long)seed);
	cr_assert_eq(s->verdicts[MESH_COUNTS], counted, "seed %lu: a replay counts",
		     (unsigned long)seed);
}

/* Half a minute of anything: replays, restarts of either or both, cuts. Then peace, and both live.
 */
static void live_badly(struct world *w, uint64_t seed)
{
	for (int i = 0; i < 60; i++) {
		int side = roll(w) < 0.5;

		run_ms(w, roll(w) * 200);
		for (int j = 0; j < 4; j++)
			replay(w, roll(w) < 0.5, seed);
		if (roll(w) < 0.05)
			start(w, side);
		if (roll(w) < 0.05)
			w->side[side].alive = false;
		if (roll(w) < 0.1 && !w->side[side].alive)
			start(w, side);
		w->cut[side] = roll(w) < 0.1;
		if (roll(w) < 0.02) {
			start(w, 0);
			start(w, 1);
		}
	}
}

Test(mesh_peer, thousands_of_bad_lives_end_well)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct world *w = world(seed);
		int ups;

		w->side[0].clock_ns = (int64_t)(roll(w) * 1e15);
		w->side[1].clock_ns = (int64_t)(roll(w) * 1e15);
		w->loss = roll(w) * 0.4;
		w->delay_ns = (int64_t)(roll(w) * 150e6);
		w->spread_ns = (int64_t)(roll(w) * 50e6);
		start(w, 0);
		if (seed % 3)
			start(w, 1);
		live_badly(w, seed);
		w->loss = 0;
		w->cut[0] = w->cut[1] = false;
		for (int i = 0; i < 2; i++)
			if (!w->side[i].alive)
				start(w, i);
		run_ms(w, 2000);
		expect_live(w, seed);
		ups = w->side[0].ups + w->side[1].ups;
		for (int i = 0; i < 20; i++) {
			run_ms(w, 100);
			replay(w, i % 2, seed);
		}
		expect_live(w, seed);
		cr_assert_eq(w->side[0].ups + w->side[1].ups, ups, "seed %lu: flaps",
			     (unsigned long)seed);
	}
}

/* From the moment at which the second one starts, however far away it is. */
Test(mesh_peer, live_within_300_ms_of_a_start)
{
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct world *w = world(seed);

		w->delay_ns = (int64_t)(roll(w) * 40e6);
		start(w, 0);
		run_ms(w, 500 + roll(w) * 100);
		start(w, 1);
		run_ms(w, 299);
		expect_live(w, seed);
	}
}

Test(mesh_peer, silence_is_death_after_three_intervals)
{
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct world *w = live_world(seed);
		struct instant cut;
		double ms;

		run_ms(w, roll(w) * 100);
		cut = w->now;
		w->side[1].alive = false;
		run_ms(w, 1000);
		ms = (double)(w->side[0].went_down.ns - cut.ns) / 1e6;
		cr_assert_eq(w->side[0].peer.state, MESH_DOWN);
		cr_assert(ms >= 160 && ms <= 242, "seed %lu: %g ms", (unsigned long)seed, ms);
		cr_assert_str_eq(w->side[0].peer.reason, "silent");
	}
}

Test(mesh_peer, nobody_dies_of_jitter)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = live_world(seed);

		w->delay_ns = 100000000;
		w->spread_ns = 60000000;
		run_ms(w, 60000);
		cr_expect_eq(w->side[0].downs + w->side[1].downs, 0, "seed %lu",
			     (unsigned long)seed);
	}
}

/* Who is not heard is of no use, and is told so by who does not hear him. */
Test(mesh_peer, one_way_loss_takes_both_down)
{
	struct world *w = live_world(7);

	w->cut[0] = true;
	run_ms(w, 1000);
	cr_expect_eq(w->side[0].peer.state, MESH_DOWN);
	cr_expect_eq(w->side[1].peer.state, MESH_INIT);
	cr_expect_str_eq(w->side[1].peer.reason, "it does not hear us");
	cr_expect_leq(w->side[1].went_down.ns - w->side[0].went_down.ns, 2 * NS_PER_MS);
	cr_expect_eq(w->side[1].downs, 1, "and it does not flap");
	w->cut[0] = false;
	run_ms(w, 100);
	expect_live(w, 7);
}

/* Two hours, in which what they tell of times passes its range. */
Test(mesh_peer, a_long_partition_heals_at_once)
{
	struct world *w = live_world(3);

	w->cut[0] = w->cut[1] = true;
	run_ms(w, 7200e3);
	cr_expect_eq(w->side[0].peer.state, MESH_DOWN);
	w->cut[0] = w->cut[1] = false;
	run_ms(w, 100);
	expect_live(w, 3);
	cr_expect_eq(w->side[0].downs, 1);
}

Test(mesh_peer, a_restart_within_the_detection_time_is_seen)
{
	struct world *w = live_world(5);
	uint64_t before = w->side[0].peer.boot;

	start(w, 1);
	run_ms(w, 50);
	expect_live(w, 5);
	cr_expect_neq(w->side[0].peer.boot, before);
}

static void say(struct world *w, int side, enum mesh_word word, uint32_t for_ms)
{
	w->side[side].word = word;
	w->side[side].restarting_ms = for_ms;
	mesh_peer_hurry(&w->side[side].peer, clock_of(w, side));
	run_ms(w, 5);
}

static const struct {
	const char *name;
	uint32_t said_ms, away_ms;
	enum mesh_state then;
} restarts[] = {
	{ "back in time", 5000, 4000, MESH_RESTARTING },
	{ "too late", 5000, 5200, MESH_DOWN },
	{ "who says more than is allowed", 3600000, 29000, MESH_RESTARTING },
	{ "and is away as long", 3600000, 31000, MESH_DOWN },
};

Test(mesh_peer, planned_restarts)
{
	for (size_t i = 0; i < sizeof(restarts) / sizeof(restarts[0]); i++) {
		struct world *w = live_world(i + 1);

		say(w, 1, MESH_RESTARTS, restarts[i].said_ms);
		cr_expect_eq(w->side[0].peer.state, MESH_RESTARTING, "%s", restarts[i].name);
		w->side[1].alive = false;
		run_ms(w, restarts[i].away_ms);
		cr_expect_eq(w->side[0].peer.state, restarts[i].then, "%s", restarts[i].name);
		start(w, 1);
		run_ms(w, 100);
		expect_live(w, i);
	}
}

/* A hello that its goodbye has overtaken brings nobody back. */
Test(mesh_peer, overtaken_hellos_say_nothing)
{
	struct world *w = live_world(9);
	struct mesh_message late;
	const struct mesh_step step = { .send = true };

	mesh_peer_hello(&w->side[1].peer, &step, clock_of(w, 1), &late);
	say(w, 1, MESH_RESTARTS, 5000);
	w->side[1].alive = false;
	hand_over(w, 0, &late);
	cr_expect_eq(w->side[0].peer.state, MESH_RESTARTING);
}

Test(mesh_peer, who_stops_is_gone_at_once_and_so_is_his_life)
{
	struct world *w = live_world(11);
	struct mesh_message late;
	const struct mesh_step step = { .send = true };

	mesh_peer_hello(&w->side[1].peer, &step, clock_of(w, 1), &late);
	say(w, 1, MESH_STOPS, 0);
	cr_expect_eq(w->side[0].peer.state, MESH_DOWN);
	cr_expect_str_eq(w->side[0].peer.reason, "it has stopped");
	w->side[1].alive = false;
	hand_over(w, 0, &late);
	cr_expect_eq(w->side[0].peer.state, MESH_DOWN);
	cr_expect_eq(w->side[0].verdicts[MESH_STALE], 1);
	start(w, 1);
	run_ms(w, 100);
	expect_live(w, 11);
}

/* Suppressed, and played later: it would prolong a life that has ended. */
Test(mesh_peer, what_was_held_back_does_not_count)
{
	struct world *w = live_world(13);
	const struct mesh_step step = { .send = true };
	struct mesh_message held;

	mesh_peer_hello(&w->side[1].peer, &step, clock_of(w, 1), &held);
	cr_assert(held.hello.hears);
	w->side[1].alive = false;
	run_ms(w, 2100);
	cr_assert_eq(w->side[0].peer.state, MESH_DOWN);
	hand_over(w, 0, &held);
	cr_expect_eq(w->side[0].peer.state, MESH_DOWN);
	cr_expect_eq(w->side[0].verdicts[MESH_STALE], 1);
}

/* A recording of an earlier life, of either side, whole: played to those that live now. */
Test(mesh_peer, a_recorded_life_is_no_life)
{
	struct world *w = live_world(17);
	size_t count = w->side[0].heard_count;
	int counted = w->side[0].verdicts[MESH_COUNTS];

	cr_assert(count > 10 && count < HEARD_MAX);
	w->side[1].alive = false;
	run_ms(w, 1000);
	for (int restarted = 0; restarted < 2; restarted++) {
		if (restarted)
			start(w, 0);
		for (size_t i = 0; i < count; i++)
			hand_over(w, 0, &w->side[0].heard[i]);
		run_ms(w, 1000);
		cr_expect_eq(w->side[0].peer.state, MESH_DOWN);
		cr_expect_eq(w->side[0].verdicts[MESH_COUNTS], counted);
	}
	start(w, 1);
	run_ms(w, 1000);
	expect_live(w, 17);
}

/* Whoever plays what he has heard cannot make us say more than the bucket lets out. */
Test(mesh_peer, a_flood_of_replays_costs_bounded_messages)
{
	struct world *w = live_world(19);
	int before;

	start(w, 0);
	w->side[1].alive = false;
	before = w->side[0].sent;
	for (int i = 0; i < 1000; i++) {
		for (int j = 0; j < 100; j++)
			replay(w, 0, 19);
		run_ms(w, 1);
	}
	cr_expect_leq(w->side[0].sent - before, 8 + 50 + 14);
}

Test(mesh_peer, round_trips_are_measured_whatever_the_clocks)
{
	struct world *w = world(23);

	w->side[0].clock_ns = INT64_C(123456789012345);
	w->delay_ns = 35000000;
	start(w, 0);
	start(w, 1);
	run_ms(w, 3000);
	for (int i = 0; i < 2; i++) {
		cr_expect_geq(w->side[i].peer.round_trip_ns, 70 * NS_PER_MS);
		cr_expect_leq(w->side[i].peer.round_trip_ns, 70 * NS_PER_MS + 2000);
	}
}

/* Questions of who is not believed are not even looked at. */
Test(mesh_peer, only_hellos_prove_a_life)
{
	struct world *w = live_world(29);
	struct mesh_message ask = { .type = MESH_ASK, .boot = 4711, .seq = 1 };

	ask.echo = w->side[0].peer.own_boot;
	hand_over(w, 0, &ask);
	cr_expect_eq(w->side[0].verdicts[MESH_STALE], 1);
	mesh_peer_begin(&w->side[1].peer, MESH_ASK, &ask);
	hand_over(w, 0, &ask);
	cr_expect_eq(w->side[0].verdicts[MESH_STALE], 1);
	hand_over(w, 0, &ask);
	cr_expect_eq(w->side[0].verdicts[MESH_REPLAYED], 1);
}
