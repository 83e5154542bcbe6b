/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/http.h"
#include "lib/http_target.h"

static int say_params(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const char *since = http_query(req, "since");

	cr_expect_str_eq(ctx, "context");
	reply->json = json_pack("[s?, s?, s?]", req->params[0], req->params[1], since);
	return 200;
}

static int say_busy(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	(void)req;
	return http_problem(reply, 409, "/weight", "origin '%s' is drained", "o1");
}

static const struct http_route routes[] = {
	{ "GET", "/", say_params, NULL },
	{ "GET", "/v1/vips", say_params, (const char *const[]){ "since", "limit", NULL } },
	{ "GET", "/v1/vips/{vip}", say_params, NULL },
	{ "PUT", "/v1/vips/{vip}/origins/{origin}", say_params, NULL },
	{ "DELETE", "/v1/drain", say_busy, NULL },
	{ "POST", "/v1/drain", say_busy, NULL },
	{ "GET", "/v1/drain", say_params, NULL },
	{ 0 },
};

Test(http_dispatch, routes)
{
	/* clang-format off */
	static const struct {
		const char *what, *method, *target;
		int status;
		const char *json; /* or the Allow of a 405 */
	} rows[] = {
		{ "root",                "GET", "/", 200, "[null,null,null]" },
		{ "literal",             "GET", "/v1/vips", 200, "[null,null,null]" },
		{ "argument",            "GET", "/v1/vips?since=a%26b+c", 200, "[null,null,\"a&b c\"]" },
		{ "argument empty",      "GET", "/v1/vips?since", 200, "[null,null,\"\"]" },
		{ "empty arguments",     "GET", "/v1/vips?&&since=1&", 200, "[null,null,\"1\"]" },
		{ "one parameter",       "GET", "/v1/vips/web", 200, "[\"web\",null,null]" },
		{ "two parameters",      "PUT", "/v1/vips/a%2Fb/origins/%C3%A4", 200, "[\"a/b\",\"\xc3\xa4\",null]" },
		{ "HEAD",                "HEAD", "/v1/vips/web", 200, "[\"web\",null,null]" },
		{ "handler's problem",   "POST", "/v1/drain", 409, NULL },
		{ "not found",           "GET", "/v1/vip", 404, NULL },
		{ "longer",              "GET", "/v1/vips/web/origins", 404, NULL },
		{ "trailing slash",      "GET", "/v1/vips/", 404, NULL },
		{ "not UTF-8",           "GET", "/v1/vips/%ff", 404, NULL },
		{ "argument unknown",    "GET", "/v1/vips?sinc=1", 400, NULL },
		{ "method of one route", "PUT", "/v1/vips", 405, "GET, HEAD" },
		{ "method of three",     "PUT", "/v1/drain", 405, "DELETE, POST, GET, HEAD" },
		{ "HEAD of a PUT",       "HEAD", "/v1/vips/a/origins/b", 405, "PUT" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request req = { .method = rows[i].method };
		struct http_reply reply = { 0 };
		char context[] = "context", *path = NULL, *json;
		int status;

		cr_assert_null(http_target_split(rows[i].target, &path, &req.query));
		req.path = path;
		status = http_dispatch(routes, context, &req, &reply);
		cr_expect_eq(status, rows[i].status, "%s: %d", rows[i].what, status);
		json = json_dumps(reply.json, JSON_COMPACT);
		if (status == 200)
			cr_expect_str_eq(json, rows[i].json, "%s: %s", rows[i].what, json);
		else
			cr_expect_str_eq(reply.content_type, "application/problem+json");
		cr_expect_str_eq(reply.allow, status == 405 ? rows[i].json : "", "%s",
				 rows[i].what);
		free(json);
		http_reply_fini(&reply);
		json_decref(req.query);
		free(path);
	}
}

Test(http_dispatch, problem)
{
	struct http_reply reply = { 0 };
	json_t *want =
		json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", "Conflict",
			  "status", 409, "detail", "origin 'o1' is drained", "pointer", "/weight");

	cr_expect_eq(say_busy(NULL, NULL, &reply), 409);
	cr_expect(json_equal(reply.json, want));
	/* A second one replaces the first; bytes that JSON could not carry are masked. */
	cr_expect_eq(http_problem(&reply, 400, "since", "bad \xff\n"), 400);
	cr_expect_str_eq(json_string_value(json_object_get(reply.json, "detail")), "bad ??");
	cr_expect_str_eq(json_string_value(json_object_get(reply.json, "parameter")), "since");
	http_reply_fini(&reply);
	json_decref(want);
}

Test(http_target, what_is_refused)
{
	static const char *const wrong[] = {
		"",	   "*",	     "v1",	"http://x", "/?a=%",
		"/?a=%g0", "/?%00=", "/?a&b&a", "/?a=%ff",  "/?%ff=a"
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *path = NULL;
		json_t *query = NULL;

		cr_expect_not_null(http_target_split(wrong[i], &path, &query), "%s", wrong[i]);
		cr_expect_null(path);
		cr_expect_null(query);
	}
}

static void token_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

Test(http_options, load)
{
	/* clang-format off */
	static const struct { const char *json, *token, *wrong; } rows[] = {
		{ "{\"listen\":\"127.0.0.1:8080\"}", "", NULL },
		{ "{\"listen\":\"[::1]:8080\"}", "", NULL },
		{ "{\"listen\":\"unix:/run/x.sock\"}", "", NULL },
		{ "{\"listen\":\"192.0.2.1:80\",\"token_file\":\"T\"}", "s3cret-token\n", NULL },
		{ "{\"listen\":\"192.0.2.1:80\"}", "", "listen: listening off loopback needs a token_file" },
		{ "{\"listen\":\"[::]:80\"}", "", "listen: listening off loopback needs a token_file" },
		{ "{\"listen\":\"127.0.0.1\"}", "", "listen: '127.0.0.1' is not an address and port such as 192.0.2.1:53" },
		{ "{\"listen\":\"unix:\"}", "", "listen: a socket's path has 1 to 107 bytes" },
		{ "{\"listen\":7}", "", "listen: expected a string, found a number" },
		{ "{}", "", "listen: required" },
		{ "{\"listen\":\"[::1]:80\",\"tokenfile\":\"T\"}", "", "tokenfile: unknown key" },
		{ "{\"listen\":\"[::1]:80\",\"token_file\":\"T\"}", "short\n", "token_file: T must hold one line of 8 to 255 printable characters" },
		{ "{\"listen\":\"[::1]:80\",\"token_file\":\"T\"}", "two tokens here\n", "token_file: T must hold one line of 8 to 255 printable characters" },
		{ "{\"listen\":\"[::1]:80\",\"token_file\":\"/nonexistent\"}", "", "token_file: cannot open /nonexistent: No such file or directory" },
	};
	/* clang-format on */
	char dir[] = "/tmp/catchment-test-XXXXXX", buf[400];

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };
		struct http_options options = { 0 };
		json_t *json = conf_read_text(rows[i].json, strlen(rows[i].json), &err);
		const struct conf root = conf_root(json, &err);
		char *token = NULL;

		token_write("T", rows[i].token);
		http_options_load(&root, &options, &token);
		cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)),
				 rows[i].wrong ? rows[i].wrong : "");
		if (!rows[i].wrong && rows[i].token[0])
			cr_expect_str_eq(options.token, "s3cret-token");
		free(token);
		json_decref(json);
	}
	unlink("T");
	cr_expect_eq(chdir("/"), 0);
	rmdir(dir);
}
