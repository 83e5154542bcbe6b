/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/text.h"

#include <criterion/criterion.h>

Test(text, equal)
{
	const char one[] = "one", again[] = "one";

	cr_expect(text_equal(one, again));
	cr_expect(text_equal(NULL, NULL));
	cr_expect_not(text_equal(one, "two"));
	cr_expect_not(text_equal(one, NULL));
	cr_expect_not(text_equal(NULL, ""), "absent is not empty");
}
