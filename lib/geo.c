/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/geo.h"

#include <math.h>

static double radians(double degrees)
{
	return degrees * M_PI / 180.0;
}

/* Haversine: stable for near points, where the law of cosines loses all digits. */
double geo_distance_km(struct geo_point a, struct geo_point b)
{
	double dlat = sin(radians(b.lat - a.lat) / 2);
	double dlon = sin(radians(b.lon - a.lon) / 2);
	double h = dlat * dlat + cos(radians(a.lat)) * cos(radians(b.lat)) * dlon * dlon;

	return 2 * GEO_EARTH_RADIUS_KM * asin(sqrt(h < 1 ? h : 1));
}

struct geo_point geo_point_load(const struct conf *at)
{
	struct geo_point p = { 0 };
	struct conf lat, lon;

	if (!json_is_array(at->json) || conf_count(at) != 2) {
		conf_fail(at, "expected [latitude, longitude] in degrees");
		return p;
	}
	lat = conf_item(at, 0);
	lon = conf_item(at, 1);
	p.lat = conf_as_number(&lat, -90, 90);
	p.lon = conf_as_number(&lon, -180, 180);
	return p;
}
