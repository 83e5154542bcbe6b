/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics.h - writing the Prometheus text format, version 0.0.4.
 *
 * A page is written front to back: a family's head once, then its samples.
 * Label values are escaped. Names are catchment_<program>_<noun>[_total|_seconds|_bytes].
 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct metrics {
	FILE *stream; /* the page's own */
	char *text;
	size_t len;
	const char *family;
};

void metrics_init(struct metrics *m);
/* type: "counter", "gauge" or "histogram". name and help must outlive the family. */
void metrics_family(struct metrics *m, const char *name, const char *type, const char *help);
/* Label names and values alternate; NULL ends them. */
void metrics_sample(struct metrics *m, double value, ...) __attribute__((sentinel));

struct metrics_histogram {
	const double *bounds; /* upper ones, rising */
	size_t bounds_count;
	/* Observations in each bucket alone; one more than bounds, the last for all above. */
	const uint64_t *counts;
	double sum;
};

/* All samples of a histogram; labels as above. */
void metrics_histogram(struct metrics *m, const struct metrics_histogram *h, ...)
	__attribute__((sentinel));
/* The finished page, which the caller frees; m is spent. */
char *metrics_finish(struct metrics *m);

#endif
