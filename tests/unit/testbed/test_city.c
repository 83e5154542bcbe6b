/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "testbed/city.h"

struct row {
	const char *name;
	bool known;
	double lat, lon;
};

/* clang-format off */
static const struct row rows[] = {
	{ "Frankfurt",    true,  50.11,  8.68 },
	{ "frankFURT",    true,  50.11,  8.68 },
	{ "New York",     true,  40.71,  -74.01 },
	{ "Zurich",       true,  47.37,  8.54 },
	{ "Sao Paulo",    true,  -23.55, -46.63 },
	{ "NewYork",      false, 0,      0 },
	{ "Frankfurt ",   false, 0,      0 },
	{ "",             false, 0,      0 },
};
/* clang-format on */

Test(city, by_name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct geo_point p = { 0 };

		cr_expect_eq(city_find(&p, rows[i].name), rows[i].known, "%s", rows[i].name);
		cr_expect_eq(p.lat, rows[i].lat, "%s", rows[i].name);
		cr_expect_eq(p.lon, rows[i].lon, "%s", rows[i].name);
	}
}

/* Distances that an atlas knows show that no sign or digit is wrong where it matters. */
Test(city, distances)
{
	static const struct {
		const char *a, *b;
		double km;
	} pairs[] = {
		{ "London", "New York", 5570 },	   { "Tokyo", "Singapore", 5320 },
		{ "Sydney", "Auckland", 2160 },	   { "Frankfurt", "Johannesburg", 8670 },
		{ "Sao Paulo", "Santiago", 2580 }, { "Los Angeles", "Tokyo", 8820 },
		{ "Mumbai", "Dubai", 1930 },	   { "Vancouver", "Seattle", 195 },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct geo_point a, b;

		cr_assert(city_find(&a, pairs[i].a) && city_find(&b, pairs[i].b));
		cr_expect_leq(fabs(geo_distance_km(a, b) - pairs[i].km), 0.02 * pairs[i].km,
			      "%s to %s: %.0f km", pairs[i].a, pairs[i].b, geo_distance_km(a, b));
	}
}
