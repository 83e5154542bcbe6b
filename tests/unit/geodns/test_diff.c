/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <time.h>

#include "geodns/diff.h"
#include "tests/support/geodns_fixture.h"

#define ZONES                                                                                      \
	"'zones':[{'name':'lab.test','file':'lab'},"                                               \
	"{'name':'sub.lab.test','file':'sub'}]"
#define FRA	      "{'name':'fra','at':[50,8]}"
#define NYC	      "{'name':'nyc','at':[40,-74]}"
#define SIN	      "{'name':'sin','at':[1,103]}"
#define AT	      "'default_at':[50,8]"
#define AMERICA	      "{'prefix':'128.0.0.0/2','at':[41,-87]}"
#define ASIA	      "{'prefix':'64.0.0.0/4','at':[2,100]}"
#define T(pop, octet) "{'pop':'" pop "','a':['10.0.0." octet "']}"
#define ALL	      T("fra", "1") "," T("nyc", "2") "," T("sin", "3")

static struct catalog *load(const char *places, const char *names)
{
	char *text = xasprintf("{'version':1,'listen':['::1']," ZONES ",%s,'names':[%s]}", places,
			       names);
	struct catalog *catalog = fixture_catalog_of(text, "");

	free(text);
	return catalog;
}

static char *diff_of(const char *old_places, const char *old_names, const char *places,
		     const char *names)
{
	struct catalog *old = load(old_places, old_names), *next = load(places, names);
	json_t *diff = geodns_diff(old, next);
	char *text = geodns_diff_text(diff);

	json_decref(diff);
	catalog_free(old);
	catalog_free(next);
	return text;
}

Test(geodns_diff, moves)
{
	/* clang-format off */
	static const struct { const char *what, *old_places, *old_names, *places, *names, *text; } rows[] = {
		{ "the same", "'pops':[" FRA "," NYC "]," AT, "{'name':'a.lab.test','pops':[" T("fra", "1") "," T("nyc", "2") "]}",
		  "'pops':[" FRA "," NYC "]," AT, "{'name':'a.lab.test','pops':[" T("fra", "1") "," T("nyc", "2") "]}", "nobody moves" },
		{ "everybody", "'pops':[" FRA "," NYC "]," AT, "{'name':'a.lab.test','policy':'failover','pops':[" T("fra", "1") "," T("nyc", "2") "]}",
		  "'pops':[" FRA "," NYC "]," AT, "{'name':'a.lab.test','policy':'failover','pops':[" T("nyc", "2") "," T("fra", "1") "]}",
		  "a.lab.test: 100 % of IPv4 (1 network), 100 % of IPv6 (1 network)\n"
		  "  fra -> nyc: 100 % of IPv4 (1 network), 100 % of IPv6 (1 network)" },
		{ "PoPs in another order, and a name of one only", "'pops':[" FRA "," NYC "]," AT, "{'name':'a.lab.test','pops':[" T("fra", "1") "]}",
		  "'pops':[" NYC "," FRA "]," AT, "{'name':'a.lab.test','pops':[" T("fra", "9") "]}", "nobody moves" },
		{ "a PoP that is there no more", "'pops':[" SIN "," FRA "]," AT, "{'name':'a.lab.test','pops':[" T("sin", "1") "]}",
		  "'pops':[" FRA "]," AT, "{'name':'a.lab.test','pops':[" T("fra", "1") "]}",
		  "a.lab.test: 100 % of IPv4 (1 network), 100 % of IPv6 (1 network)\n"
		  "  sin -> fra: 100 % of IPv4 (1 network), 100 % of IPv6 (1 network)" },
		{ "names come and go", "'pops':[" FRA "]," AT, "{'name':'a.lab.test','pops':[" T("fra", "1") "]}",
		  "'pops':[" FRA "]," AT, "{'name':'b.lab.test','pops':[" T("fra", "1") "]}",
		  "b.lab.test: new\na.lab.test: removed" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = diff_of(rows[i].old_places, rows[i].old_names, rows[i].places,
				     rows[i].names);

		cr_expect_str_eq(text, rows[i].text, "%s:\n%s", rows[i].what, text);
		free(text);
	}
}

static double share(const json_t *diff, const char *from, const char *to)
{
	const json_t *names = json_object_get(diff, "names"), *move;
	size_t i;

	json_array_foreach (json_object_get(json_array_get(names, 0), "moves"), i, move) {
		const json_t *a = json_array_get(json_object_get(move, "from"), 0);
		const json_t *b = json_array_get(json_object_get(move, "to"), 0);

		if (strcmp(json_string_value(a), from) == 0 &&
		    strcmp(json_string_value(b), to) == 0)
			return json_real_value(
				json_object_get(json_object_get(move, "ipv4"), "share"));
	}
	return 0;
}

/* One more network, in what was answered as the default. */
Test(geodns_diff, places)
{
	struct catalog *old =
		load("'pops':[" FRA "," NYC "," SIN "]," AT ",'networks':[" AMERICA "]",
		     "{'name':'a.lab.test','pops':[" ALL "]}");
	struct catalog *next =
		load("'pops':[" FRA "," NYC "," SIN "]," AT ",'networks':[" AMERICA "," ASIA "]",
		     "{'name':'a.lab.test','pops':[" ALL "]}");
	json_t *diff = geodns_diff(old, next);
	double moved = share(diff, "fra", "sin");
	uint64_t networks = 0;

	/* A sixteenth, and a little more as private addresses are not counted. */
	cr_expect(fabs(moved - 1 / 16.0) < 0.01, "%g", moved);
	cr_expect_eq(share(diff, "nyc", "sin"), 0);
	networks = (uint64_t)json_integer_value(json_object_get(
		json_object_get(json_array_get(json_object_get(diff, "names"), 0), "ipv4"),
		"networks"));
	cr_expect_eq(networks, 1);
	json_decref(diff);
	catalog_free(old);
	catalog_free(next);
}

/* From 1:1 to 1:3: a quarter of all moves, all of it to the one that has got more. */
Test(geodns_diff, draws)
{
#define W(pop, octet, weight) "{'pop':'" pop "','a':['10.0.0." octet "'],'weight':" weight "}"
	struct catalog *old = load("'pops':[" FRA "," NYC "]," AT,
				   "{'name':'a.lab.test','policy':'weighted','pops':[" W(
					   "fra", "1", "1") "," W("nyc", "2", "1") "]}");
	struct catalog *next = load("'pops':[" FRA "," NYC "]," AT,
				    "{'name':'a.lab.test','policy':'weighted','pops':[" W(
					    "fra", "1", "1") "," W("nyc", "2", "3") "]}");
	json_t *diff = geodns_diff(old, next);

	cr_expect(fabs(share(diff, "fra", "nyc") - 0.25) < 0.02, "%g", share(diff, "fra", "nyc"));
	cr_expect_eq(share(diff, "nyc", "fra"), 0);
	json_decref(diff);
	catalog_free(old);
	catalog_free(next);
}

/* Two thousand of them took seven seconds, with 16384 draws for each. */
Test(geodns_diff, names_that_stay_cost_nothing)
{
	const unsigned count = 2000;
	clock_t begun;
	char *names = NULL, *text;
	size_t size;
	FILE *out = open_memstream(&names, &size);

	for (unsigned i = 0; i < count; i++)
		fprintf(out, "{'name':'n%u.lab.test','policy':'sticky','pops':[" ALL "]},", i);
	fprintf(out, "{'name':'x.lab.test','policy':'sticky','pops':[" ALL "]}");
	fclose(out);
	begun = clock();
	text = diff_of("'pops':[" FRA "," NYC "," SIN "]," AT, names,
		       "'pops':[" SIN "," FRA "," NYC "]," AT, names);
	cr_expect_str_eq(text, "nobody moves");
	cr_expect_lt(clock() - begun, 2 * CLOCKS_PER_SEC);
	free(text);
	/* A dial is no longer what it was. */
	text = diff_of("'pops':[" FRA "," NYC "]," AT,
		       "{'name':'a.lab.test','policy':'sticky','pops':[" T("fra", "1") "," T(
			       "nyc", "2") "]}",
		       "'pops':[{'name':'fra','at':[50,8],'dial':0}," NYC "]," AT,
		       "{'name':'a.lab.test','policy':'sticky','pops':[" T("fra", "1") "," T(
			       "nyc", "2") "]}");
	cr_expect(strstr(text, "fra -> nyc: "), "%s", text);
	free(text);
	free(names);
}
