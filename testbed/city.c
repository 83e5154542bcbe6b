/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/city.h"

#include <strings.h>

static const struct {
	const char *name;
	struct geo_point at;
} cities[] = {
	/* clang-format off */
	{ "Amsterdam", { 52.37, 4.90 } },      { "Ashburn", { 39.04, -77.49 } },
	{ "Athens", { 37.98, 23.73 } },        { "Atlanta", { 33.75, -84.39 } },
	{ "Auckland", { -36.85, 174.76 } },    { "Bangkok", { 13.76, 100.50 } },
	{ "Beijing", { 39.90, 116.41 } },      { "Berlin", { 52.52, 13.40 } },
	{ "Bogota", { 4.71, -74.07 } },        { "Boston", { 42.36, -71.06 } },
	{ "Brisbane", { -27.47, 153.03 } },    { "Brussels", { 50.85, 4.35 } },
	{ "Buenos Aires", { -34.60, -58.38 } },{ "Cairo", { 30.04, 31.24 } },
	{ "Cape Town", { -33.92, 18.42 } },    { "Chennai", { 13.08, 80.27 } },
	{ "Chicago", { 41.88, -87.63 } },      { "Copenhagen", { 55.68, 12.57 } },
	{ "Dallas", { 32.78, -96.80 } },       { "Delhi", { 28.61, 77.21 } },
	{ "Denver", { 39.74, -104.99 } },      { "Dubai", { 25.20, 55.27 } },
	{ "Dublin", { 53.35, -6.26 } },        { "Frankfurt", { 50.11, 8.68 } },
	{ "Helsinki", { 60.17, 24.94 } },      { "Hong Kong", { 22.32, 114.17 } },
	{ "Istanbul", { 41.01, 28.98 } },      { "Jakarta", { -6.21, 106.85 } },
	{ "Johannesburg", { -26.20, 28.05 } }, { "Lagos", { 6.52, 3.38 } },
	{ "Lima", { -12.05, -77.04 } },        { "Lisbon", { 38.72, -9.14 } },
	{ "London", { 51.51, -0.13 } },        { "Los Angeles", { 34.05, -118.24 } },
	{ "Madrid", { 40.42, -3.70 } },        { "Manila", { 14.60, 120.98 } },
	{ "Marseille", { 43.30, 5.37 } },      { "Melbourne", { -37.81, 144.96 } },
	{ "Mexico City", { 19.43, -99.13 } },  { "Miami", { 25.76, -80.19 } },
	{ "Milan", { 45.46, 9.19 } },          { "Montreal", { 45.50, -73.57 } },
	{ "Moscow", { 55.76, 37.62 } },        { "Mumbai", { 19.08, 72.88 } },
	{ "Nairobi", { -1.29, 36.82 } },       { "New York", { 40.71, -74.01 } },
	{ "Osaka", { 34.69, 135.50 } },        { "Oslo", { 59.91, 10.75 } },
	{ "Paris", { 48.86, 2.35 } },          { "Perth", { -31.95, 115.86 } },
	{ "Prague", { 50.08, 14.44 } },        { "Rio de Janeiro", { -22.91, -43.17 } },
	{ "Rome", { 41.90, 12.50 } },          { "San Francisco", { 37.77, -122.42 } },
	{ "San Jose", { 37.34, -121.89 } },    { "Santiago", { -33.45, -70.67 } },
	{ "Sao Paulo", { -23.55, -46.63 } },   { "Seattle", { 47.61, -122.33 } },
	{ "Seoul", { 37.57, 126.98 } },        { "Shanghai", { 31.23, 121.47 } },
	{ "Singapore", { 1.35, 103.82 } },     { "Stockholm", { 59.33, 18.07 } },
	{ "Sydney", { -33.87, 151.21 } },      { "Taipei", { 25.03, 121.57 } },
	{ "Tel Aviv", { 32.09, 34.78 } },      { "Tokyo", { 35.68, 139.69 } },
	{ "Toronto", { 43.65, -79.38 } },      { "Vancouver", { 49.28, -123.12 } },
	{ "Vienna", { 48.21, 16.37 } },        { "Warsaw", { 52.23, 21.01 } },
	{ "Washington", { 38.91, -77.04 } },   { "Zurich", { 47.37, 8.54 } },
	/* clang-format on */
};

bool city_find(struct geo_point *out, const char *name)
{
	for (size_t i = 0; i < sizeof(cities) / sizeof(cities[0]); i++) {
		if (strcasecmp(cities[i].name, name) == 0) {
			*out = cities[i].at;
			return true;
		}
	}
	return false;
}
