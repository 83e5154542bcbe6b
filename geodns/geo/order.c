/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/order.h"

#include <math.h>

#include "lib/alloc.h"

#define INSERTION_MAX 64

struct vector {
	double x, y, z;
};

struct ranked {
	double far; /* grows with the distance */
	uint16_t pop;
};

struct geo_ranker {
	const struct geo_places *places;
	struct vector *pops;
	struct ranked *ranked; /* in the order of the last place */
	bool has_bias;
};

static struct vector vector_of(struct geo_point p)
{
	double lat = p.lat * M_PI / 180, lon = p.lon * M_PI / 180;

	return (struct vector){ cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat) };
}

struct geo_ranker *geo_ranker_new(const struct geo_places *places)
{
	struct geo_ranker *r = x_new(struct geo_ranker);

	r->places = places;
	r->pops = xcalloc(places->pop_count + 1, sizeof(*r->pops));
	r->ranked = xcalloc(places->pop_count + 1, sizeof(*r->ranked));
	for (size_t i = 0; i < places->pop_count; i++) {
		r->pops[i] = vector_of(places->pops[i].at);
		r->ranked[i].pop = (uint16_t)i;
		r->has_bias |= places->pops[i].bias_km != 0;
	}
	return r;
}

void geo_ranker_free(struct geo_ranker *ranker)
{
	free(ranker->pops);
	free(ranker->ranked);
	free(ranker);
}

static int ranked_compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->far != y->far)
		return x->far < y->far ? -1 : 1;
	return x->pop < y->pop ? -1 : x->pop > y->pop;
}

/*
 * Few are sorted by insertion, beginning with the order of the last place: those that
 * come one after the other are often near each other.
 */
static void ranked_sort(struct ranked *ranked, size_t n)
{
	if (n > INSERTION_MAX) {
		qsort(ranked, n, sizeof(*ranked), ranked_compare);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		const struct ranked moved = ranked[i];
		size_t k = i;

		while (k > 0 && ranked_compare(&moved, &ranked[k - 1]) < 0) {
			ranked[k] = ranked[k - 1];
			k--;
		}
		ranked[k] = moved;
	}
}

static double chord_squared(const struct vector *a, const struct vector *b)
{
	double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;

	return x * x + y * y + z * z;
}

void geo_ranker_place(struct geo_ranker *ranker, const struct geo_point *at, uint16_t *row)
{
	size_t n = ranker->places->pop_count;
	const struct vector here = vector_of(at ? *at : (struct geo_point){ 0, 0 });

	for (size_t i = 0; i < n; i++) {
		struct ranked *r = &ranker->ranked[i];

		r->far = at ? chord_squared(&here, &ranker->pops[r->pop]) : 0;
		if (at && ranker->has_bias)
			r->far = 2 * GEO_EARTH_RADIUS_KM * asin(fmin(1, sqrt(r->far) / 2)) -
				 ranker->places->pops[r->pop].bias_km;
	}
	ranked_sort(ranker->ranked, n);
	for (size_t i = 0; i < n; i++)
		row[i] = ranker->ranked[i].pop;
}

void geo_ranker_network(struct geo_ranker *ranker, const struct geo_network *network, uint16_t *row)
{
	size_t count = 0, n = ranker->places->pop_count;

	if (!network->pops) {
		geo_ranker_place(ranker, &network->at, row);
		return;
	}
	while (count < network->pop_count) {
		row[count] = network->pops[count];
		count++;
	}
	for (size_t pop = 0; pop < n; pop++) {
		size_t i = 0;

		while (i < network->pop_count && network->pops[i] != pop)
			i++;
		if (i == network->pop_count)
			row[count++] = (uint16_t)pop;
	}
}
