/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "testbed/measure/bootstrap.h"
#include "testbed/measure/ks.h"
#include "testbed/measure/survival.h"

#define NEVER SURVIVAL_NEVER
#define MAX   8

/* A negative time is a censoring at its absolute value. */
static const struct {
	const char *name;
	int64_t times[MAX];
	size_t n;
	int64_t p50, p90, max;
} rows[] = {
	{ "nobody", { 0 }, 0, NEVER, NEVER, NEVER },
	{ "one", { 7 }, 1, 7, 7, 7 },
	{ "two", { 9, 7 }, 2, 7, 9, 9 },
	{ "five", { 5, 1, 4, 2, 3 }, 5, 3, 5, 5 },
	{ "ties", { 2, 2, 2, 8 }, 4, 2, 8, 8 },
	{ "last never", { 1, 2, 3, -60 }, 4, 2, NEVER, NEVER },
	{ "all never", { -60, -60 }, 2, NEVER, NEVER, NEVER },
	{ "half never", { 4, -60 }, 2, 4, NEVER, NEVER },
	/* S: 4/5 at 1, censored 2, 2/3 of it at 3 = 8/15, at 4: 4/15. */
	{ "censored in between", { 1, -2, 3, 4, -9 }, 5, 4, NEVER, NEVER },
	/* Whoever is censored at the instant of an ending was still at risk. */
	{ "censored at a tie", { -3, 3 }, 2, 3, NEVER, NEVER },
};

Test(survival, quantiles)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lifetime lives[MAX];

		for (size_t j = 0; j < rows[i].n; j++) {
			int64_t t = rows[i].times[j];

			lives[j] = (struct lifetime){ t < 0 ? -t : t, t >= 0, 1, 0 };
		}
		survival_sort(lives, rows[i].n);
		cr_expect_eq(survival_quantile(lives, rows[i].n, 0.5), rows[i].p50, "%s",
			     rows[i].name);
		cr_expect_eq(survival_quantile(lives, rows[i].n, 0.9), rows[i].p90, "%s",
			     rows[i].name);
		cr_expect_eq(survival_quantile(lives, rows[i].n, 1), rows[i].max, "%s",
			     rows[i].name);
	}
}

/* Without censoring the p-quantile is the ceil(p n)-th smallest, at every n and percent. */
Test(survival, quantile_is_order_statistic)
{
	struct lifetime lives[100];

	for (size_t n = 1; n <= 100; n++) {
		for (size_t i = 0; i < n; i++)
			lives[i] = (struct lifetime){ (int64_t)i + 1, true, 1, 0 };
		for (size_t percent = 1; percent <= 100; percent++)
			cr_assert_eq(survival_quantile(lives, n, (double)percent / 100),
				     (int64_t)((percent * n + 99) / 100), "n %zu, %zu %%", n,
				     percent);
	}
}

Test(survival, curve)
{
	struct lifetime lives[] = { { 1, true, 1, 0 },
				    { 1, true, 1, 0 },
				    { 2, false, 1, 0 },
				    { 5, true, 1, 0 },
				    { 9, false, 1, 0 } };
	struct survival_step steps[5];

	cr_assert_eq(survival_curve(lives, 5, steps), 2);
	cr_expect_eq(steps[0].t, 1);
	cr_expect_float_eq(steps[0].ended, 0.4, 1e-12);
	cr_expect_eq(steps[1].t, 5);
	cr_expect_float_eq(steps[1].ended, 0.7, 1e-12);
}

Test(bootstrap, known_generator)
{
	/* The reference outputs of SplitMix64 for seed 1234567. */
	struct bootstrap_rng rng = { 1234567 };

	cr_expect_eq(bootstrap_next(&rng), UINT64_C(6457827717110365317));
	cr_expect_eq(bootstrap_next(&rng), UINT64_C(3203168211198807973));
	for (int i = 0; i < 1000; i++)
		cr_assert_lt(bootstrap_below(&rng, 7), 7);
}

Test(bootstrap, intervals)
{
	struct lifetime lives[60];
	uint32_t trial_of[6] = { 0, 1, 2, 3, 4, 5 };
	struct bootstrap_interval first, again;

	for (uint32_t i = 0; i < 60; i++)
		lives[i] = (struct lifetime){ i + 1, true, 1, i / 10 };
	cr_expect_not(bootstrap_quantile(lives, 40, trial_of, 4, 0.5, 1).known, "four trials");
	first = bootstrap_quantile(lives, 60, trial_of, 6, 0.5, 1);
	again = bootstrap_quantile(lives, 60, trial_of, 6, 0.5, 1);
	cr_expect(first.known);
	cr_expect_eq(first.low, again.low);
	cr_expect_eq(first.high, again.high);
	cr_expect_leq(first.low, 30);
	cr_expect_geq(first.high, 30);
	cr_expect_eq(lives[5].weight, 1);
}

/* Trials that are all alike leave nothing to resample. */
Test(bootstrap, equal_trials_have_no_width)
{
	struct lifetime lives[50];
	uint32_t trial_of[5] = { 0, 1, 2, 3, 4 };
	struct bootstrap_interval interval;

	for (uint32_t i = 0; i < 50; i++)
		lives[i] = (struct lifetime){ i / 5 + 1, true, 1, i % 5 };
	interval = bootstrap_quantile(lives, 50, trial_of, 5, 0.5, 9);
	cr_expect_eq(interval.low, 5);
	cr_expect_eq(interval.high, 5);
}

/* The published expectations: checks every 10 s, fall 3, timeout and publishing 3 s. */
Test(ks, model_quantiles)
{
	static const struct {
		const char *name;
		double ttl_s, p50_s, p90_s, off_s;
	} cases[] = {
		{ "TTL 30", 30, 43, 55.25, 0.01 },
		{ "TTL 60", 60, 58, 82, 0.1 },
		{ "TTL 300", 300, 178, 298, 0.1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ks_geodns_model m = { 10, 3, cases[i].ttl_s, 3 };

		cr_expect_float_eq(ks_geodns_share(&m, cases[i].p50_s), 0.5, 0.002, "%s",
				   cases[i].name);
		cr_expect_float_eq(ks_geodns_share(&m, cases[i].p90_s), 0.9, 0.002, "%s",
				   cases[i].name);
		cr_expect_float_eq(ks_geodns_share(&m, 23), 0, 1e-12);
		cr_expect_float_eq(ks_geodns_share(&m, 33 + cases[i].ttl_s), 1, 1e-12);
	}
	cr_expect_float_eq(ks_geodns_share(&(struct ks_geodns_model){ 10, 3, 0, 3 }, 28), 0.5,
			   1e-12, "without a TTL detection alone is left");
}

Test(ks, distance)
{
	/* U(0, 1) as a model: detection U(0, 1), no TTL, no timeout. */
	struct ks_geodns_model uniform = { 1, 0, 0, 1 };
	double middle[] = { 0.5 }, quarters[] = { 0.875, 0.125, 0.625, 0.375 }, far[] = { 2, 3 };
	struct ks_geodns_model with_ttl = { 1, 1, 30, 3 };
	double never[] = { INFINITY, 14, INFINITY, 24 };
	struct ks_result result = ks_geodns_test(&uniform, middle, 1);

	cr_expect_float_eq(result.distance, 0.5, 1e-12);
	result = ks_geodns_test(&uniform, quarters, 4);
	cr_expect_float_eq(result.distance, 0.125, 1e-12);
	cr_expect_eq(result.n, 4);
	cr_expect_float_eq(ks_geodns_test(&uniform, far, 2).distance, 1, 1e-12);
	cr_expect_float_eq(ks_geodns_test(&with_ttl, never, 4).distance, 0.5, 1e-12,
			   "two never came back");
	/* Tables of the exact distribution: 0.409 for 10, 0.134 for 100, 0.0428 for 1000. */
	cr_expect_float_eq(ks_critical(10), 0.409, 0.002);
	cr_expect_float_eq(ks_critical(100), 0.134, 0.001);
	cr_expect_float_eq(ks_critical(1000), 0.0428, 0.0002);
}
