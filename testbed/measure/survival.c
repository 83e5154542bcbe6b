/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/survival.h"

#include <stdlib.h>

/* Products of fractions miss 0.9 by an ulp; a share this near has reached p. */
#define TOLERANCE 1e-9

static int compare(const void *a, const void *b)
{
	const struct lifetime *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	if (x->ended != y->ended)
		return x->ended ? -1 : 1;
	return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

void survival_sort(struct lifetime *lives, size_t n)
{
	if (n > 0)
		qsort(lives, n, sizeof(*lives), compare);
}

static uint64_t total_weight(const struct lifetime *lives, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += lives[i].weight;
	return sum;
}

int64_t survival_quantile(const struct lifetime *lives, size_t n, double p)
{
	uint64_t at_risk = total_weight(lives, n);
	double alive = 1;

	for (size_t i = 0; i < n; i++) {
		if (lives[i].weight == 0)
			continue;
		if (lives[i].ended) {
			alive *= 1 - (double)lives[i].weight / (double)at_risk;
			if (1 - alive >= p - TOLERANCE)
				return lives[i].t;
		}
		at_risk -= lives[i].weight;
	}
	return SURVIVAL_NEVER;
}

size_t survival_curve(const struct lifetime *lives, size_t n, struct survival_step *out)
{
	uint64_t at_risk = total_weight(lives, n);
	double alive = 1;
	size_t steps = 0;

	for (size_t i = 0; i < n; i++) {
		if (lives[i].ended && lives[i].weight > 0) {
			alive *= 1 - (double)lives[i].weight / (double)at_risk;
			if (steps == 0 || out[steps - 1].t != lives[i].t)
				steps++;
			out[steps - 1] = (struct survival_step){ lives[i].t, 1 - alive };
		}
		at_risk -= lives[i].weight;
	}
	return steps;
}
