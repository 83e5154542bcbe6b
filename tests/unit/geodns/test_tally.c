/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "tests/support/geodns_fixture.h"

#define TARGET(pop, addr) "{'pop':'" pop "','a':['" addr "']}"

static struct geodns_conf *conf_with(const char *names)
{
	struct conf_error err = { 0 };
	char *text = xasprintf("{'version':1,'listen':['127.0.0.1:53','[::1]:53'],'threads':2,"
			       "'zones':[{'name':'lab.test','file':'z'}],"
			       "'pops':[{'name':'fra','at':[50,8]},{'name':'nyc','at':[40,-74]},"
			       "{'name':'sin','at':[1,103]}],'names':[%s]}",
			       names),
	     buf[400];
	struct geodns_conf *conf = fixture_conf_load(text, &err);

	cr_assert(conf, "%s", conf_error_format(&err, buf, sizeof(buf)));
	free(text);
	return conf;
}

Test(tally, rows_add_up)
{
	struct geodns_conf *conf =
		conf_with("{'name':'a.lab.test','when_all_down':{'a':['10.0.0.9']},'pops':[" TARGET(
			"fra",
			"10.0.0.1") "," TARGET("nyc",
					       "10.0.0.2") "]},"
							   "{'name':'b.lab.test','pops':[" TARGET(
								   "sin", "10.0.0.3") "]}");
	const struct geo_name *a = &conf->names[0], *b = &conf->names[1];
	struct tally *t = tally_new(conf);

	cr_expect_eq(tally_writers(conf), 6,
		     "two threads for each of two addresses, and two for TCP");
	for (unsigned writer = 0; writer < 5; writer++) {
		for (unsigned i = 0; i <= writer; i++)
			tally_add(t, writer, a, &a->targets[1]);
		tally_add(t, writer, b, &b->targets[0]);
	}
	tally_add(t, 4, a, &a->resort);
	cr_expect_eq(tally_sum(t, a, 0), 0);
	cr_expect_eq(tally_sum(t, a, 1), 15);
	cr_expect_eq(tally_sum(t, a, 2), 1, "last resort");
	cr_expect_eq(tally_sum(t, b, 0), 5);
	cr_expect_eq(tally_sum(t, b, 1), 0);
	tally_free(t);
	geodns_conf_free(conf);
}

Test(tally, what_is_still_there_is_inherited)
{
	struct geodns_conf *before = conf_with(
		"{'name':'a.lab.test','pops':[" TARGET("fra", "10.0.0.1") "," TARGET("nyc", "10.0.0.2") "]},{'name':'gone.lab.test','pops':[" TARGET(
			"sin", "10.0.0.3") "]},"
					   "{'name':'c.lab.test','pops':[" TARGET("sin",
										  "10.0.0.3") "]}");
	struct geodns_conf *after = conf_with("{'name':'C.lab.test','pops':[" TARGET(
		"sin",
		"10.0.0.3") "]},"
			    "{'name':'new.lab.test','pops':[" TARGET(
				    "sin",
				    "10.0.0.3") "]},"
						"{'name':'a.lab.test','pops':[" TARGET(
							"nyc",
							"10.0.0.2") "," TARGET("sin",
									       "10.0.0.3") "]}");
	struct tally *old = tally_new(before), *new = tally_new(after);

	for (unsigned i = 0; i < 3; i++) {
		tally_add(old, i, &before->names[0], &before->names[0].targets[0]);
		tally_add(old, i, &before->names[0], &before->names[0].targets[1]);
		tally_add(old, i, &before->names[1], &before->names[1].targets[0]);
		tally_add(old, i, &before->names[2], &before->names[2].targets[0]);
	}
	tally_inherit(new, old, (const size_t[]){ 2, SIZE_MAX, 0 });
	tally_free(old);
	geodns_conf_free(before);
	tally_add(new, 0, &after->names[2], &after->names[2].targets[0]);
	cr_expect_eq(tally_sum(new, &after->names[0], 0), 3, "c, in other case");
	cr_expect_eq(tally_sum(new, &after->names[1], 0), 0, "new");
	cr_expect_eq(tally_sum(new, &after->names[2], 0), 4, "a, nyc");
	cr_expect_eq(tally_sum(new, &after->names[2], 1), 0, "a, sin");
	tally_free(new);
	geodns_conf_free(after);
}
