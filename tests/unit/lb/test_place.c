/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/place.h"

#include <criterion/criterion.h>
#include <stdio.h>

static unsigned take(struct places *places, int vip, int origin)
{
	char names[2][16];

	snprintf(names[0], sizeof(names[0]), "vip%d", vip);
	snprintf(names[1], sizeof(names[1]), "origin%d", origin);
	return place_take(places, names[0], names[1]);
}

/* What the connection table holds of this life is good for the next one, with more origins too. */
Test(place, is_the_same_in_the_next_life)
{
	struct places now = { 0 }, next = { 0 };
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
	static struct places places;
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
	struct places a = { 0 }, b = { 0 };

	cr_expect_neq(place_take(&a, "x", "y"), place_take(&b, "y", "x"));
}
