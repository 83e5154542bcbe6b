/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/ks.h"

#include <math.h>
#include <stdlib.h>

/* Integral of the distribution function of U(0, width) from -inf to x. */
static double ramp(double x, double width)
{
	if (x <= 0)
		return 0;
	return x < width ? x * x / (2 * width) : x - width / 2;
}

/* The sum of two uniforms: U(0, I) convolved with U(0, TTL). */
double ks_geodns_share(const struct ks_geodns_model *model, double t_s)
{
	double x = t_s - (model->fall - 1) * model->interval_s - model->timeout_s;

	if (x >= model->interval_s + model->ttl_s)
		return 1; /* exactly, and for the infinitely late as well */
	if (model->ttl_s <= 0)
		return fmin(fmax(x / model->interval_s, 0), 1);
	return (ramp(x, model->interval_s) - ramp(x - model->ttl_s, model->interval_s)) /
	       model->ttl_s;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct ks_result ks_geodns_test(const struct ks_geodns_model *model, double *sample_s, size_t n)
{
	struct ks_result result = { .n = n, .critical = ks_critical(n) };

	qsort(sample_s, n, sizeof(*sample_s), compare);
	for (size_t i = 0; i < n; i++) {
		double share = ks_geodns_share(model, sample_s[i]);
		double below = share - (double)i / (double)n;
		double above = (double)(i + 1) / (double)n - share;

		result.distance = fmax(result.distance, fmax(below, above));
	}
	return result;
}

double ks_critical(size_t n)
{
	double root = sqrt((double)n);

	return 1.358 / (root + 0.12 + 0.11 / root);
}
