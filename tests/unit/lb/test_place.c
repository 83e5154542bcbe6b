/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/place.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static uint64_t whose[PLACES], whose_next[PLACES];

static unsigned take(struct places *places, int vip, int origin)
{
	char names[2][24];

	snprintf(names[0], sizeof(names[0]), "vip%d", vip);
	snprintf(names[1], sizeof(names[1]), "origin%d", origin);
	return place_take(places, names[0], names[1]);
}

/* What the connection table holds of this life is good for the next one, with more origins too. */
Test(place, is_the_same_in_the_next_life)
{
	struct places now = { .whose = whose }, next = { .whose = whose_next };
	unsigned before[100];
	int moved = 0;

	for (int i = 0; i < 100; i++)
		before[i] = take(&now, i % 4, i);
	take(&next, 0, 1000);
	for (int i = 0; i < 100; i++)
		moved += take(&next, i % 4, i) != before[i];
	cr_expect_leq(moved, 1, "%d", moved);
}

Test(place, is_one_pair_s_alone)
{
	static struct places places = { .whose = whose };
	static bool is_seen[PLACES];

	for (int i = 0; i < PLACES; i++) {
		const unsigned place = take(&places, i % 7, i);

		cr_assert_lt(place, PLACES);
		cr_assert_not(is_seen[place], "%u", place);
		is_seen[place] = true;
	}
	place_leave(&places, 17);
	cr_expect_eq(take(&places, 0, -1), 17, "the only one that is free");
}

Test(place, depends_on_which_name_is_which)
{
	struct places a = { .whose = whose }, b = { .whose = whose_next };

	cr_expect_neq(place_take(&a, "x", "y"), place_take(&b, "y", "x"));
}

/* An origin whose pair with VIP 0 would have the place that origin 0's has in an empty world. */
static int rival(void)
{
	static uint64_t nobody[PLACES];
	int origin = 0;
	unsigned wanted, got;

	memset(nobody, 0, sizeof(nobody));
	wanted = take(&(struct places){ .whose = nobody }, 0, 0);
	do {
		memset(nobody, 0, sizeof(nobody));
		got = take(&(struct places){ .whose = nobody }, 0, ++origin);
	} while (got != wanted);
	return origin;
}

/* Of two that would have the same place the first one has left: the second stays where it is. */
Test(place, does_not_move_over_a_reload_and_a_restart)
{
	struct places now = { .whose = whose }, next = { .whose = whose };
	const unsigned first = take(&now, 0, 0), second = take(&now, 0, rival());

	cr_assert_neq(second, first);
	place_leave(&now, first);
	cr_expect_eq(take(&next, 0, rival()), second);
	cr_expect_eq(take(&next, 0, 0), first, "and who comes back has what it had");
}

/* Who asks first does not get where another one has been. */
Test(place, is_kept_for_who_has_had_it)
{
	struct places now = { .whose = whose }, next = { .whose = whose };
	const unsigned first = take(&now, 0, 0);

	cr_expect_neq(take(&next, 0, rival()), first);
	cr_expect_eq(take(&next, 0, 0), first);
}
