/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many lives of a few PoPs in virtual time: users are shifted, PoPs drained, crashed, restarted
 * with and without their tables, cut apart for less than reset_after, while somebody forges.
 * Whatever happens: no connection is broken whose PoP lives, nothing is handed over twice or to who
 * never said that it has it, nothing forged is taken, the order is kept. In the end everything is
 * well: then every connection of a living PoP goes on, and one of a PoP that dies gets its reset in
 * time.
 *
 * OWNER_SIM_SEED=N build/unit --filter owner_sim/\*: one seed alone, told step by step.
 * OWNER_SIM_SEEDS=N: that many.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_anycast.h"

#define SEEDS	 2000
#define ACTS_MAX 16

static uint32_t dice(struct sim *w, uint32_t limit)
{
	return sim_anycast_dice(w, limit);
}

static void run(struct sim *w, int64_t ms)
{
	sim_anycast_run(w, instant_after_ms(w->now, ms));
}

/* Everybody hears that everybody lives. */
static bool is_well(const struct sim *w)
{
	for (unsigned a = 0; a < w->pops; a++)
		for (unsigned b = 0; b < w->pops; b++)
			if (!w->pop[a].serving ||
			    (a != b &&
			     (!w->pop[a].sees[b].lives || w->pop[a].sees[b].cut.ns > w->now.ns)))
				return false;
	return true;
}

static bool is_everybody_serving(const struct sim *w)
{
	for (unsigned a = 0; a < w->pops; a++)
		if (!w->pop[a].serving)
			return false;
	return true;
}

static unsigned another(struct sim *w, unsigned pop)
{
	return (pop + 1 + dice(w, w->pops - 1)) % w->pops;
}

static void shift_some(struct sim *w)
{
	for (unsigned user = 0; user < SIM_USERS; user++)
		if (dice(w, 2))
			sim_anycast_shift(w, user, dice(w, w->pops));
}

static void shift_away(struct sim *w, unsigned pop)
{
	for (unsigned user = 0; user < SIM_USERS; user++)
		if (w->user[user].pop == pop)
			sim_anycast_shift(w, user, another(w, pop));
}

static void crash(struct sim *w)
{
	const unsigned pop = dice(w, w->pops);

	if (!is_everybody_serving(w))
		return;
	sim_anycast_crash(w, pop, 50 + dice(w, 3000));
	run(w, 10 + dice(w, 1500));
	shift_away(w, pop);
}

static void cut(struct sim *w)
{
	const unsigned a = dice(w, w->pops);

	for (unsigned b = 0; b < w->pops; b++)
		if (a != b && dice(w, 2) && w->pop[a].sees[b].lives && w->pop[b].sees[a].lives)
			sim_anycast_cut(w, a, b, 20 + dice(w, SIM_PARTITION_MS - 20));
}

/* One pair of ports, two PoPs that have had a connection over it. */
static void open_again(struct sim *w)
{
	const unsigned user = dice(w, SIM_USERS);

	sim_anycast_close(w, user, dice(w, 2));
	sim_anycast_idle(w, SIM_QUIET_MS + dice(w, 60000));
	sim_anycast_shift(w, user, another(w, w->user[user].pop));
	for (unsigned u = 0; u < SIM_USERS; u++)
		sim_anycast_open(w, u);
	run(w, 300 + dice(w, 500));
	if (dice(w, 3) == 0)
		sim_anycast_idle(w, 1000 + dice(w, 30000));
	sim_anycast_shift(w, user, another(w, w->user[user].pop));
}

static void act(struct sim *w)
{
	const unsigned pop = dice(w, w->pops);

	switch (dice(w, 12)) {
	case 0:
		crash(w);
		break;
	case 1: /* drained */
		w->counts.drains++;
		shift_away(w, pop);
		break;
	case 2:
		if (is_well(w))
			sim_anycast_restart(w, pop, 50 + dice(w, 2000), true);
		break;
	case 3:
		if (is_well(w))
			sim_anycast_restart(w, pop, 50 + dice(w, SIM_PARTITION_MS - 50), false);
		break;
	case 4:
	case 5:
		if (is_everybody_serving(w))
			cut(w);
		break;
	case 6:
		open_again(w);
		break;
	case 7:
		sim_anycast_idle(w, 500 + dice(w, 30000));
		break;
	case 8:
		for (int i = 0; i < 5; i++)
			sim_anycast_forge(w);
		break;
	default:
		shift_some(w);
		break;
	}
}

/* No packet is lost any more, and everybody is there. */
static void make_good(struct sim *w)
{
	w->loss = w->user_loss = 0;
	w->jitter_ns = 0;
	run(w, 5000);
	if (!w->fault[0] && !is_well(w))
		snprintf(w->fault, sizeof(w->fault), "not everybody is there in the end");
	/* What was reset, opens again. */
	sim_anycast_idle(w, SIM_QUIET_MS);
	for (unsigned user = 0; user < SIM_USERS; user++)
		sim_anycast_open(w, user);
	run(w, 1500);
}

static void expect_all_alive(struct sim *w)
{
	for (unsigned user = 0; user < SIM_USERS && !w->fault[0]; user++) {
		const struct sim_user *u = &w->user[user];

		if (u->connection == 0 || !sim_anycast_lives(w, user))
			snprintf(w->fault, sizeof(w->fault), "user %u has no connection", user);
		else if (u->heard.ns < w->now.ns - 500 * NS_PER_MS)
			snprintf(w->fault, sizeof(w->fault), "user %u at %u hears nothing of %u",
				 user, u->pop, u->owner);
	}
}

/* Some PoP dies, for good, and its users come elsewhere sooner or later. */
static void expect_resets_in_time(struct sim *w)
{
	const unsigned pop = w->user[dice(w, SIM_USERS)].owner;
	const int64_t after = dice(w, 2000);

	w->strict = true;
	sim_anycast_crash(w, pop, 1000000);
	run(w, after);
	shift_away(w, pop);
	run(w, 3000);
	for (unsigned user = 0; user < SIM_USERS && !w->fault[0]; user++)
		if (w->user[user].owner == pop && w->user[user].pop != pop &&
		    w->user[user].connection != 0)
			snprintf(w->fault, sizeof(w->fault), "user %u was never reset", user);
}

/* What is wrong is in w->fault then. */
static void life(struct sim *w)
{
	const unsigned acts = 4 + dice(w, ACTS_MAX - 4);

	run(w, 1000);
	for (unsigned user = 0; user < SIM_USERS; user++)
		sim_anycast_open(w, user);
	run(w, 1000);
	for (unsigned i = 0; i < acts && !w->fault[0]; i++) {
		act(w);
		run(w, 50 + dice(w, dice(w, 3) ? 300 : 1500));
	}
	make_good(w);
	shift_some(w);
	run(w, 1000);
	expect_all_alive(w);
	expect_resets_in_time(w);
}

static void counts_add(struct sim_counts *total, const struct sim_counts *more)
{
	total->events += more->events;
	total->handed_over += more->handed_over;
	total->forwarded += more->forwarded;
	total->resets += more->resets;
	total->resets_taken += more->resets_taken;
	total->gone += more->gone;
	total->refused_gue += more->refused_gue;
	total->asked += more->asked;
	total->relics += more->relics;
	total->partitions += more->partitions;
	total->crashes += more->crashes;
	total->restarts += more->restarts;
	total->drains += more->drains;
	total->measured += more->measured;
	if (more->slowest_reset_ns > total->slowest_reset_ns)
		total->slowest_reset_ns = more->slowest_reset_ns;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

Test(owner_sim, no_connection_of_a_living_pop_is_ever_broken)
{
	static struct sim w;
	const uint64_t alone = from_environment("OWNER_SIM_SEED", 0);
	const uint64_t first = alone ? alone : 1;
	const uint64_t last = alone ? alone : from_environment("OWNER_SIM_SEEDS", SEEDS);
	struct sim_counts all = { 0 };
	unsigned wrong = 0;

	for (uint64_t seed = first; seed <= last && wrong < 10; seed++) {
		sim_anycast_init(&w, seed);
		w.is_traced = alone != 0;
		life(&w);
		wrong += w.fault[0] != '\0';
		cr_expect_str_empty(w.fault, "OWNER_SIM_SEED=%llu: %s", (unsigned long long)seed,
				    w.fault);
		counts_add(&all, &w.counts);
		sim_anycast_fini(&w);
	}
	if (alone || wrong)
		return;
	/* It has all been there. */
	cr_expect_gt(all.handed_over, 5 * last, "%lu packets handed over", all.handed_over);
	cr_expect_gt(all.forwarded, 50 * last, "%lu packets forwarded", all.forwarded);
	cr_expect_gt(all.resets_taken, last, "%lu resets", all.resets_taken);
	cr_expect_gt(all.measured, last, "%lu resets measured", all.measured);
	cr_expect_gt(all.relics, last / 5, "%lu relics", all.relics);
	cr_expect_gt(all.gone, last / 100, "%lu times gone", all.gone);
	cr_expect_gt(all.refused_gue, last, "%lu forgeries refused", all.refused_gue);
	cr_expect_gt(all.partitions, last, "%lu partitions", all.partitions);
	cr_expect_gt(all.restarts, last / 4, "%lu restarts", all.restarts);
	cr_expect_gt(all.crashes, last, "%lu crashes", all.crashes);
	cr_expect_gt(all.drains, last / 4, "%lu drains", all.drains);
	if (getenv("OWNER_SIM_SEEDS"))
		fprintf(stderr,
			"%lu events, asks %lu, handed over %lu, forwarded %lu, resets %lu, taken %lu, gone %lu, forged %lu, relics %lu, cuts %lu, crashes %lu, restarts %lu, drains %lu, measured %lu, over %.1f ms\n",
			all.events, all.asked, all.handed_over, all.forwarded, all.resets,
			all.resets_taken, all.gone, all.refused_gue, all.relics, all.partitions,
			all.crashes, all.restarts, all.drains, all.measured,
			(double)all.slowest_reset_ns / 1e6);
}
