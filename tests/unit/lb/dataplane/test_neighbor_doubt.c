/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/neighbor_doubt.h"

#include <criterion/criterion.h>

#define MS(n) ((struct instant){ (n)*NS_PER_MS })

static enum neighbor_state judge(struct neighbor_doubt *doubt, enum neighbor_state found,
				 bool is_link_up, int64_t ms)
{
	return neighbor_doubt_judge(doubt, found, is_link_up, MS(ms));
}

Test(neighbor_doubt, who_was_never_known_is_lost_after_a_second)
{
	struct neighbor_doubt doubt = { .was_known = false };

	neighbor_doubt_begin(&doubt, MS(5000));
	cr_expect_eq(judge(&doubt, NEIGHBOR_LOST, true, 5999), NEIGHBOR_ASKED);
	cr_expect_eq(judge(&doubt, NEIGHBOR_LOST, true, 6000), NEIGHBOR_LOST);
	neighbor_doubt_begin(&doubt, MS(5000));
	cr_expect_eq(judge(&doubt, NEIGHBOR_NO_WAY, true, 5000), NEIGHBOR_NO_WAY);
}

/* The kernel has asked for three seconds before it says so. */
Test(neighbor_doubt, who_was_known_and_stops_answering_is_lost_at_once)
{
	struct neighbor_doubt doubt = { .was_known = false };

	neighbor_doubt_end(&doubt);
	cr_expect_eq(judge(&doubt, NEIGHBOR_LOST, true, 90000), NEIGHBOR_LOST);
}

Test(neighbor_doubt, a_link_that_is_down_loses_nobody)
{
	static const enum neighbor_state found[] = { NEIGHBOR_LOST, NEIGHBOR_NO_WAY,
						     NEIGHBOR_BEHIND };

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct neighbor_doubt doubt = { .was_known = false };

		neighbor_doubt_end(&doubt);
		neighbor_doubt_begin(&doubt, MS(1000));
		for (int64_t ms = 1000; ms <= 60000; ms += 1000)
			cr_expect_eq(judge(&doubt, found[i], false, ms), NEIGHBOR_ASKED);
		cr_expect_eq(judge(&doubt, found[i], true, 62999), NEIGHBOR_ASKED);
		cr_expect_eq(judge(&doubt, found[i], true, 63000), found[i]);
		/* Then it is as any other. */
		neighbor_doubt_begin(&doubt, MS(63000));
		cr_expect_eq(judge(&doubt, NEIGHBOR_LOST, false, 64000), NEIGHBOR_LOST);
	}
}

/* Down and up again before anybody could look: only its entry has gone. */
Test(neighbor_doubt, an_entry_that_went_is_waited_for)
{
	struct neighbor_doubt doubt = { .was_known = false };

	neighbor_doubt_end(&doubt);
	neighbor_doubt_begin(&doubt, MS(1000));
	cr_expect_eq(judge(&doubt, NEIGHBOR_LOST, true, 3999), NEIGHBOR_ASKED);
	neighbor_doubt_end(&doubt);
	neighbor_doubt_begin(&doubt, MS(5000));
	cr_expect_eq(judge(&doubt, NEIGHBOR_LOST, true, 8000), NEIGHBOR_LOST);
}
