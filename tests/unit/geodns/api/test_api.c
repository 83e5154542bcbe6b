/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/api/api.h"
#include "tests/support/geodns_fixture.h"
#include "tests/support/openapi_routes.h"

/* name: asks about it for a client in Chicago. */
static int call(struct geodns *g, const char *path, const char *name, struct http_reply *reply)
{
	struct http_request req = { .method = "GET", .path = path, .query = json_object() };
	int status;

	*reply = (struct http_reply){ 0 };
	if (name)
		json_object_update_new(
			req.query, json_pack("{s:s,s:s}", "name", name, "client", "100.64.1.9"));
	status = http_dispatch(geodns_api_routes, g, &req, reply);
	json_decref(req.query);
	return status;
}

static const char *member(const struct http_reply *reply, const char *key)
{
	return json_string_value(json_object_get(reply->json, key));
}

Test(geodns_api, explain)
{
	/* clang-format off */
	static const struct { const char *what, *name, *down /* or unknown */; int status; const char *pop, *why; } rows[] = {
		{ "nearest", "u9.GEO.lab.test", "", 200, "nyc", "the nearest: it is up" },
		{ "next", "u9.geo.lab.test", "nyc", 200, "fra", "the nearest that is healthy: it is up" },
		{ "no result yet", "u9.geo.lab.test", "unknown nyc", 200, "nyc", "the nearest: its check has no result yet, which counts as healthy" },
		{ "not checked", "any.lab.test", "fra nyc sin", 200, "fra", "the nearest: nothing checks it" },
		{ "all down: all", "u9.geo.lab.test", "fra nyc sin", 200, "nyc", "the nearest: no PoP is healthy, and when_all_down is all" },
		{ "all down: none", "v4only.lab.test", "fra nyc", 200, NULL, "no PoP is healthy, and when_all_down is none" },
		{ "blocked wildcard", "exists.geo.lab.test", "", 404, NULL, NULL },
		{ "ordinary", "ns1.lab.test", "", 404, NULL, NULL },
		{ "delegated", "x.deleg.lab.test", "", 404, NULL, NULL },
		{ "no zone", "example.org", "", 404, NULL, NULL },
		{ "no name", "a..b", "", 400, NULL, NULL },
	};
	/* clang-format on */
	struct catalog *catalog = fixture_catalog("");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct geodns g = { .catalog = catalog, .store = { snapshot_new(catalog, NULL) } };
		struct http_reply reply;
		int status;

		fixture_health(catalog->conf, rows[i].down, g.store.current->health);
		if (strstr(rows[i].down, "unknown"))
			memset(g.store.current->health, HEALTH_UNKNOWN, catalog->conf->check_count);
		status = call(&g, "/v1/explain", rows[i].name, &reply);
		cr_expect_eq(status, rows[i].status, "%s: %d", rows[i].what, status);
		if (status == 200) {
			const char *pop = member(&reply, "pop");

			cr_expect(pop == rows[i].pop ||
					  (pop && rows[i].pop && !strcmp(pop, rows[i].pop)),
				  "%s: %s", rows[i].what, pop);
			cr_expect_str_eq(member(&reply, "why"), rows[i].why, "%s", rows[i].what);
			cr_expect_str_eq(member(&reply, "network"), "100.64.1.0/24");
		}
		http_reply_fini(&reply);
		free(g.store.current);
	}
	catalog_free(catalog);
}

Test(geodns_api, pages)
{
	struct catalog *catalog = fixture_catalog("");
	struct geodns g = { .catalog = catalog, .store = { snapshot_new(catalog, NULL) } };
	struct http_reply reply;

	cr_expect_eq(call(&g, "/healthz", NULL, &reply), 200);
	http_reply_fini(&reply);
	cr_expect_eq(call(&g, "/v1/status", NULL, &reply), 200);
	cr_expect_eq(json_integer_value(
			     json_object_get(json_object_get(reply.json, "checks"), "unknown")),
		     3);
	http_reply_fini(&reply);
	cr_expect_eq(call(&g, "/v1/names", NULL, &reply), 200);
	cr_expect_eq(json_array_size(json_object_get(reply.json, "names")), 3);
	http_reply_fini(&reply);
	cr_expect_eq(call(&g, "/v1/names/V4only.lab.test", NULL, &reply), 200);
	cr_expect_str_eq(member(&reply, "when_all_down"), "none");
	http_reply_fini(&reply);
	cr_expect_eq(call(&g, "/v1/names/u1.geo.lab.test", NULL, &reply), 404,
		     "the name as configured is *.geo.lab.test");
	http_reply_fini(&reply);
	cr_expect_eq(call(&g, "/metrics", NULL, &reply), 200);
	cr_expect(strstr(reply.text, "catchment_geodns_check_up{pop=\"fra\",check=\"verdict\","
				     "target=\"10.200.1.1:8053\",path=\"/\"} -1\n"));
	http_reply_fini(&reply);
	free(g.store.current);
	catalog_free(catalog);
}

Test(geodns_api, routes_are_documented)
{
	openapi_routes_expect(geodns_api_routes, "docs/api/geodns.yaml");
}
