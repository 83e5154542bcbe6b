/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What 200 PoPs say to each other while made-up flows come without end. */
#include <criterion/criterion.h>
#include <malloc.h>

#include "tests/support/owner_flood.h"

/* Rates of owner_conf_default() and answerer_conf_default(): see there. */
#define ASKS_PER_S 10000
#define ASKS_BURST 40000

Test(owner_flood, one_flooded_pop_of_200_sends_a_bounded_number_of_messages)
{
	const struct owner_flood flood = { 200, 1, 20000, 3, 0 };
	const struct owner_flood_result r = owner_flood_run(&flood);

	cr_expect_leq(r.first_second, ASKS_BURST / 2 + ASKS_PER_S + 1, "%lu messages at first",
		      r.first_second);
	cr_expect_leq(r.last_second, ASKS_PER_S + 199,
		      "200 PoPs, one flooded: %lu messages in its first second, %lu in its last",
		      r.first_second, r.last_second);
	cr_expect_geq(r.last_second, ASKS_PER_S - 399, "%lu: what there is, is used",
		      r.last_second);
	cr_expect_leq(r.flows, 3072);
	cr_expect_leq(r.packets, 6144);
	cr_expect_gt(r.busy, 50000);
	cr_expect_leq(r.resets, r.questions, "never more than came");
	cr_expect_gt(r.resets, r.questions / 2, "%lu resets of %lu questions", r.resets,
		     r.questions);
}

/* A PoP that is flooded itself also answers all others that are: twice that, no more. */
Test(owner_flood, many_flooded_pops_of_200)
{
	const struct owner_flood flood = { 200, 10, 1000, 3, 48 };
	const struct owner_flood_result r = owner_flood_run(&flood);

	cr_expect_leq(r.last_second, 2 * (ASKS_PER_S + 199),
		      "200 PoPs, ten flooded: %lu messages of one in the first second, %lu in the "
		      "last",
		      r.first_second, r.last_second);
	cr_expect_leq(r.flows, 36);
	cr_expect_leq(r.packets, 72);
}

Test(owner_flood, no_memory_is_taken_after_the_start)
{
	struct owner_flood_world w = { .count = 2, .pops = xcalloc(2, sizeof(*w.pops)) };
	struct owner_flood_result r = { 0 };
	struct mallinfo2 before, after;

	for (unsigned pop = 0; pop < 2; pop++)
		owner_flood_pop_init(&w, pop, 64);
	w.size = 1 << 20;
	w.letters = xcalloc(w.size, sizeof(*w.letters));
	before = mallinfo2();
	for (uint64_t i = 0; i < 50000; i++) {
		owner_flood_until(&w, 2, instant_after_ns(w.now, 50000));
		owner_flood_packet(&w, (unsigned)(i % 2), i, &r);
	}
	after = mallinfo2();
	cr_expect_eq(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd,
		     "%zu octets more",
		     after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
	cr_expect_leq(r.flows, 64);
	for (unsigned pop = 0; pop < 2; pop++) {
		owner_free(w.pops[pop].owner);
		answerer_free(w.pops[pop].answerer);
	}
	free(w.pops);
	free(w.letters);
}
