/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "lib/histogram.h"

Test(histogram, empty_and_single)
{
	static const int64_t values[] = { 0, 1, 63, 64, 65, 1000, 123456789, INT64_MAX };
	static struct histogram h;

	histogram_reset(&h);
	cr_expect_eq(histogram_quantile(&h, 0.5), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		histogram_reset(&h);
		histogram_add(&h, values[i]);
		for (double q = 0; q <= 1; q += 0.25) {
			double got = (double)histogram_quantile(&h, q), want = (double)values[i];

			cr_expect(fabs(got - want) <= 0.016 * want, "%f instead of %f", got, want);
			if (values[i] < 64)
				cr_expect_eq(got, want, "exact below 64");
		}
		cr_expect_eq(h.max, values[i]);
	}
	histogram_add(&h, -5);
	cr_expect_eq(histogram_quantile(&h, 0), 0);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Against the same quantile of the sorted values, over seven orders of magnitude. */
Test(histogram, quantiles_of_many)
{
	enum { N = 10000 };
	static int64_t values[N];
	static struct histogram h;
	unsigned short seed[3] = { 1, 2, 3 };

	histogram_reset(&h);
	for (int i = 0; i < N; i++) {
		values[i] = (int64_t)exp(16 * erand48(seed));
		histogram_add(&h, values[i]);
	}
	qsort(values, N, sizeof(values[0]), compare);
	cr_expect_eq(h.count, N);
	cr_expect_eq(h.max, values[N - 1]);
	for (int percent = 1; percent <= 100; percent++) {
		double want = (double)values[N * percent / 100 - 1];
		double got = (double)histogram_quantile(&h, percent / 100.0);

		cr_expect(fabs(got - want) <= 0.016 * want, "p%d: %f instead of %f", percent, got,
			  want);
	}
}
