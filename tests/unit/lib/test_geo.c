/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "lib/geo.h"

Test(geo, distances)
{
	/* clang-format off */
	static const struct { const char *what; struct geo_point a, b; double km; } rows[] = {
		{ "nothing",             { 50.1, 8.7 }, { 50.1, 8.7 }, 0 },
		{ "a quarter",           { 0, 0 }, { 0, 90 }, 10007.5 },
		{ "pole to pole",        { 90, 0 }, { -90, 77 }, 20015.1 },
		{ "antipodes",           { 10, 20 }, { -10, -160 }, 20015.1 },
		{ "over the date line",  { 0, 179.5 }, { 0, -179.5 }, 111.2 },
		{ "one metre",           { 0, 0 }, { 0, 0.000009 }, 0.001 },
		{ "Frankfurt New York",  { 50.11, 8.68 }, { 40.71, -74.01 }, 6206 },
		{ "Sydney Santiago",     { -33.87, 151.21 }, { -33.45, -70.67 }, 11348 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double km = geo_distance_km(rows[i].a, rows[i].b);

		cr_expect(fabs(km - rows[i].km) < 0.001 * rows[i].km + 0.0001, "%s: %f",
			  rows[i].what, km);
		cr_expect_eq(geo_distance_km(rows[i].b, rows[i].a), km, "%s: there and back",
			     rows[i].what);
	}
}

Test(geo, load)
{
	/* clang-format off */
	static const struct { const char *json, *wrong; } rows[] = {
		{ "{\"at\":[50.1,-8.7]}", "" },
		{ "{\"at\":[-90,180]}", "" },
		{ "{\"at\":[90.1,0]}", "at[0]: 90.1 is not between -90 and 90" },
		{ "{\"at\":[0,-181]}", "at[1]: -181 is not between -180 and 180" },
		{ "{\"at\":[0]}", "at: expected [latitude, longitude] in degrees" },
		{ "{\"at\":{}}", "at: expected [latitude, longitude] in degrees" },
		{ "{\"at\":[0,\"0\"]}", "at[1]: expected a number, found a string" },
	};
	/* clang-format on */
	char buf[400];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };
		json_t *json = conf_read_text(rows[i].json, strlen(rows[i].json), &err);
		const struct conf root = conf_root(json, &err), at = conf_get(&root, "at");
		struct geo_point p = geo_point_load(&at);

		cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)), rows[i].wrong);
		if (i == 0)
			cr_expect(p.lat == 50.1 && p.lon == -8.7);
		json_decref(json);
	}
}
