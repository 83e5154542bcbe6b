/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/api.h"
#include "tests/support/openapi_routes.h"

Test(testbed_api, routes_are_documented)
{
	openapi_routes_expect(api_routes, "docs/api/testbed.yaml");
}

struct told {
	const char *what;
	const char *event;
	const char *kind; /* NULL: it is none */
	const char *fields;
};

/* clang-format off */
static const struct told told[] = {
	{ "as it is", "{\"t_ns\":7,\"kind\":\"node\",\"node\":\"fra\",\"up\":true}", "node",
	  "{\"lab\":\"a\",\"node\":\"fra\",\"up\":true}" },
	{ "an id is a fault's", "{\"t_ns\":7,\"kind\":\"fault\",\"id\":2}", "fault",
	  "{\"fault\":2,\"lab\":\"a\"}" },
	{ "a lab does not speak for another", "{\"t_ns\":7,\"kind\":\"x\",\"lab\":\"b\"}", "x",
	  "{\"lab\":\"a\"}" },
	{ "no kind", "{\"t_ns\":7}", NULL, NULL },
	{ "a kind that is no text", "{\"t_ns\":7,\"kind\":1}", NULL, NULL },
	{ "an empty kind", "{\"t_ns\":7,\"kind\":\"\"}", NULL, NULL },
};
/* clang-format on */

Test(testbed_api, what_labs_tell)
{
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		json_t *event = json_loads(told[i].event, 0, NULL), *fields;
		struct instant at = { 0 };
		const char *kind;
		char *text;

		fields = feed_event_fields(event, "a", &kind, &at);
		cr_assert_eq(fields != NULL, told[i].kind != NULL, "%s", told[i].what);
		if (fields) {
			text = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
			cr_expect_str_eq(kind, told[i].kind, "%s", told[i].what);
			cr_expect_str_eq(text, told[i].fields, "%s: %s", told[i].what, text);
			cr_expect_eq(at.ns, 7, "%s", told[i].what);
			free(text);
		}
		json_decref(fields);
		json_decref(event);
	}
}

/* Whoever tells no time tells it now. */
Test(testbed_api, an_event_without_a_time)
{
	json_t *event = json_pack("{s:s, s:s}", "kind", "x", "t_ns", "soon"), *fields;
	struct instant at = { 0 };
	const char *kind;

	fields = feed_event_fields(event, "a", &kind, &at);
	cr_assert_not_null(fields);
	cr_expect_gt(at.ns, 0);
	json_decref(fields);
	json_decref(event);
}
