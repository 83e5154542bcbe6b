/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/xdp/table.h"
#include "tests/support/geodns_fixture.h"

/* names: the part of the configuration that a test is about. */
static struct catalog *catalog_of(const char *listen, const char *names, const char *more)
{
	char *text = xasprintf(
		"{'version':1,'listen':[%s],"
		"'zones':[{'name':'lab.test','file':'lab'},{'name':'sub.lab.test','file':'sub'}],"
		"'pops':[{'name':'fra','at':[50.1,8.7]},{'name':'nyc','at':[40.7,-74.0]},"
		"{'name':'off','at':[1.0,1.0],'dial':0},{'name':'half','at':[1.0,1.0],'dial':50}],"
		"'regions':{'eu':{'networks':['100.64.0.0/16']}},"
		"'checks':{'c':{'type':'tcp','port':80,'interval_ms':1000,'timeout_ms':1000}},"
		"'names':[%s]%s}",
		listen, names, more);
	struct catalog *catalog = fixture_catalog_of(text, "");

	free(text);
	return catalog;
}

#define LISTEN	"'192.0.2.53:53','[2001:db8::53]:5353'"
#define CHECKED ",'check':'c','address':'10.0.0.1'"
#define TWO	"'pops':[{'pop':'fra','a':['192.0.2.1']},{'pop':'nyc','a':['192.0.2.2']}]"

/* clang-format off */
static const struct {
	const char *what, *name;
	bool is_answered;
} name_rows[] = {
	{ "nearest", "{'name':'x.lab.test'," TWO "}", true },
	{ "failover", "{'name':'x.lab.test','policy':'failover'," TWO "}", true },
	{ "wildcard", "{'name':'*.x.lab.test'," TWO "}", true },
	{ "apex", "{'name':'lab.test'," TWO "}", true },
	{ "weighted", "{'name':'x.lab.test','policy':'weighted'," TWO "}", false },
	{ "weighted, but alone", "{'name':'x.lab.test','policy':'weighted','pops':[{'pop':'fra','a':['192.0.2.1']}]}", true },
	{ "sticky", "{'name':'x.lab.test','policy':'sticky'," TWO "}", false },
	{ "dialled to 0", "{'name':'x.lab.test','pops':[{'pop':'fra','a':['192.0.2.1']},{'pop':'off','a':['192.0.2.2']}]}", true },
	{ "dialled to 50", "{'name':'x.lab.test','pops':[{'pop':'fra','a':['192.0.2.1']},{'pop':'half','a':['192.0.2.2']}]}", false },
	{ "fence", "{'name':'x.lab.test'," TWO ",'fences':[{'region':'eu','pops':['fra']}]}", false },
	{ "CNAME", "{'name':'x.lab.test','pops':[{'pop':'fra','cname':'ns1.lab.test'}]}", false },
	{ "eight records", "{'name':'x.lab.test','pops':[{'pop':'fra','a':['192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4','192.0.2.5','192.0.2.6','192.0.2.7','192.0.2.8']}]}", true },
	{ "nine records of two PoPs", "{'name':'x.lab.test','answers':2,'pops':[{'pop':'fra','a':['192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4']},{'pop':'nyc','a':['192.0.2.5','192.0.2.6','192.0.2.7','192.0.2.8','192.0.2.9']}]}", false },
	{ "64 octets", "{'name':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.lab.test'," TWO "}", true },
	{ "65 octets", "{'name':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.lab.test'," TWO "}", false },
};
/* clang-format on */

Test(xdp_table, which_names_are_answered)
{
	static const char other[] = ",{'name':'other.lab.test'," TWO "}";

	for (size_t i = 0; i < sizeof(name_rows) / sizeof(name_rows[0]); i++) {
		char *names = xasprintf("%s%s", name_rows[i].name, other);
		struct catalog *catalog = catalog_of(LISTEN, names, "");
		struct snapshot *snap = snapshot_new(catalog, NULL);
		const char *why;
		struct xdp_table *table = xdp_table_new(snap, 2, 1, &why);

		cr_assert_not_null(table, "%s", name_rows[i].what);
		cr_expect_eq(xdp_table_answered(table), name_rows[i].is_answered + 1u, "%s",
			     name_rows[i].what);
		cr_expect_eq(xdp_table_first_target(table, 0) >= 0, name_rows[i].is_answered, "%s",
			     name_rows[i].what);
		xdp_table_free(table);
		free(snap);
		catalog_free(catalog);
		free(names);
	}
}

static const struct {
	const char *what, *listen, *names, *more, *why;
} off_rows[] = {
	{ "any address", "'0.0.0.0:53','[::]:53'", "{'name':'x.lab.test'," TWO "}", "",
	  "listen has no address but unspecified ones" },
	{ "no name", LISTEN, "", "", "no name that it could answer" },
	{ "only names of user space", LISTEN, "{'name':'x.lab.test','policy':'sticky'," TWO "}", "",
	  "no name that it could answer" },
};

Test(xdp_table, off_where_it_cannot_be)
{
	for (size_t i = 0; i < sizeof(off_rows) / sizeof(off_rows[0]); i++) {
		struct catalog *catalog =
			catalog_of(off_rows[i].listen, off_rows[i].names, off_rows[i].more);
		struct snapshot *snap = snapshot_new(catalog, NULL);
		const char *why;

		cr_expect_null(xdp_table_new(snap, 2, 1, &why), "%s", off_rows[i].what);
		cr_expect_str_eq(why, off_rows[i].why, "%s: %s", off_rows[i].what, why);
		free(snap);
		catalog_free(catalog);
	}
}

static const struct xdp_set *sets_of(const struct xdp_table *table)
{
	return xdp_table_array(table, XDP_ARRAY_sets).data;
}

/* Names that decide alike share a set; a verdict changes those that it decides for, no others. */
Test(xdp_table, a_verdict_is_one_store)
{
	struct catalog *catalog =
		catalog_of(LISTEN,
			   "{'name':'a.lab.test','pops':[{'pop':'fra','a':['192.0.2.1']" CHECKED
			   "},{'pop':'nyc','a':['192.0.2.2']}]},"
			   "{'name':'b.lab.test','pops':[{'pop':'fra','a':['192.0.2.3']" CHECKED
			   "},{'pop':'nyc','a':['192.0.2.4']}]},"
			   "{'name':'c.lab.test','pops':[{'pop':'nyc','a':['192.0.2.5']}]}",
			   "");
	uint8_t health[] = { HEALTH_UP }, pops[4] = { GEO_POP_AUTO };
	const struct snapshot_state state = { .health = health, .pops = pops };
	struct snapshot *snap = snapshot_new(catalog, &state);
	const char *why;
	struct xdp_table *table = xdp_table_new(snap, 2, 1, &why);
	const struct xdp_set *sets = sets_of(table);

	cr_assert_eq(catalog->conf->check_count, 1);
	cr_expect_eq(xdp_table_array(table, XDP_ARRAY_sets).elements, 2);
	cr_expect_eq(sets[0].mask, 3);
	cr_expect_eq(sets[1].mask, 1);
	cr_expect_eq(xdp_table_update(table, snap), 0, "nothing has changed");
	free(snap);

	health[0] = HEALTH_DOWN;
	snap = snapshot_new(catalog, &state);
	cr_expect_eq(xdp_table_update(table, snap), 1);
	cr_expect_eq(sets[0].mask, 2);
	cr_expect_eq(sets[1].mask, 1);
	free(snap);

	pops[1] = GEO_POP_DOWN; /* all down: then any */
	snap = snapshot_new(catalog, &state);
	cr_expect_eq(xdp_table_update(table, snap), 2);
	cr_expect_eq(sets[0].mask, 3);
	cr_expect_eq(sets[1].mask, 1);
	free(snap);
	xdp_table_free(table);
	catalog_free(catalog);
}

/* 100 000 names are all found where the program looks for them: in one bucket. */
Test(xdp_table, a_bucket_for_each_name)
{
	enum { COUNT = 20000 };
	char *names = xstrdup(""), *next;
	struct catalog *catalog;
	struct snapshot *snap;
	struct xdp_table *table;
	const struct xdp_bucket *buckets;
	const char *why;
	size_t found = 0;
	FILE *out;
	size_t len;

	free(names);
	out = open_memstream(&names, &len);
	for (unsigned i = 0; i < COUNT; i++)
		fprintf(out, "%s{'name':'n%u.lab.test','pops':[{'pop':'fra','a':['192.0.2.1']}]}",
			i ? "," : "", i);
	fclose(out);
	catalog = catalog_of(LISTEN, names, "");
	snap = snapshot_new(catalog, NULL);
	table = xdp_table_new(snap, 2, 1, &why);
	cr_assert_not_null(table);
	next = xcalloc(COUNT, 1);
	buckets = xdp_table_array(table, XDP_ARRAY_buckets).data;
	for (size_t i = 0; i <= xdp_table_settings(table)->bucket_mask; i++) {
		for (unsigned k = 0; k < XDP_SLOTS; k++) {
			const uint32_t name = buckets[i].slots[k].name;

			if (name == 0 || name > COUNT)
				continue;
			cr_expect_eq(next[name - 1], 0);
			next[name - 1] = 1;
			found++;
			for (unsigned m = 0; m < k; m++)
				cr_expect_neq(buckets[i].slots[m].tag, buckets[i].slots[k].tag);
		}
	}
	cr_expect_eq(found, COUNT);
	free(next);
	xdp_table_free(table);
	free(snap);
	catalog_free(catalog);
	free(names);
}
