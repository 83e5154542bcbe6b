/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/api/api.h"
#include "tests/support/geodns_fixture.h"
#include "tests/support/openapi_routes.h"

#define PAIR(pop, n)                                                                               \
	"{'pop':'" pop "','a':['192.0.2." n "'],'check':'c','address':'10.200." n ".1'}"

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

/* clang-format off */
static const char policies[] =
	"{'version':1,'listen':['::1'],'zones':[{'name':'lab.test','file':'z'},{'name':'sub.lab.test','file':'z'}],"
	"'pops':[{'name':'fra','at':[50.1,8.7],'dial':1},{'name':'nyc','at':[40.7,-74.0],'dial':0},{'name':'sin','at':[1.35,103.8]}],"
	"'networks':[{'prefix':'100.64.1.0/24','at':[41.9,-87.6]}],'regions':{'us':{'networks':['100.64.1.0/24']}},"
	"'checks':{'c':{'type':'tcp','port':80}},'names':["
	"{'name':'near.lab.test','pops':[" PAIR("fra", "1") "," PAIR("nyc", "2") "]},"
	"{'name':'off.lab.test','pops':[" PAIR("nyc", "2") "]},"
	"{'name':'two.lab.test','when_all_down':'none','pops':[" PAIR("nyc", "2") "]},"
	"{'name':'order.lab.test','policy':'failover','answers':2,'pops':[" PAIR("sin", "3") "," PAIR("fra", "1") "]},"
	"{'name':'last.lab.test','when_all_down':{'a':['192.0.2.9']},'pops':[" PAIR("sin", "3") "]},"
	"{'name':'group.lab.test','groups':[{'name':'all','policy':'sticky','pops':['sin']}],'pops':[" PAIR("sin", "3") "]},"
	"{'name':'fence.lab.test','fences':[{'region':'us','pops':['sin']}],'pops':[" PAIR("fra", "1") "," PAIR("sin", "3") "]}]}";
/* clang-format on */

Test(geodns_api, explain_policies)
{
	/* clang-format off */
	static const struct { const char *what, *name, *down, *json; } rows[] = {
		{ "a healthy PoP beyond its dial", "near.lab.test", "",
		  "{'pop':'fra','scope':24,'hashed':'100.64.1.0/24','why':'the nearest that may be answered, beyond its dial: it is up','passed':[{'pop':'nyc','because':'it is dialled to 0'}]}" },
		{ "dialled to 0, and better than one that is down", "near.lab.test", "fra",
		  "{'pop':'nyc','why':'the nearest that is healthy, though dialled to 0 or drained: it is up'}" },
		{ "dialled to 0", "off.lab.test", "",
		  "{'pop':'nyc','scope':0,'hashed':null,'why':'the nearest that is healthy, though dialled to 0 or drained: it is up'}" },
		{ "none, though one is healthy", "two.lab.test", "us",
		  "{'pop':null,'scope':0,'passed':[{'pop':'nyc','because':'it is dialled to 0'}],'why':'every PoP is down, being drained or dialled to 0, and when_all_down is none'}" },
		{ "failover", "order.lab.test", "",
		  "{'pop':'sin','policy':'failover','why':'the first: it is up','a':['192.0.2.3']}" },
		{ "failover, the second", "order.lab.test", "sin",
		  "{'pop':'fra','passed':[{'pop':'sin','because':'its check says down'}],'why':'the first that is healthy, beyond its dial: it is up'}" },
		{ "failover, all down: several", "order.lab.test", "sin fra",
		  "{'pop':'sin','pops':['sin','fra'],'a':['192.0.2.3','192.0.2.1'],'why':'the first: no PoP is healthy, and when_all_down is all'}" },
		{ "last resort", "last.lab.test", "sin",
		  "{'pop':null,'pops':[],'a':['192.0.2.9'],'why':'the last resort: no PoP is healthy and accepts the client\\u0027s network'}" },
		{ "group", "group.lab.test", "", "{'pop':'sin','why':'what its network has drawn of group all: it is up'}" },
		{ "fence", "fence.lab.test", "", "{'pop':'sin','fences':['us'],'passed':[],'why':'the nearest that the fences admit: it is up','order':["
		  "{'pop':'fra','km':6963,'state':'up','said':'auto','accepts':false,'admitted':false},{'pop':'sin','km':15071,'state':'up','said':'auto','accepts':true,'admitted':true}]}" },
	};
	/* clang-format on */
	struct catalog *catalog = fixture_catalog_of(policies, "");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct geodns g = { .catalog = catalog, .store = { snapshot_new(catalog, NULL) } };
		struct conf_error err = { 0 };
		char *text = xstrdup(rows[i].json);
		struct http_reply reply;
		json_t *expected, *value;
		const char *key;

		for (char *p = text; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		expected = conf_read_text(text, strlen(text), &err);
		cr_assert(expected, "%s: %s", rows[i].what, err.reason);
		fixture_health(catalog->conf, rows[i].down, g.store.current->health);
		cr_expect_eq(call(&g, "/v1/explain", rows[i].name, &reply), 200);
		json_object_foreach (expected, key, value) {
			char *is = json_dumps(json_object_get(reply.json, key), JSON_ENCODE_ANY);

			cr_expect(json_equal(json_object_get(reply.json, key), value),
				  "%s: %s is %s", rows[i].what, key, is);
			free(is);
		}
		json_decref(expected);
		free(text);
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

/* The next page from what follows the last one, until none does. Returns the number of pages. */
static unsigned pages_walk(struct geodns *g, const char *limit, char names[400])
{
	struct http_request req = { .method = "GET", .path = "/v1/names" };
	char after[100] = "";
	unsigned pages = 0;

	names[0] = '\0';
	do {
		struct http_reply reply = { 0 };
		const json_t *name;
		size_t i;

		req.query = json_pack("{s:s}", "limit", limit);
		if (after[0])
			json_object_set_new(req.query, "after", json_string(after));
		cr_assert_eq(http_dispatch(geodns_api_routes, g, &req, &reply), 200);
		json_array_foreach (json_object_get(reply.json, "names"), i, name) {
			strcat(names, json_string_value(json_object_get(name, "name")));
			strcat(names, " ");
		}
		snprintf(after, sizeof(after), "%s",
			 member(&reply, "next") ? member(&reply, "next") : "");
		json_decref(req.query);
		http_reply_fini(&reply);
		pages++;
	} while (after[0] && pages < 10);
	return pages;
}

/* All at once held the loop up for seconds, where there were 100 000. */
Test(geodns_api, names_come_in_pages)
{
	static const char all[] = "*.geo.lab.test v4only.lab.test any.lab.test ";
	static const char *const wrong[][2] = {
		{ "limit", "0" },  { "limit", "501" },	{ "limit", "x" },
		{ "limit", "1x" }, { "after", "a..b" }, { "after", "u1.geo.lab.test" }
	};
	struct catalog *catalog = fixture_catalog("");
	struct geodns g = { .catalog = catalog, .store = { snapshot_new(catalog, NULL) } };
	struct http_request req = { .method = "GET", .path = "/v1/names" };
	char names[400];

	cr_expect_eq(pages_walk(&g, "500", names), 1);
	cr_expect_str_eq(names, all);
	cr_expect_eq(pages_walk(&g, "3", names), 1);
	cr_expect_str_eq(names, all);
	cr_expect_eq(pages_walk(&g, "2", names), 2);
	cr_expect_str_eq(names, all);
	cr_expect_eq(pages_walk(&g, "1", names), 3);
	cr_expect_str_eq(names, all);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct http_reply reply = { 0 };

		req.query = json_pack("{s:s}", wrong[i][0], wrong[i][1]);
		cr_expect_eq(http_dispatch(geodns_api_routes, &g, &req, &reply), 400, "%s=%s",
			     wrong[i][0], wrong[i][1]);
		json_decref(req.query);
		http_reply_fini(&reply);
	}
	free(g.store.current);
	catalog_free(catalog);
}

Test(geodns_api, routes_are_documented)
{
	openapi_routes_expect(geodns_api_routes, "docs/api/geodns.yaml");
}
