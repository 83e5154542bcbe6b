/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lives of one prefix in virtual time, then any lives at all. */
#include "lb/announce/hold_down.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define OUT HOLD_DOWN_WITHDRAWN

static struct instant ms(int64_t at)
{
	return (struct instant){ at * NS_PER_MS };
}

/* At this time this is wanted: the level and the flaps afterwards, and when to look again. */
struct moment {
	int64_t at;
	unsigned wanted, level, flaps;
	int64_t next; /* 0: never */
};

static const struct {
	const char *name;
	struct hold_down_conf conf;
	struct moment moments[16]; /* ends with at 0 */
} lives[] = {
	{ "without any of it everything is taken at once",
	  { 0 },
	  { { 1, 0, 0, 0, 0 },
	    { 2, OUT, OUT, 0, 0 },
	    { 3, 0, 0, 0, 0 },
	    { 4, 2, 2, 0, 0 },
	    { 5, 1, 1, 0, 0 } } },
	{ "announced only after it has been up so long",
	  { .min_up_ms = 100 },
	  { { 10, 0, OUT, 0, 110 },
	    { 50, 0, OUT, 0, 110 },
	    { 60, OUT, OUT, 0, 0 },
	    { 70, 0, OUT, 0, 170 },
	    { 169, 0, OUT, 0, 170 },
	    { 170, 0, 0, 0, 0 },
	    { 171, OUT, OUT, 0, 0 } } },
	{ "stays withdrawn at least so long",
	  { .min_down_ms = 100 },
	  { { 1, 0, 0, 0, 0 },
	    { 10, OUT, OUT, 0, 0 },
	    { 20, 0, OUT, 0, 110 },
	    { 30, OUT, OUT, 0, 0 },
	    { 100, 0, OUT, 0, 110 },
	    { 110, 0, 0, 0, 0 },
	    { 300, OUT, OUT, 0, 0 },
	    { 500, 0, 0, 0, 0 } } },
	{ "both: the later one counts",
	  { .min_up_ms = 50, .min_down_ms = 100 },
	  { { 1, 0, OUT, 0, 51 },
	    { 51, 0, 0, 0, 0 },
	    { 60, OUT, OUT, 0, 0 },
	    { 70, 0, OUT, 0, 160 },
	    { 80, OUT, OUT, 0, 0 },
	    { 150, 0, OUT, 0, 200 },
	    { 200, 0, 0, 0, 0 } } },
	{ "twice as long after every flap, up to the most",
	  { .initial_ms = 100, .max_ms = 300, .decay_ms = 10000 },
	  { { 1, 0, 0, 0, 0 },
	    { 10, OUT, OUT, 1, 0 },
	    { 11, 0, OUT, 1, 110 },
	    { 110, 0, 0, 1, 10110 },
	    { 120, OUT, OUT, 2, 0 },
	    { 121, 0, OUT, 2, 320 },
	    { 320, 0, 0, 2, 10320 },
	    { 330, OUT, OUT, 3, 0 },
	    { 331, 0, OUT, 3, 630 },
	    { 630, 0, 0, 3, 10630 },
	    { 640, OUT, OUT, 3, 0 },
	    { 641, 0, OUT, 3, 940 },
	    { 940, 0, 0, 3, 10940 } } },
	{ "a flap is forgotten after each quiet time",
	  { .initial_ms = 100, .max_ms = 800, .decay_ms = 1000 },
	  { { 1, 0, 0, 0, 0 },
	    { 10, OUT, OUT, 1, 0 },
	    { 200, 0, 0, 1, 1200 },
	    { 300, OUT, OUT, 2, 0 },
	    { 600, 0, 0, 2, 1600 },
	    { 1600, 0, 0, 1, 2600 },
	    { 2599, 0, 0, 1, 2600 },
	    { 2600, 0, 0, 0, 0 },
	    { 9000, OUT, OUT, 1, 0 },
	    { 9050, 0, OUT, 1, 9100 } } },
	{ "a long sleep forgets as much as a short one each time",
	  { .initial_ms = 1, .max_ms = 8, .decay_ms = 10 },
	  { { 1, 0, 0, 0, 0 },
	    { 2, OUT, OUT, 1, 0 },
	    { 3, 0, 0, 1, 13 },
	    { 4, OUT, OUT, 2, 0 },
	    { 6, 0, 0, 2, 16 },
	    { 7, OUT, OUT, 3, 0 },
	    { 11, 0, 0, 3, 21 },
	    { 32, 0, 0, 1, 41 },
	    { 1000, 0, 0, 0, 0 } } },
	{ "no time passes for the flaps of a prefix that is out",
	  { .initial_ms = 100, .max_ms = 800, .decay_ms = 50 },
	  { { 1, 0, 0, 0, 0 }, { 10, OUT, OUT, 1, 0 }, { 5000, OUT, OUT, 1, 0 } } },
	{ "origins that die one after the other are one flap",
	  { .initial_ms = 100, .max_ms = 800, .decay_ms = 1000 },
	  { { 1, 0, 0, 0, 0 },
	    { 10, 1, 1, 1, 0 },
	    { 20, 2, 2, 1, 0 },
	    { 30, OUT, OUT, 1, 0 },
	    { 40, 2, OUT, 1, 130 },
	    { 130, 2, 2, 1, 1130 },
	    { 140, 0, 0, 1, 1140 },
	    { 150, 1, 1, 2, 0 },
	    { 160, 0, 1, 2, 350 },
	    { 170, OUT, OUT, 2, 0 },
	    { 350, 0, OUT, 2, 370 } } },
	{ "what is wanted in the end counts, not what was wanted meanwhile",
	  { .min_up_ms = 100 },
	  { { 10, 2, OUT, 0, 110 }, { 50, 1, OUT, 0, 110 }, { 110, 1, 1, 0, 0 } } },
	{ "flaps without hold-down are not counted",
	  { .min_down_ms = 10 },
	  { { 1, 0, 0, 0, 0 },
	    { 20, OUT, OUT, 0, 0 },
	    { 40, 0, 0, 0, 0 },
	    { 60, OUT, OUT, 0, 0 } } },
};

Test(hold_down, lives)
{
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct hold_down h;

		hold_down_init(&h, OUT, ms(0));
		for (const struct moment *m = lives[i].moments; m->at; m++) {
			int64_t next;

			hold_down_step(&h, &lives[i].conf, m->wanted, ms(m->at), ms(m->at));
			next = hold_down_deadline(&h, &lives[i].conf).ns;
			cr_expect_eq(h.level, m->level, "%s, %ld ms: level %u", lives[i].name,
				     (long)m->at, h.level);
			cr_expect_eq(h.flaps, m->flaps, "%s, %ld ms: %u flaps", lives[i].name,
				     (long)m->at, h.flaps);
			cr_expect_eq(next, m->next ? ms(m->next).ns : INSTANT_NEVER.ns,
				     "%s, %ld ms: next after %ld ms", lives[i].name, (long)m->at,
				     (long)(next / NS_PER_MS));
		}
	}
}

Test(hold_down, knows_when_it_was_seen)
{
	const struct hold_down_conf conf = { .min_up_ms = 100 };
	struct hold_down h;

	hold_down_init(&h, OUT, ms(1));
	hold_down_step(&h, &conf, 0, ms(10), ms(11));
	cr_expect_eq(h.wanted_since.ns, ms(10).ns);
	cr_expect(hold_down_is_holding(&h));
	hold_down_step(&h, &conf, 0, ms(111), ms(111));
	cr_expect_eq(h.level, 0);
	cr_expect_eq(h.wanted_since.ns, ms(10).ns, "the cause, not its effect");
	cr_expect_not(hold_down_is_holding(&h));
}

Test(hold_down, counts_every_flap_there_was)
{
	const struct hold_down_conf conf = { .initial_ms = 1, .max_ms = 4, .decay_ms = 1 };
	struct hold_down h;

	hold_down_init(&h, OUT, ms(0));
	for (int64_t i = 1; i <= 100; i++) {
		hold_down_step(&h, &conf, 0, ms(100 * i), ms(100 * i));
		hold_down_step(&h, &conf, OUT, ms(100 * i + 50), ms(100 * i + 50));
	}
	cr_expect_eq(h.flaps_total, 100);
	cr_expect_eq(h.flaps, 1, "but forgets");
}

/* A prefix that begins announced, as that of announce: always, may flap at once. */
Test(hold_down, begins_announced)
{
	const struct hold_down_conf conf = { .initial_ms = 10, .max_ms = 40, .decay_ms = 100 };
	struct hold_down h;

	hold_down_init(&h, 0, ms(0));
	hold_down_step(&h, &conf, 2, ms(5), ms(5));
	hold_down_step(&h, &conf, 0, ms(6), ms(6));
	cr_expect_eq(h.level, 2);
	cr_expect_eq(hold_down_end(&h, &conf).ns, ms(15).ns);
}

/* ---- any life ---- */

struct life {
	struct hold_down_conf conf;
	struct hold_down h;
	struct instant now, held_until;
	struct instant better_since; /* better than what is shown is wanted since */
	unsigned wanted, ups, worst_flaps;
	unsigned seed;
};

static unsigned pick(struct life *life, unsigned below)
{
	return (unsigned)rand_r(&life->seed) % below;
}

static unsigned pick_level(struct life *life)
{
	unsigned level = pick(life, 4);

	return level == 3 ? OUT : level;
}

/* The hold-down time by another way than the module's. */
static int64_t least_hold_ms(const struct life *life)
{
	double held = life->conf.initial_ms;

	for (unsigned i = 1; i < life->h.flaps; i++)
		held *= 2;
	if (life->h.flaps == 0)
		held = 0;
	if (held > life->conf.max_ms)
		held = life->conf.max_ms;
	return held > life->conf.min_down_ms ? (int64_t)held : life->conf.min_down_ms;
}

static void live(struct life *life, const char *what)
{
	unsigned before = life->h.level;

	if (life->wanted >= before)
		life->better_since = INSTANT_NEVER;
	else if (life->better_since.ns == INSTANT_NEVER.ns)
		life->better_since = life->now;
	hold_down_step(&life->h, &life->conf, life->wanted, life->now, life->now);
	cr_assert_geq(life->h.level, life->wanted, "%s: better than the verdict", what);
	if (life->h.level > before) {
		life->held_until = instant_after_ms(life->now, least_hold_ms(life));
		life->better_since = INSTANT_NEVER;
	}
	if (life->h.level < before) {
		cr_assert(instant_reached(life->held_until, life->now), "%s: held down", what);
		cr_assert_geq(life->now.ns - life->better_since.ns,
			      life->conf.min_up_ms * NS_PER_MS, "%s: not up for so long", what);
		life->better_since = INSTANT_NEVER;
		life->ups++;
	}
	cr_assert(life->h.level == life->wanted || hold_down_is_holding(&life->h),
		  "%s: neither right nor waiting", what);
}

/* Nothing happens any more but that the timer wakes it: how soon is all well? */
static void settle(struct life *life, const char *what)
{
	struct instant began = life->now;
	int64_t longest =
		(int64_t)life->conf.max_ms + life->conf.min_down_ms + life->conf.min_up_ms;

	for (int i = 0; life->h.level != life->wanted; i++) {
		struct instant next = hold_down_deadline(&life->h, &life->conf);

		cr_assert_neq(next.ns, INSTANT_NEVER.ns, "%s: it would never be told", what);
		cr_assert_gt(next.ns, life->now.ns, "%s: the timer spins", what);
		cr_assert_lt(i, 64, "%s: the timer does not lead there", what);
		life->now = next;
		live(life, what);
	}
	cr_assert_leq(life->now.ns - began.ns, longest * NS_PER_MS, "%s: too late", what);
}

/*
 * Whatever the verdicts: worse is taken at once, better never before the hold-down is over, so that
 * there is one change for the better in it at most, and what stays so is told in the end.
 */
Test(hold_down, any_verdicts)
{
	unsigned ups = 0;

	for (unsigned seed = 0; seed < 3000; seed++) {
		struct life life = { .seed = seed, .better_since = INSTANT_NEVER };
		char what[32];

		snprintf(what, sizeof(what), "seed %u", seed);
		life.conf.min_up_ms = pick(&life, 2) * pick(&life, 300);
		life.conf.min_down_ms = pick(&life, 2) * pick(&life, 300);
		life.conf.initial_ms = pick(&life, 3) ? 1 + pick(&life, 200) : 0;
		life.conf.max_ms =
			life.conf.initial_ms ? life.conf.initial_ms + pick(&life, 5000) : 0;
		life.conf.decay_ms = 1 + pick(&life, 3000);
		hold_down_init(&life.h, OUT, life.now);
		for (int i = 0; i < 60; i++) {
			struct instant next = hold_down_deadline(&life.h, &life.conf);
			struct instant later = instant_after_ms(life.now, pick(&life, 400));

			if (next.ns > life.now.ns && next.ns < later.ns && pick(&life, 2)) {
				life.now = next; /* the timer */
			} else {
				life.now = later;
				life.wanted = pick_level(&life);
			}
			live(&life, what);
		}
		settle(&life, what);
		ups += life.ups;
	}
	cr_expect_gt(ups, 10000, "or nothing was tried");
}
