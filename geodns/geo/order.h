/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * order.h - from a place to all PoPs, the nearest first.
 *
 * Great-circle distance less the PoP's bias; equal ones in the order of pops. Made for
 * hundreds of thousands of places: PoPs are kept as points of the unit sphere, and
 * without any bias the squared length of the chord stands for the distance, as it
 * grows with it.
 */
#ifndef GEODNS_GEO_ORDER_H
#define GEODNS_GEO_ORDER_H

#include "geodns/geo/places.h"

struct geo_ranker;

struct geo_ranker *geo_ranker_new(const struct geo_places *places);
void geo_ranker_free(struct geo_ranker *ranker);
/* Write pop_count indices. at NULL: the order of pops. */
void geo_ranker_place(struct geo_ranker *ranker, const struct geo_point *at, uint16_t *row);
/* The network's own order, the PoPs that it does not name behind; else that of its place. */
void geo_ranker_network(struct geo_ranker *ranker, const struct geo_network *network,
			uint16_t *row);

#endif
