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

/* Also at a zone's own apex, and in any case; not where somebody else has the last word. */
Test(catalog, index_of_names)
{
	static const char parent[] = "@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\ncut NS a\n"
				     "glue.cut A 192.0.2.1\nd DNAME a\nb.c A 192.0.2.1\n"
				     "* A 192.0.2.1\nx.sub A 192.0.2.1\n";
	/* clang-format off */
	static const struct { const char *name, *node, *apex; } rows[] = {
		{ "p.test", "p.test", "p.test" },
		{ "A.P.Test", "a.p.test", "p.test" },
		{ "b.c.p.test", "b.c.p.test", "p.test" },
		{ "c.p.test, which has no records", "c.p.test", "p.test" },
		{ "d.p.test", "d.p.test", "p.test" },
		{ "*.p.test", "*.p.test", "p.test" },
		{ "sub.p.test", "sub.p.test", "sub.p.test" },
		{ "a.sub.p.test", NULL, NULL },
		{ "x.sub.p.test", NULL, NULL },
		{ "cut.p.test", NULL, NULL },
		{ "glue.cut.p.test", NULL, NULL },
		{ "x.d.p.test", NULL, NULL },
		{ "wild.p.test", NULL, NULL },
		{ "test", NULL, NULL },
		{ ".", NULL, NULL },
	};
	/* clang-format on */
	struct zone **zones = xcalloc(2, sizeof(struct zone *));
	char text[DNS_NAME_TEXT_SIZE], name[64];
	struct conf_error err = { 0 };
	struct catalog *catalog;

	zones[0] = fixture_zone_load("p.test", parent);
	zones[1] = fixture_zone_load("sub.p.test", "@ SOA a b 1 2 3 4 5\n@ NS a.p.test.\n");
	catalog = catalog_new(
		fixture_conf_load("{'version':1,'listen':['::1'],'zones':[{'name':'p.test',"
				  "'file':'x'},{'name':'sub.p.test','file':'x'}]}",
				  &err),
		zones, &err);
	cr_assert(catalog);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct zone_index_entry *entry;
		uint8_t wire[DNS_NAME_MAX];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rows[i].name, ","), rows[i].name);
		entry = zone_index_find(catalog->index, wire, dns_name_parse(wire, name));
		cr_expect_eq(!entry, !rows[i].node, "%s", rows[i].name);
		if (!entry || !rows[i].node)
			continue;
		cr_expect_str_eq(dns_name_format(entry->node->name, text), rows[i].node);
		cr_expect_str_eq(dns_name_format(zone_apex(entry->zone)->name, text), rows[i].apex);
	}
	catalog_free(catalog);
}
