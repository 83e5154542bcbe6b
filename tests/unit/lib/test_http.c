/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered to whom. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/lib/http_loop.h"

#define PUT(type, length, body)                                                                    \
	"PUT /v1/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " type             \
	"\r\nContent-Length: " length "\r\n\r\n" body

#define ARGS_100                                                                                   \
	"a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&"
#define ARGS ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100

Test(http, answers)
{
	/* clang-format off */
	static const struct {
		const char *what, *request;
		unsigned status;
		const char *text; /* that the answer holds */
	} rows[] = {
		{ "json",               GET("/v1/status"), 200, "Content-Type: application/json\r\n" },
		{ "server name",        GET("/v1/status"), 200, "Server: catchment-test/1\r\n" },
		{ "text",               GET("/metrics"), 200, "text/plain; version=0.0.4\r\n" },
		{ "parameter",          GET("/v1/peers/fra1"), 200, "{\"name\":\"fra1\"}\n" },
		{ "slash in a name",    GET("/v1/peers/a%2Fb%20c"), 200, "{\"name\":\"a/b c\"}\n" },
		{ "plus in a path",     GET("/v1/peers/a+b"), 200, "{\"name\":\"a+b\"}\n" },
		{ "encoded literal",    GET("/v1/%73tatus"), 200, "{\"method\":\"GET\"}\n" },
		{ "absolute form",      GET("http://x/v1/status"), 200, "{\"method\":\"GET\"}\n" },
		{ "HTTP/1.0",           "GET /v1/status HTTP/1.0\r\n\r\n", 200, "{\"method\":\"GET\"}\n" },
		{ "many arguments",     GET("/v1/status?" ARGS ARGS ARGS ARGS), 400, "stands twice" },
		{ "unknown path",       GET("/v2"), 404, "application/problem+json\r\n" },
		{ "empty parameter",    GET("/v1/peers/"), 404, "\"title\":\"Not Found\"" },
		{ "zero in a name",     GET("/v1/peers/a%00b"), 404, "" },
		{ "broken escape",      GET("/v1/peers/a%2"), 404, "" },
		{ "where it is now",    "POST /v1/things" WITH("x", "Content-Type: application/json\r\n"), 201, "Location: /v1/things/7\r\n" },
		{ "wrong method",       "DELETE /v1/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "Allow: PUT, POST\r\n" },
		{ "unknown argument",   GET("/v1/status?x=1"), 400, "\"parameter\":\"x\"" },
		{ "argument twice",     GET("/v1/events?since=1&since=2"), 400, "stands twice" },
		{ "since no number",    GET("/v1/events?since=-1"), 400, "\"parameter\":\"since\"" },
		{ "body",               PUT("application/json", "7", "{\"a\":1}"), 200, "{\"a\":1}\n" },
		{ "type with charset",  PUT("Application/JSON ; charset=utf-8", "7", "{\"a\":1}"), 200, "{\"a\":1}\n" },
		{ "type another",       PUT("text/plain", "7", "{\"a\":1}"), 415, "Unsupported Media Type" },
		{ "type longer",        PUT("application/jsonp", "7", "{\"a\":1}"), 415, "" },
		{ "type empty",         PUT("", "7", "{\"a\":1}"), 415, "" },
		{ "type another, 404",  "PUT /v2" WITH("x", "Content-Length: 1\r\n") "1", 404, "" },
		{ "type another, 405",  "PUT /v1/status" WITH("x", "Content-Length: 1\r\n") "1", 405, "" },
		{ "type of a GET",      "GET /v1/status" WITH("x", "Content-Length: 1\r\n") "1", 200, "" },
		{ "POST without body",  "POST /v1/body" WITH("x", ""), 415, "" },
		{ "POST with type only", "POST /v1/body" WITH("x", "Content-Type: application/json\r\n"), 204, "" },
		{ "PUT without body",   "PUT /v1/body" WITH("x", ""), 204, "" },
		{ "host localhost",     "GET /v1/status" WITH("localhost:8080", ""), 200, "" },
		{ "host IPv4",          "GET /v1/status" WITH("127.0.0.1", ""), 200, "" },
		{ "host IPv4, port",    "GET /v1/status" WITH("127.0.0.1:8080", ""), 200, "" },
		{ "host IPv6",          "GET /v1/status" WITH("[::1]:8080", ""), 200, "" },
		{ "host IPv6, mapped",  "GET /v1/status" WITH("[::ffff:7f00:1]", ""), 200, "" },
		{ "host of a page",     "GET /v1/status" WITH("evil.example", ""), 421, "Misdirected Request" },
		{ "host like IPv4",     "GET /v1/status" WITH("127.0.0.1.evil.example:8080", ""), 421, "" },
		{ "host with a dot",    "GET /v1/status" WITH("localhost.", ""), 421, "" },
		{ "no body",            PUT("text/plain", "0", ""), 204, "" },
		{ "broken json",        PUT("application/json", "6", "{\"a\":1"), 400, "\"pointer\":\"\"" },
		{ "not an object",      PUT("application/json", "2", "[]"), 400, "expected an object" },
		{ "key twice",          PUT("application/json", "13", "{\"a\":1,\"a\":2}"), 400, "duplicate" },
		{ "not UTF-8",          PUT("application/json", "9", "{\"a\":\"\xff\"}"), 400, "unable to decode" },
		{ "chunked body",       "PUT /v1/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n", 200, "{\"a\":1}\n" },
		{ "length hopeless",    PUT("text/plain", "99999999", ""), 413, "Content Too Large" },
	};
	/* clang-format on */
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start(&f, NULL, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned status = http_loop_ask(&f, &c, rows[i].request);

		cr_expect_eq(status, rows[i].status, "%s: status %u", rows[i].what, status);
		cr_expect(strstr(c.buf, rows[i].text), "%s: %s", rows[i].what, c.buf);
	}
	http_loop_stop(&f);
}

Test(http, head_has_no_body)
{
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start(&f, NULL, 0);
	cr_expect_eq(
		http_loop_ask(&f, &c,
			      "HEAD /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		200);
	cr_expect_str_eq(strstr(c.buf, "\r\n\r\n"), "\r\n\r\n");
	cr_expect_eq(
		http_loop_ask(&f, &c,
			      "HEAD /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		200);
	cr_expect_str_eq(strstr(c.buf, "\r\n\r\n"), "\r\n\r\n");
	http_loop_stop(&f);
}

Test(http, long_bodies_are_refused_after_reading)
{
	static char request[HTTP_BODY_MAX + 1024];
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start(&f, NULL, 0);
	for (int over = 0; over <= 1; over++) {
		size_t body = HTTP_BODY_MAX + (size_t)over;
		int head = snprintf(request, sizeof(request),
				    "PUT /v1/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				    "Content-Type: application/json\r\n"
				    "Content-Length: %zu\r\n\r\n{\"a\":\"",
				    body);

		memset(request + head, 'a', body);
		strcpy(request + head + body - strlen("{\"a\":\"") - 2, "\"}");
		cr_expect_eq(http_loop_ask(&f, &c, request), over ? 413 : 200, "%.300s", c.buf);
	}
	http_loop_stop(&f);
}

Test(http, keeps_the_connection_and_pipelines)
{
	static struct http_loop_client c;
	struct http_loop f;
	const char *two = "GET /v1/peers/one HTTP/1.1\r\nHost: x\r\n\r\n"
			  "GET /v1/peers/two HTTP/1.1\r\nHost: x\r\n\r\n";

	http_loop_start(&f, NULL, 0);
	http_loop_open(&c, &f);
	http_loop_send(&f, &c, two, strlen(two));
	cr_expect(http_loop_pump(&f, &c, "{\"name\":\"two\"}"));
	cr_expect(strstr(c.buf, "{\"name\":\"one\"}"));
	c.len = 0;
	/* Byte by byte. */
	for (const char *p = GET("/v1/peers/three"); *p; p++)
		http_loop_send(&f, &c, p, 1);
	cr_expect(http_loop_pump(&f, &c, "{\"name\":\"three\"}"));
	close(c.fd);
	http_loop_stop(&f);
}

#define GET_WITH(path, token)                                                                      \
	"GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " token "\r\n\r"  \
	"\n"

Test(http, token)
{
	/* clang-format off */
	static const struct {
		const char *what, *request;
		unsigned status;
	} rows[] = {
		{ "right",          GET_WITH("/v1/status", "Bearer s3cret-token"), 200 },
		{ "any case",       GET_WITH("/v1/status", "bearer s3cret-token"), 200 },
		{ "none",           GET("/v1/status"), 401 },
		{ "wrong",          GET_WITH("/v1/status", "Bearer s3cret-tokem"), 401 },
		{ "beginning",      GET_WITH("/v1/status", "Bearer s3cret"), 401 },
		{ "twice",          GET_WITH("/v1/status", "Bearer s3cret-tokens3cret-token"), 401 },
		{ "empty",          GET_WITH("/v1/status", "Bearer "), 401 },
		{ "other scheme",   GET_WITH("/v1/status", "Basic s3cret-token"), 401 },
		{ "unknown path",   GET("/v2"), 401 },
		{ "healthz",        GET("/healthz"), 200 },
		{ "under healthz",  GET("/healthz/../v1/status"), 401 },
		{ "metrics",        GET("/metrics"), 401 },
		{ "another's host", "GET /v1/status" WITH("lb.example", "Authorization: Bearer s3cret-token\r\n"), 200 },
		{ "body unread",    PUT("text/plain", "7", "{\"a\":1}"), 401 },
	};
	/* clang-format on */
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start(&f, "s3cret-token", 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned status = http_loop_ask(&f, &c, rows[i].request);

		cr_expect_eq(status, rows[i].status, "%s: status %u", rows[i].what, status);
		cr_expect_eq(strstr(c.buf, "WWW-Authenticate: Bearer") != NULL, status == 401);
	}
	http_loop_stop(&f);
}

/* libmicrohttpd hangs up on what is no request at all; the next one is served. */
Test(http, survives_what_is_not_http)
{
	static const char *const rubbish[] = { "hello\r\n\r\n", "\x16\x03\x01\n\n",
					       "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n" };
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start(&f, NULL, 0);
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		http_loop_open(&c, &f);
		http_loop_send(&f, &c, rubbish[i], strlen(rubbish[i]));
		shutdown(c.fd, SHUT_WR);
		cr_expect(http_loop_pump(&f, &c, NULL), "row %zu: no end", i);
		close(c.fd);
		cr_expect_eq(http_loop_ask(&f, &c, GET("/v1/status")), 200);
	}
	http_loop_stop(&f);
}

Test(http, pages_of_the_public)
{
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start_with(&f, (struct http_options){ .any_host = true });
	cr_expect_eq(http_loop_ask(&f, &c, "GET /v1/status" WITH("www.example", "")), 200);
	http_loop_stop(&f);
}

Test(http, sockets_live_and_stale)
{
	struct http_loop f;
	struct http_server *second;
	struct http_options options = { 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	http_loop_start(&f, NULL, 0);
	options.unix_path = f.path;
	cr_expect_eq(http_server_new(&second, f.loop, &options, http_loop_routes, &f), -EADDRINUSE);
	cr_assert_eq(stat(f.path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660);
	http_loop_stop(&f);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(sun.sun_path, f.path, sizeof(f.path));
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	http_loop_start(&f, NULL, 0);
	http_loop_stop(&f);
	options.unix_path = NULL;
	cr_assert(endpoint_parse(&options.listen, "192.0.2.1:80", 0));
	cr_expect_eq(http_server_new(&second, f.loop, &options, http_loop_routes, &f),
		     -EADDRNOTAVAIL);
}
