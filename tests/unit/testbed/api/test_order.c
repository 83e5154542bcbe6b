/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/order.h"

#include <criterion/criterion.h>
#include <string.h>

/* The test's binary is not in build/bin, so that nothing shipped is found: the file is read. */
static json_t *body_of(const char *text)
{
	json_t *body = json_loads(text, 0, NULL), *scenario;

	cr_assert_not_null(body, "%s", text);
	if (json_is_true(json_object_get(body, "scenario"))) {
		scenario = json_load_file("testbed/scenarios/quick.json", 0, NULL);
		cr_assert_not_null(scenario);
		json_object_set_new(body, "scenario", scenario);
	}
	return body;
}

struct good {
	const char *what, *body;
	bool with_trials;
	const char *default_lab;
	const char *lab, *runtime;
	unsigned trials;
	bool has_seed;
	int64_t seed;
};

/* clang-format off */
static const struct good good[] = {
	{ "nothing else", "{\"scenario\":true}", true, NULL, "quick", "docker", 1, false, 0 },
	{ "a lab for all", "{\"scenario\":true}", true, "one", "one", "docker", 1, false, 0 },
	{ "a lab of its own", "{\"scenario\":true,\"lab\":\"A.b_c-1\"}", true, "one", "A.b_c-1", "docker",
	  1, false, 0 },
	{ "everything",
	  "{\"scenario\":true,\"lab\":\"x\",\"runtime\":\"compose\",\"trials\":10000,"
	  "\"seed\":9223372036854775807}", true, NULL, "x", "compose", 10000, true, INT64_MAX },
	{ "seed zero", "{\"scenario\":true,\"seed\":0}", true, NULL, "quick", "docker", 1, true, 0 },
	{ "a lab without a run", "{\"scenario\":true,\"seed\":3}", false, NULL, "quick", "docker", 1,
	  true, 3 },
};

static const struct {
	const char *what, *body;
	bool with_trials;
	int status;
	const char *pointer;
} bad[] = {
	{ "no scenario", "{}", true, 422, "/scenario" },
	{ "a scenario of a wrong type", "{\"scenario\":7}", true, 422, "/scenario" },
	{ "null", "{\"scenario\":null}", true, 422, "/scenario" },
	{ "a path", "{\"scenario\":\"testbed/scenarios/quick.json\"}", true, 422, "/scenario" },
	{ "an absolute path", "{\"scenario\":\"/etc/passwd\"}", true, 422, "/scenario" },
	{ "a way up", "{\"scenario\":\"..\"}", true, 422, "/scenario" },
	{ "no name", "{\"scenario\":\"\"}", true, 422, "/scenario" },
	{ "an unknown key", "{\"scenario\":true,\"x\":1}", true, 422, "/x" },
	{ "trials where none are", "{\"scenario\":true,\"trials\":1}", false, 422, "/trials" },
	{ "no trials", "{\"scenario\":true,\"trials\":0}", true, 422, "/trials" },
	{ "too many trials", "{\"scenario\":true,\"trials\":10001}", true, 422, "/trials" },
	{ "half a trial", "{\"scenario\":true,\"trials\":1.5}", true, 422, "/trials" },
	{ "a negative seed", "{\"scenario\":true,\"seed\":-1}", true, 422, "/seed" },
	{ "a seed as text", "{\"scenario\":true,\"seed\":\"1\"}", true, 422, "/seed" },
	{ "another runtime", "{\"scenario\":true,\"runtime\":\"vm\"}", true, 422, "/runtime" },
	{ "a lab above", "{\"scenario\":true,\"lab\":\"../x\"}", true, 422, "/lab" },
	{ "a hidden lab", "{\"scenario\":true,\"lab\":\".x\"}", true, 422, "/lab" },
	{ "a lab without a name", "{\"scenario\":true,\"lab\":\"\"}", true, 422, "/lab" },
	{ "a lab like an option", "{\"scenario\":true,\"lab\":\"-x\"}", true, 422, "/lab" },
	{ "a lab of two words", "{\"scenario\":true,\"lab\":\"a b\"}", true, 422, "/lab" },
	{ "a lab of two lines", "{\"scenario\":true,\"lab\":\"a\\nb\"}", true, 422, "/lab" },
	{ "a lab that is no ASCII", "{\"scenario\":true,\"lab\":\"\\u00fc\"}", true, 422, "/lab" },
	{ "a lab of a wrong type", "{\"scenario\":true,\"lab\":[]}", true, 422, "/lab" },
	{ "a scenario's own mistake", "{\"scenario\":{\"version\":2}}", true, 422,
	  "/scenario/version" },
	{ "deep in a scenario",
	  "{\"scenario\":{\"version\":1,\"name\":\"x\",\"networks\":[{\"name\":\"t1\",\"asn\":1,"
	  "\"at\":\"Nowhere\"}]}}", true, 422, "/scenario/networks/0/at" },
};
/* clang-format on */

static const struct order_defaults defaults = { .runtime = "docker" };

Test(order, what_is_asked_for)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct order_defaults def = { "docker", good[i].default_lab };
		json_t *body = body_of(good[i].body);
		struct http_reply reply = { 0 };
		struct order order;
		int status = 0;

		cr_assert(order_load(&order, body, good[i].with_trials, &def, &reply, &status),
			  "%s", good[i].what);
		cr_expect_str_eq(order.lab, good[i].lab, "%s", good[i].what);
		cr_expect_str_eq(order.runtime, good[i].runtime, "%s", good[i].what);
		cr_expect_eq(order.trials, good[i].trials, "%s", good[i].what);
		cr_expect_eq(order.has_seed, good[i].has_seed, "%s", good[i].what);
		cr_expect_eq(order.seed, good[i].seed, "%s", good[i].what);
		cr_expect_str_eq(order.scenario->name, "quick");
		order_fini(&order);
		json_decref(body);
	}
}

Test(order, what_is_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *body = body_of(bad[i].body);
		struct http_reply reply = { 0 };
		struct order order;
		int status = 0;

		cr_assert_not(
			order_load(&order, body, bad[i].with_trials, &defaults, &reply, &status),
			"%s", bad[i].what);
		cr_expect_eq(status, bad[i].status, "%s", bad[i].what);
		cr_expect_str_eq(json_string_value(json_object_get(reply.json, "pointer")),
				 bad[i].pointer, "%s", bad[i].what);
		http_reply_fini(&reply);
		json_decref(body);
	}
}

Test(order, nothing_at_all)
{
	struct http_reply reply = { 0 };
	struct order order;
	int status = 0;

	cr_expect_not(order_load(&order, NULL, true, &defaults, &reply, &status));
	cr_expect_eq(status, 400);
	http_reply_fini(&reply);
}
