/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "tests/support/geodns_fixture.h"

#define ZONES 64

/* z0.test to z62.test, and a.z1.test in place of the last. */
static struct catalog *catalog_of_many(const char *last)
{
	struct zone **zones = xcalloc(ZONES, sizeof(struct zone *));
	struct conf_error err = { 0 };
	char *text = xstrdup(""), *whole, apex[40];
	struct geodns_conf *conf;
	struct catalog *catalog;

	for (unsigned i = 0; i < ZONES; i++) {
		char *more;

		snprintf(apex, sizeof(apex), "z%u.TEST", i);
		more = xasprintf("%s%s{'name':'%s','file':'x'}", text, i ? "," : "",
				 i == ZONES - 1 ? last : apex);
		free(text);
		text = more;
		zones[i] = fixture_zone_load(i == ZONES - 1 ? last : apex,
					     "@ SOA a b 1 2 3 4 5\n@ NS a\n");
	}
	whole = xasprintf("{'version':1,'listen':['::1'],'zones':[%s]}", text);
	conf = fixture_conf_load(whole, &err);
	cr_assert(conf);
	catalog = catalog_new(conf, zones, &err);
	cr_assert(catalog);
	free(whole);
	free(text);
	return catalog;
}

static const char *apex_found(const struct catalog *catalog, const char *name, bool at_parent)
{
	static char text[DNS_NAME_TEXT_SIZE];
	uint8_t wire[DNS_NAME_MAX];
	const struct zone *zone;

	cr_assert(dns_name_parse(wire, name), "%s", name);
	zone = catalog_zone_find(catalog, wire, at_parent);
	return zone ? dns_name_format(zone_apex(zone)->name, text) : "none";
}

Test(catalog, the_deepest_of_many_zones)
{
	/* clang-format off */
	static const struct { const char *name; bool at_parent; const char *apex; } rows[] = {
		{ "z7.test", false, "z7.TEST" },
		{ "Z7.tESt", false, "z7.TEST" },
		{ "x.y.z62.test", false, "z62.TEST" },
		{ "z63.test", false, "none" },
		{ "test", false, "none" },
		{ ".", false, "none" },
		{ "z7.test.", true, "z7.TEST" },
		{ "z1.test", false, "z1.TEST" },
		{ "b.z1.test", false, "z1.TEST" },
		{ "a.z1.test", false, "a.z1.test" },
		{ "a.z1.test", true, "z1.TEST" },
		{ "x.a.z1.test", true, "a.z1.test" },
		{ "xa.z1.test", false, "z1.TEST" },
		{ "z1.test.x", false, "none" },
	};
	/* clang-format on */
	struct catalog *catalog = catalog_of_many("a.z1.test");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(apex_found(catalog, rows[i].name, rows[i].at_parent), rows[i].apex,
				 "%s", rows[i].name);
	catalog_free(catalog);
	catalog = catalog_of_many(".");
	cr_expect_str_eq(apex_found(catalog, "z63.test", false), ".");
	cr_expect_str_eq(apex_found(catalog, ".", true), ".");
	cr_expect_str_eq(apex_found(catalog, "z1.test", true), ".");
	catalog_free(catalog);
}
