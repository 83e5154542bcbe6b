/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/bootstrap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

/* Clusters are numbered trial by trial: trial t has first[t] to first[t + 1] - 1. */
struct design {
	uint32_t trials;
	uint32_t *first;
};

uint64_t bootstrap_next(struct bootstrap_rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t bootstrap_below(struct bootstrap_rng *rng, uint32_t n)
{
	return (uint32_t)((bootstrap_next(rng) >> 32) * n >> 32);
}

static struct design design_of(const uint32_t *trial_of, uint32_t clusters)
{
	struct design d = { .first = xcalloc((size_t)clusters + 1, sizeof(*d.first)) };

	for (uint32_t c = 0; c < clusters; c++) {
		if (c == 0 || trial_of[c] != trial_of[c - 1])
			d.first[d.trials++] = c;
	}
	d.first[d.trials] = clusters;
	return d;
}

static void draw(struct bootstrap_rng *rng, const struct design *d, uint32_t *drawn,
		 uint32_t clusters)
{
	memset(drawn, 0, clusters * sizeof(*drawn));
	for (uint32_t i = 0; i < d->trials; i++) {
		uint32_t trial = bootstrap_below(rng, d->trials);
		uint32_t size = d->first[trial + 1] - d->first[trial];

		for (uint32_t j = 0; j < size; j++)
			drawn[d->first[trial] + bootstrap_below(rng, size)]++;
	}
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

struct bootstrap_interval bootstrap_quantile(struct lifetime *lives, size_t n,
					     const uint32_t *trial_of, uint32_t clusters, double p,
					     uint64_t seed)
{
	struct bootstrap_interval interval = { 0 };
	struct bootstrap_rng rng = { seed };
	struct design d = design_of(trial_of, clusters);
	uint32_t *drawn = xcalloc((size_t)clusters + 1, sizeof(*drawn));
	int64_t *quantiles = xcalloc(BOOTSTRAP_RESAMPLES, sizeof(*quantiles));

	if (d.trials < BOOTSTRAP_MIN_TRIALS)
		goto out;
	for (int i = 0; i < BOOTSTRAP_RESAMPLES; i++) {
		draw(&rng, &d, drawn, clusters);
		for (size_t j = 0; j < n; j++)
			lives[j].weight = drawn[lives[j].cluster];
		quantiles[i] = survival_quantile(lives, n, p);
	}
	for (size_t j = 0; j < n; j++)
		lives[j].weight = 1;
	qsort(quantiles, BOOTSTRAP_RESAMPLES, sizeof(*quantiles), compare);
	/* The 2.5 and 97.5 % points of the resamples, both inside. */
	interval = (struct bootstrap_interval){ true, quantiles[BOOTSTRAP_RESAMPLES * 25 / 1000],
						quantiles[BOOTSTRAP_RESAMPLES * 975 / 1000 - 1] };
out:
	free(quantiles);
	free(drawn);
	free(d.first);
	return interval;
}
