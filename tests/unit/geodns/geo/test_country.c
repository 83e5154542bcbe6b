/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/geo/country.h"

Test(geo_country, codes_and_continents)
{
	/* clang-format off */
	static const struct { const char *country, *continent; } rows[] = {
		{ "DE", "EU" }, { "de", "EU" }, { "XK", "EU" }, { "AO", "AF" }, { "ZW", "AF" },
		{ "AQ", "AN" }, { "JP", "AS" }, { "TR", "AS" }, { "US", "NA" }, { "VI", "NA" },
		{ "AU", "OC" }, { "WS", "OC" }, { "BR", "SA" }, { "VE", "SA" },
		{ "ZZ", NULL }, { "EU", NULL }, { "UK", NULL },
	};
	/* clang-format on */
	char text[3];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t continent = geo_country_continent(geo_code_parse(rows[i].country, 2));

		cr_expect_eq(continent != 0, rows[i].continent != NULL, "%s", rows[i].country);
		if (!rows[i].continent)
			continue;
		geo_code_format(continent, text);
		cr_expect_str_eq(text, rows[i].continent, "%s", rows[i].country);
		cr_expect(geo_continent_is_known(continent));
	}
	cr_expect_eq(geo_code_parse("DEU", 3), 0);
	cr_expect_eq(geo_code_parse("D1", 2), 0);
	cr_expect_eq(geo_country_continent(0), 0);
	cr_expect_not(geo_continent_is_known(0));
	cr_expect_not(geo_continent_is_known(geo_code_parse("XX", 2)));
}
