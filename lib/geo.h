/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geo.h - places on the globe and the distance between them.
 *
 * Pure. Degrees, north and east positive; distances in kilometres along the
 * great circle of a sphere, right to 0.6 % on the real Earth.
 */
#ifndef LIB_GEO_H
#define LIB_GEO_H

#include "lib/conf.h"

#define GEO_EARTH_RADIUS_KM 6371.0

struct geo_point {
	double lat; /* -90 to 90 */
	double lon; /* -180 to 180 */
};

double geo_distance_km(struct geo_point a, struct geo_point b);
/* The value of a cursor as [latitude, longitude]; records a mistake when it is not. */
struct geo_point geo_point_load(const struct conf *at);

#endif
