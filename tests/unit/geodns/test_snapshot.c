/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TTL of an answer while a verdict is about to change. */
#include <criterion/criterion.h>

#include "geodns/pop_state.h"
#include "tests/support/geodns_fixture.h"

#define POPS                                                                                       \
	"'pops':[{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.1.0.1'},"                 \
	"{'pop':'nyc','a':['10.0.0.2'],'check':'c','address':'10.1.0.2'},"                         \
	"{'pop':'sin','a':['10.0.0.3'],'check':'c','address':'10.1.0.3'},"                         \
	"{'pop':'gru','a':['10.0.0.4']}]"

static const char conf_text[] =
	"{'version':1,'listen':['::1'],'zones':[{'name':'lab.test','file':'lab'},"
	"{'name':'sub.lab.test','file':'sub'}],"
	"'pops':[{'name':'fra','at':[50,8]},{'name':'nyc','at':[40,-74]},"
	"{'name':'sin','at':[1,103]},{'name':'gru','at':[-23,-46]}],'default_at':[50,8],"
	"'checks':{'c':{'type':'tcp','port':80}},'names':["
	"{'name':'short.lab.test','ttl':300,'ttl_min':5," POPS "},"
	"{'name':'long.lab.test','ttl':300," POPS "},"
	"{'name':'two.lab.test','ttl':300,'ttl_min':5,'answers':2," POPS "},"
	"{'name':'resort.lab.test','ttl':300,'ttl_min':5,'when_all_down':{'a':['10.9.9.9']},"
	"'pops':[{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.1.0.1'}]}]}";

/* "fra:20 sin:10": the checks whose verdicts may change. */
static void changes_set(const struct geodns_conf *conf, const char *text, uint32_t *change_s)
{
	for (size_t i = 0; i < conf->check_count; i++) {
		const char *pop = conf->places.pops[conf->checks[i].pop].name;
		const char *at = strstr(text, pop);

		change_s[i] = at ? (uint32_t)strtoul(at + strlen(pop) + 1, NULL, 10) : 0;
	}
}

Test(geodns_snapshot, ttl_while_a_change_is_near)
{
	/* clang-format off */
	static const struct {
		const char *what, *name, *down, *changes, *said_pop;
		uint8_t said;
		uint32_t ttl;
	} rows[] = {
		{ "nothing near",                   "short", "", "", NULL, 0, 300 },
		{ "the one answered fails",         "short", "", "fra:20", NULL, 0, 20 },
		{ "another one fails",              "short", "", "nyc:20", NULL, 0, 300 },
		{ "sooner than ttl_min",            "short", "", "fra:1", NULL, 0, 5 },
		{ "later than ttl",                 "short", "", "fra:3000", NULL, 0, 300 },
		{ "a better one comes up",          "short", "fra", "fra:10", NULL, 0, 10 },
		{ "the nearest of several changes", "short", "fra sin", "nyc:40 fra:30 sin:20", NULL, 0, 20 },
		{ "all down, one comes up",         "short", "fra nyc sin", "sin:8", NULL, 0, 8 },
		{ "without ttl_min",                "long", "", "fra:20", NULL, 0, 300 },
		{ "one of two answered",            "two", "", "nyc:20", NULL, 0, 20 },
		{ "said to be up anyway",           "short", "", "fra:20", "fra", GEO_POP_UP, 300 },
		{ "said to be down anyway",         "short", "fra", "fra:20", "fra", GEO_POP_DOWN, 300 },
		{ "a drained one is not answered",  "short", "", "fra:20", "fra", GEO_POP_DRAIN, 300 },
		{ "the last resort's end",          "resort", "fra", "fra:20", NULL, 0, 20 },
	};
	/* clang-format on */
	struct catalog *catalog = fixture_catalog_of(conf_text, "");
	const struct geodns_conf *conf = catalog->conf;
	const struct addr client = addr_from_ipv4(0x64400001);

	cr_assert_eq(conf->check_count, 3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t health[3], pops[4] = { 0 };
		uint32_t changes[3];
		const struct snapshot_state state = { health, pops, changes };
		const struct geo_name *name = conf->names;
		struct snapshot *snap;
		uint32_t ttl;

		while (strncmp(name->text, rows[i].name, strlen(rows[i].name)) != 0)
			name++;
		fixture_health(conf, rows[i].down, health);
		changes_set(conf, rows[i].changes, changes);
		for (size_t k = 0; rows[i].said_pop && k < 4; k++)
			pops[k] = strcmp(conf->places.pops[k].name, rows[i].said_pop) == 0
					  ? rows[i].said
					  : GEO_POP_AUTO;
		snap = snapshot_new(catalog, &state);
		ttl = snapshot_choose(snap, name, &client).to.ttl;
		cr_expect_eq(ttl, rows[i].ttl, "%s: %u", rows[i].what, ttl);
		free(snap);
	}
	catalog_free(catalog);
}
