/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "tests/support/geodns_fixture.h"

#define HEAD	   "'version':1,'listen':['127.0.0.1:53'],'zones':[{'name':'lab.test','file':'z'}]"
#define POPS	   "'pops':[{'name':'fra','at':[50,8]},{'name':'nyc','at':[40,-74]}]"
#define CHECKS	   "'checks':{'c':{'type':'http','port':80},'t':{'type':'tcp','port':80}}"
#define NAME(pops) HEAD "," POPS "," CHECKS ",'names':[{'name':'a.lab.test','pops':[" pops "]}]"
#define FRA	   "{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9'}"

Test(geodns_conf, mistakes_have_a_path)
{
	/* clang-format off */
	static const struct { const char *what, *text, *error; } rows[] = {
		{ "smallest", HEAD, NULL },
		{ "no version", "'listen':['127.0.0.1'],'zones':[{'name':'.','file':'z'}]", "version: required" },
		{ "unknown key", HEAD ",'x':1", "x: unknown key" },
		{ "nothing to listen on", "'version':1,'listen':[],'zones':[{'name':'.','file':'z'}]", "listen: needs at least 1 item" },
		{ "bad address", "'version':1,'listen':['x'],'zones':[{'name':'.','file':'z'}]", "listen[0]: 'x' is not an address and port" },
		{ "listen twice", "'version':1,'listen':['127.0.0.1:53','127.0.0.1'],'zones':[{'name':'.','file':'z'}]", "listen[1]: '127.0.0.1' is there twice" },
		{ "zone twice", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z'},{'name':'A.','file':'y'}]", "zones[1]: zone 'A.' is there twice" },
		{ "zone's name", "'version':1,'listen':['::1'],'zones':[{'name':'a..b','file':'z'}]", "zones[0].name: 'a..b' is not a domain name" },
		{ "threads", HEAD ",'threads':0", "threads: 0 is not between 1 and 64" },
		{ "pop twice", HEAD ",'pops':[{'name':'a','at':[0,0]},{'name':'a','at':[0,0]}]", "pops[1]: pop 'a' is there twice" },
		{ "place", HEAD ",'pops':[{'name':'a','at':[91,0]}]", "pops[0].at" },
		{ "bits behind the prefix", HEAD ",'networks':[{'prefix':'10.0.0.1/8','at':[0,0]}]", "networks[0].prefix: " },
		{ "network twice", HEAD ",'networks':[{'prefix':'10.0.0.0/8','at':[0,0]},{'prefix':'10.0.0.0/8','at':[1,0]}]", "networks[1]: the same prefix as networks[0]" },
		{ "unused check is read too", HEAD ",'checks':{'c':{'type':'icmp','port':80}}", "checks.c.type: unknown value 'icmp'" },
		{ "address in a check", HEAD ",'checks':{'c':{'type':'tcp','port':80,'address':'10.0.0.1'}}", "checks.c.address: belongs to" },
		{ "geographic name", NAME(FRA), NULL },
		{ "no pops", HEAD ",'names':[{'name':'a.lab.test','pops':[]}]", "names[0].pops: needs at least 1 item" },
		{ "unknown pop", NAME(FRA ",{'pop':'xx','a':['10.0.0.2']}"), "names[0].pops[1].pop: unknown pop 'xx'" },
		{ "pop twice in a name", NAME(FRA "," FRA), "names[0].pops[1]: pop 'fra' is there twice" },
		{ "unknown check", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'x','address':'10.0.0.9'}"), "names[0].pops[0].check: unknown check 'x'" },
		{ "check without address", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c'}"), "names[0].pops[0].address: required" },
		{ "address without check", NAME("{'pop':'fra','a':['10.0.0.1'],'address':'10.0.0.9'}"), "names[0].pops[0].address: means nothing without a check" },
		{ "path that ends the request line", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9','path':'/ x'}"), "names[0].pops[0].path: '/ x' is not a path" },
		{ "empty host", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9','host':''}"), "names[0].pops[0].host: '' is not a host" },
		{ "empty match", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9','match':''}"), "names[0].pops[0].match: a text to look for" },
		{ "path for tcp", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'t','address':'10.0.0.9','path':'/'}"), "names[0].pops[0]: check 't' is of type tcp" },
		{ "no address to answer", NAME("{'pop':'fra'}"), "names[0].pops[0]: has neither a nor aaaa" },
		{ "a of the other family", NAME("{'pop':'fra','a':['::1']}"), "names[0].pops[0].a[0]: is not an IPv4 address" },
		{ "families differ", NAME(FRA ",{'pop':'nyc','aaaa':['::1']}"), "names[0].pops[1]: must have a only, as pops[0] has" },
		{ "policy", HEAD "," POPS ",'names':[{'name':'a.lab.test','policy':'far','pops':[" FRA "]}]", "names[0].policy: unknown value 'far'" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };
		char *text = xasprintf("{%s}", rows[i].text), buf[400];
		struct geodns_conf *conf = fixture_conf_load(text, &err);

		cr_expect_eq(conf != NULL, rows[i].error == NULL, "%s", rows[i].what);
		conf_error_format(&err, buf, sizeof(buf));
		if (rows[i].error)
			cr_expect(strncmp(buf, rows[i].error, strlen(rows[i].error)) == 0, "%s: %s",
				  rows[i].what, buf);
		else
			cr_expect(!err.set, "%s: %s", rows[i].what, buf);
		geodns_conf_free(conf);
		free(text);
	}
}

Test(geodns_conf, the_example_is_complete)
{
	struct conf_error err = { 0 };
	char buf[400];
	struct geodns_conf *conf = geodns_conf_read("docs/example/geodns.json", &err);
	struct catalog *catalog;

	cr_assert(conf, "%s", conf_error_format(&err, buf, sizeof(buf)));
	cr_expect_eq(conf->check_count, 3);
	cr_expect_str_eq(conf->checks[1].spec.path, "/verdict/geodns30");
	cr_expect_str_eq(conf->checks[1].spec.match, "\"pop\":\"nyc\"");
	cr_expect_eq(conf->checks[1].spec.target.port, 8053);
	catalog = catalog_load(conf, "docs/example", &err);
	cr_assert(catalog, "%s", conf_error_format(&err, buf, sizeof(buf)));
	catalog_free(catalog);
}

Test(geodns_conf, same_question_is_asked_once)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load(fixture_conf, &err);

	cr_assert(conf);
	cr_expect_eq(conf->check_count, 3, "five targets, three PoPs: %zu", conf->check_count);
	cr_expect_eq(conf->names[1].targets[1].check, conf->names[0].targets[1].check);
	geodns_conf_free(conf);
}

Test(geodns_conf, names_must_lie_in_a_zone)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load(
		"{" HEAD "," POPS
		",'names':[{'name':'a.example','pops':[{'pop':'fra','a':['10.0.0.1']}]}]}",
		&err);
	struct zone **zones = xcalloc(1, sizeof(struct zone *));
	char buf[400];

	cr_assert(conf);
	zones[0] = fixture_zone_load("lab.test", "@ SOA a b 1 2 3 4 5\n@ NS a\n");
	cr_expect_null(catalog_new(conf, zones, &err));
	cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)),
			 "names[0].name: lies in none of the zones");
}
