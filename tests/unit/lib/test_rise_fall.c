/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lib/rise_fall.h"

/* '+' success, '-' failure; after each the state as U, D, and how many more would change it. */
struct row {
	const char *what;
	unsigned rise, fall;
	const char *results;
	const char *states;
	const char *left;
};

/* clang-format off */
static const struct row rows[] = {
	{ "first success decides",           3, 3, "+",         "U", "0" },
	{ "first failure decides",           3, 3, "-",         "D", "0" },
	{ "falls at the third in a row",     2, 3, "+---",      "UUUD", "0210" },
	{ "success between starts anew",     2, 3, "+--+--",    "UUUUUU", "021021" },
	{ "rises at the second in a row",    2, 3, "-++",       "DDU", "010" },
	{ "failure between starts anew",     2, 3, "-+-+-++",   "DDDDDDU", "0101010" },
	{ "rise and fall of one flip",       1, 1, "+-+-",      "UDUD", "0000" },
	{ "a whole life",                    2, 3, "+++---+++", "UUUUUDDUU", "000210100" },
};
/* clang-format on */

Test(rise_fall, follows_the_streaks)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct rise_fall rf;

		rise_fall_init(&rf, row->rise, row->fall);
		cr_expect_eq(rf.state, HEALTH_UNKNOWN);
		cr_expect_eq(rise_fall_left(&rf), 1);
		for (size_t n = 0; row->results[n]; n++) {
			enum health before = rf.state;
			enum health want = row->states[n] == 'U' ? HEALTH_UP : HEALTH_DOWN;
			bool changed = rise_fall_step(&rf, row->results[n] == '+');

			cr_expect_eq(rf.state, want, "%s, result %zu: %s", row->what, n + 1,
				     health_name(rf.state));
			cr_expect_eq(rise_fall_left(&rf), (unsigned)(row->left[n] - '0'),
				     "%s, result %zu: %u", row->what, n + 1, rise_fall_left(&rf));
			cr_expect_eq(changed, rf.state != before, "%s, result %zu", row->what,
				     n + 1);
		}
	}
}

Test(rise_fall, names)
{
	cr_expect_str_eq(health_name(HEALTH_UNKNOWN), "unknown");
	cr_expect_str_eq(health_name(HEALTH_UP), "up");
	cr_expect_str_eq(health_name(HEALTH_DOWN), "down");
}
