/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two sessions in virtual time over a link that loses, delays and reorders; many seeds. */
#include <criterion/criterion.h>
#include <string.h>

#include "lb/bfd/session.h"

#define LINK_MAX 256

struct letter {
	struct instant due; /* INSTANT_NEVER: a free place */
	int to;
	size_t len;
	uint8_t bytes[BFD_PACKET_MAX];
};

struct world {
	struct instant now;
	uint64_t random;
	double loss;
	bool cut[2]; /* towards this side */
	int64_t delay_ns, spread_ns;
	struct bfd_session side[2];
	struct letter link[LINK_MAX];
	struct instant went_down[2], came_up[2];
	int ups[2], downs[2], sent[2], refused[2];
};

static double roll(struct world *w)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(w->random >> 11) / (double)(UINT64_C(1) << 53);
}

static void post(struct world *w, int from, bool final)
{
	struct letter *letter = w->link;
	int to = !from;

	while (letter < w->link + LINK_MAX && letter->due.ns != INSTANT_NEVER.ns)
		letter++;
	cr_assert(letter < w->link + LINK_MAX, "a storm of packets");
	letter->len =
		bfd_session_packet(&w->side[from], final, letter->bytes, BFD_PACKET_MAX, w->now);
	if (letter->len == 0)
		return;
	w->sent[from]++;
	if (w->cut[to] || roll(w) < w->loss)
		return;
	letter->to = to;
	letter->due = instant_after_ns(w->now, w->delay_ns + (int64_t)(roll(w) * w->spread_ns));
}

static void obey(struct world *w, int side, struct bfd_step step)
{
	enum bfd_state state = w->side[side].session_state;

	if (step.changed && state == BFD_UP) {
		w->ups[side]++;
		w->came_up[side] = w->now;
	}
	if (step.changed && step.was == BFD_UP) {
		w->downs[side]++;
		w->went_down[side] = w->now;
	}
	if (step.send)
		post(w, side, step.final);
}

static void deliver(struct world *w, struct letter *letter)
{
	struct bfd_packet packet;
	enum bfd_discard why;

	letter->due = INSTANT_NEVER;
	cr_assert_eq(bfd_packet_decode(&packet, letter->bytes, letter->len), BFD_ACCEPTED);
	obey(w, letter->to,
	     bfd_session_receive(&w->side[letter->to], &packet, letter->bytes, letter->len, w->now,
				 &why));
	w->refused[letter->to] += why != BFD_ACCEPTED;
}

/* Run until this second of virtual time, or until both are Up. */
static void run(struct world *w, double second, bool until_up)
{
	const struct instant end = { (int64_t)(second * 1e9) };

	for (;;) {
		struct instant next = instant_min(bfd_session_deadline(&w->side[0]),
						  bfd_session_deadline(&w->side[1]));
		struct letter *first = w->link;

		for (size_t i = 1; i < LINK_MAX; i++)
			if (w->link[i].due.ns < first->due.ns)
				first = &w->link[i];
		if (until_up && w->side[0].session_state == BFD_UP &&
		    w->side[1].session_state == BFD_UP)
			return;
		next = instant_min(next, first->due);
		if (next.ns > end.ns) {
			w->now = end;
			return;
		}
		cr_assert_geq(next.ns, w->now.ns, "time goes on");
		w->now = next;
		if (first->due.ns == next.ns)
			deliver(w, first);
		for (int side = 0; side < 2; side++)
			if (instant_reached(bfd_session_deadline(&w->side[side]), w->now))
				obey(w, side, bfd_session_tick(&w->side[side], w->now));
	}
}

static struct world *world(uint64_t seed, const struct bfd_session_conf *a,
			   const struct bfd_session_conf *b)
{
	static struct world w;

	w = (struct world){ .random = seed, .delay_ns = 1000000, .spread_ns = 1000000 };
	for (size_t i = 0; i < LINK_MAX; i++)
		w.link[i].due = INSTANT_NEVER;
	for (int i = 0; i < 10; i++)
		roll(&w);
	bfd_session_init(&w.side[0], a, 1, (uint32_t)(roll(&w) * 4e9), w.now);
	bfd_session_init(&w.side[1], b, 2, (uint32_t)(roll(&w) * 4e9), w.now);
	return &w;
}

/* One interval of a tenth is no room for a link that delays by 9 ms: least 1 only where it does
 * not. */
static struct bfd_session_conf any_conf(struct world *w, int least)
{
	struct bfd_session_conf conf = { .detect_mult = (uint8_t)(least + roll(w) * 9) };

	conf.desired_min_tx = 10000 + (uint32_t)(roll(w) * 490000);
	conf.required_min_rx = 10000 + (uint32_t)(roll(w) * 490000);
	return conf;
}

/* Half of the packets are lost for ten seconds; whatever has become of it, then both come up. */
Test(bfd_two_sessions, thousands_of_lossy_links_end_up)
{
	static const struct bfd_auth_conf auths[] = {
		{ 0 },
		{ BFD_AUTH_KEYED_SHA1, 1, "k" },
		{ BFD_AUTH_METICULOUS_SHA1, 1, "k" },
	};

	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct world dice = { .random = seed * 977 };
		struct bfd_session_conf a = any_conf(&dice, 2), b = any_conf(&dice, 2);
		struct world *w;
		int64_t up_at;

		a.auth = b.auth = auths[seed % 3];
		a.passive = seed % 5 == 0;
		w = world(seed, &a, &b);
		w->loss = 0.5;
		/* A link that reorders is refused by the meticulous type, as it ought to be. */
		w->spread_ns = seed % 3 == 2 ? 0 : 9000000;
		run(w, 10, false);
		w->loss = 0;
		run(w, 60, true);
		cr_assert(w->now.ns < INT64_C(60000000000), "seed %lu: not up",
			  (unsigned long)seed);
		up_at = w->now.ns +
			3 * NS_PER_S; /* half a handshake may have been lost with the rest */
		run(w, (double)w->now.ns / 1e9 + 8, false);
		for (int side = 0; side < 2; side++) {
			struct bfd_session *s = &w->side[side], *peer = &w->side[!side];

			cr_assert_eq(s->session_state, BFD_UP, "seed %lu", (unsigned long)seed);
			cr_assert_lt(w->went_down[side].ns, up_at, "seed %lu: flaps",
				     (unsigned long)seed);
			cr_assert(!s->polling, "seed %lu: a poll without end", (unsigned long)seed);
			cr_assert_eq(s->remote_discr, peer->local_discr);
			cr_assert_eq(s->tx_in_force, s->conf.desired_min_tx);
			cr_assert_eq(bfd_session_detection_time(s),
				     (uint64_t)peer->conf.detect_mult *
					     bfd_session_tx_interval(peer),
				     "seed %lu: both mean the same", (unsigned long)seed);
		}
	}
}

/* Without loss nothing is ever detected, whatever the intervals and the jitter. */
Test(bfd_two_sessions, no_false_detection_in_an_hour_without_loss)
{
	struct world dice = { .random = 5 };

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct bfd_session_conf a = any_conf(&dice, 1), b = any_conf(&dice, 1);
		struct world *w = world(seed, &a, &b);

		run(w, 180, false);
		for (int side = 0; side < 2; side++) {
			cr_assert_eq(w->ups[side], 1, "seed %lu", (unsigned long)seed);
			cr_assert_eq(w->downs[side], 0, "seed %lu", (unsigned long)seed);
		}
	}
}

/* From the last packet that came, not later than the Detection Time and not before. */
Test(bfd_two_sessions, silent_death_is_detected_in_time)
{
	const struct bfd_session_conf conf = { 50000, 50000, 3, 0, { 0 } };

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct world *w = world(seed, &conf, &conf);
		struct instant cut;
		double ms;

		run(w, 5 + roll(w), false);
		cut = w->now;
		w->cut[0] = w->cut[1] = true;
		run(w, 10, false);
		for (int side = 0; side < 2; side++) {
			cr_assert_eq(w->downs[side], 1);
			ms = (double)(w->went_down[side].ns - cut.ns) / 1e6;
			/* The last one came at most 50 ms before the cut, or 2 ms after it. */
			cr_assert(ms >= 100 && ms <= 152, "seed %lu: %g ms", (unsigned long)seed,
				  ms);
			cr_assert_eq(w->side[side].local_diag, BFD_DIAG_DETECTION_TIME_EXPIRED);
		}
	}
}

/* The side that still hears is told by the side that does not. */
Test(bfd_two_sessions, one_way_loss_takes_both_down)
{
	const struct bfd_session_conf conf = { 50000, 50000, 3, 0, { 0 } };
	struct world *w = world(7, &conf, &conf);

	run(w, 5, false);
	w->cut[0] = true;
	run(w, 10, false);
	cr_expect_eq(w->side[0].session_state, BFD_DOWN);
	cr_expect_neq(w->side[1].session_state, BFD_UP);
	cr_expect_leq(w->went_down[1].ns - w->went_down[0].ns, 2000000, "at once");
	cr_expect_eq(w->downs[1], 1, "and it does not flap");
	w->cut[0] = false;
	run(w, 20, true);
	cr_expect_lt(w->now.ns, INT64_C(13000000000));
}

/* A restarted peer has another discriminator and, signed, another sequence number. */
Test(bfd_two_sessions, restarted_peer_comes_back)
{
	const struct bfd_session_conf conf = {
		50000, 50000, 3, 0, { BFD_AUTH_METICULOUS_SHA1, 1, "k" }
	};

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct world *w = world(seed, &conf, &conf);

		w->spread_ns = 0;
		run(w, 5 + roll(w), true);
		cr_assert_eq(w->refused[0] + w->refused[1], 0);
		bfd_session_init(&w->side[1], &conf, 99, (uint32_t)(seed * 7919), w->now);
		run(w, (double)w->now.ns / 1e9 + 0.1, false);
		run(w, 20, true);
		cr_assert_lt(w->now.ns, INT64_C(20000000000), "seed %lu", (unsigned long)seed);
		cr_assert_eq(w->side[0].remote_discr, 99);
	}
}

Test(bfd_two_sessions, nobody_sends_more_than_was_agreed)
{
	const struct bfd_session_conf conf = { 50000, 50000, 3, 0, { 0 } };
	struct world *w = world(3, &conf, &conf);
	int before;

	run(w, 5, false);
	before = w->sent[0];
	run(w, 65, false);
	cr_expect_lt(w->sent[0] - before, 60 * 20 / 0.75);
	cr_expect_gt(w->sent[0] - before, 60 * 20);
}
