/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ks.h - do measured GeoDNS reconnect times agree with what GeoDNS should cost?
 *
 * The model: detection + U(0, TTL), where detection = U((fall-1) I, fall I) +
 * timeout, I the check interval. The Kolmogorov-Smirnov distance is the largest
 * gap between the measured and the model's distribution function. Pure.
 */
#ifndef TESTBED_MEASURE_KS_H
#define TESTBED_MEASURE_KS_H

#include <stddef.h>

struct ks_geodns_model {
	double interval_s;
	double timeout_s; /* with the time to publish */
	double ttl_s;
	unsigned fall;
};

struct ks_result {
	size_t n;
	double distance;
	double critical; /* at 5 %: a sample of the model is farther off once in 20 times */
};

/* The share of users reconnected t seconds after the fault, by the model. */
double ks_geodns_share(const struct ks_geodns_model *model, double t_s);
/* Distance of a sample (seconds, INFINITY for never, sorted here, n > 0) from the model. */
struct ks_result ks_geodns_test(const struct ks_geodns_model *model, double *sample_s, size_t n);
/* The critical value at 5 % for n samples (Stephens' correction for small n). */
double ks_critical(size_t n);

#endif
