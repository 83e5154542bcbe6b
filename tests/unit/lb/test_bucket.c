/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bucket.h"

#include <criterion/criterion.h>

static struct instant ms(int64_t n)
{
	return (struct instant){ n * NS_PER_MS };
}

Test(bucket, is_full_then_empties_then_fills)
{
	const struct bucket_rate rate = { 100, 5 };
	struct bucket bucket = { 0 };

	cr_expect_eq(bucket_level(&bucket, &rate, ms(1000)), 5);
	cr_expect(bucket_take(&bucket, &rate, 3, 0, ms(1000)));
	cr_expect_not(bucket_take(&bucket, &rate, 3, 0, ms(1000)), "two are left");
	cr_expect_not(bucket_take(&bucket, &rate, 1, 2, ms(1000)), "one would be");
	cr_expect(bucket_take(&bucket, &rate, 1, 1, ms(1000)));
	cr_expect(bucket_take(&bucket, &rate, 1, 0, ms(1000)));
	cr_expect_eq(bucket_level(&bucket, &rate, ms(1000)), 0);
	cr_expect_not(bucket_take(&bucket, &rate, 1, 0, ms(1009)));
	cr_expect(bucket_take(&bucket, &rate, 1, 0, ms(1010)));
	cr_expect_eq(bucket_level(&bucket, &rate, ms(1039)), 2);
	cr_expect_eq(bucket_level(&bucket, &rate, ms(100000)), 5, "never more than full");
	cr_expect_eq(bucket_level(&bucket, &rate, ms(3600000)), 5, "nor after an hour of silence");
	cr_expect_not(bucket_take(&bucket, &rate, 6, 0, ms(100000)), "more than ever fit");
}

/* Whoever takes as fast as possible gets the burst and then the rate, however odd it is. */
Test(bucket, keeps_its_rate)
{
	static const struct bucket_rate rates[] = {
		{ 1, 1 }, { 3, 10 }, { 999, 1 }, { 7000, 100 }, { 1000000, 5000 }
	};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct bucket bucket = { 0 };
		uint64_t taken = 0, most = rates[i].burst + 3U * rates[i].per_second;

		for (int64_t us = 0; us < 3000000; us += 7)
			while (bucket_take(&bucket, &rates[i], 1, 0,
					   (struct instant){ us * NS_PER_US }))
				taken++;
		cr_expect_leq(taken, most, "%u a second: %lu", rates[i].per_second, taken);
		cr_expect_geq(taken, most - 1 - most / 100, "%u a second: %lu", rates[i].per_second,
			      taken);
	}
}
