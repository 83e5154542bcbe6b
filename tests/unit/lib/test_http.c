/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server over a real socket: one thread pumps the loop and plays the client. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/http.h"
#include "lib/http_head.h"

#define DEADLINE_S 5

struct fixture {
	struct ev_loop *loop;
	struct http_server *server;
	struct event_log *log;
	char path[64];
};

struct client {
	int fd;
	char buf[256 * 1024];
	size_t len;
	bool eof;
};

static int get_status(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	reply->json = json_pack("{s:s}", "method", req->method);
	return 200;
}

static int get_peer(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	reply->json = json_pack("{s:s}", "name", req->params[0]);
	return 200;
}

static int put_body(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	if (!req->body)
		return 204;
	reply->json = json_incref(req->body);
	return 200;
}

static int get_metrics(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	(void)req;
	reply->text = xstrdup("x 1\n");
	reply->content_type = "text/plain; version=0.0.4";
	return 200;
}

static int get_events(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct fixture *f = ctx;

	(void)req;
	reply->events = f->log;
	return 200;
}

static int post_thing(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	(void)req;
	reply->json = json_object();
	reply->location = xstrdup("/v1/things/7");
	return 201;
}

static const struct http_route routes[] = {
	{ "POST", "/v1/things", post_thing, NULL },
	{ "GET", "/healthz", get_status, NULL },
	{ "GET", "/metrics", get_metrics, NULL },
	{ "GET", "/v1/status", get_status, NULL },
	{ "GET", "/v1/peers/{name}", get_peer, NULL },
	{ "PUT", "/v1/body", put_body, NULL },
	{ "POST", "/v1/body", put_body, NULL },
	{ "GET", "/v1/events", get_events, (const char *const[]){ "since", NULL } },
	{ 0 },
};

static void start_with(struct fixture *f, struct http_options options)
{

	snprintf(f->path, sizeof(f->path), "/tmp/catchment-test-http-%d.sock", (int)getpid());
	options.unix_path = f->path;
	options.server_name = "catchment-test/1";
	f->loop = ev_loop_new(EVFLAG_AUTO);
	f->log = event_log_new(100);
	cr_assert_eq(http_server_new(&f->server, f->loop, &options, routes, f), 0);
}

static void start(struct fixture *f, const char *token, unsigned limit)
{
	start_with(f, (struct http_options){ .token = token, .connection_limit = limit });
}

static void stop(struct fixture *f)
{
	http_server_free(f->server);
	event_log_free(f->log);
	ev_loop_destroy(f->loop);
	cr_expect_neq(access(f->path, F_OK), 0, "socket left behind");
}

static void client_open(struct client *c, const struct fixture *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	c->len = 0;
	c->eof = false;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	memcpy(sun.sun_path, f->path, sizeof(f->path));
	cr_assert_eq(connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
}

static void client_read(struct client *c)
{
	ssize_t n = read(c->fd, c->buf + c->len, sizeof(c->buf) - 1 - c->len);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->eof = true;
	if (n > 0)
		c->len += (size_t)n;
	c->buf[c->len] = '\0';
}

/* Let both sides work until the client has read text, or with NULL the end. */
static bool pump(struct fixture *f, struct client *c, const char *text)
{
	struct instant deadline = instant_after_s(clock_now(), DEADLINE_S);

	while (!instant_reached(deadline, clock_now())) {
		struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

		ev_run(f->loop, EVRUN_NOWAIT);
		if (poll(&pfd, 1, 1) > 0)
			client_read(c);
		if (text ? strstr(c->buf, text) != NULL : c->eof)
			return true;
		if (c->eof)
			return false;
	}
	return false;
}

static void client_send(struct fixture *f, struct client *c, const char *data, size_t len)
{
	struct instant deadline = instant_after_s(clock_now(), DEADLINE_S);

	while (len > 0 && !instant_reached(deadline, clock_now())) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			break;
		}
		ev_run(f->loop, EVRUN_NOWAIT);
	}
}

/* One request on a connection of its own; the whole answer is in c->buf. */
static unsigned ask(struct fixture *f, struct client *c, const char *request)
{
	struct http_head head = { 0 };

	client_open(c, f);
	client_send(f, c, request, strlen(request));
	cr_expect(pump(f, c, NULL), "no end of the answer");
	close(c->fd);
	cr_expect_eq(http_head_parse(&head, c->buf, c->len), HTTP_HEAD_DONE);
	return head.status;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define PUT(type, length, body)                                                                    \
	"PUT /v1/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " type             \
	"\r\nContent-Length: " length "\r\n\r\n" body

#define ARGS_100                                                                                   \
	"a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&"
#define ARGS		   ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100 ARGS_100
#define GET_KEPT	   "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
#define WITH(host, fields) " HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n" fields "\r\n"

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
	static struct client c;
	struct fixture f;

	start(&f, NULL, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned status = ask(&f, &c, rows[i].request);

		cr_expect_eq(status, rows[i].status, "%s: status %u", rows[i].what, status);
		cr_expect(strstr(c.buf, rows[i].text), "%s: %s", rows[i].what, c.buf);
	}
	stop(&f);
}

Test(http, head_has_no_body)
{
	static struct client c;
	struct fixture f;

	start(&f, NULL, 0);
	cr_expect_eq(
		ask(&f, &c, "HEAD /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		200);
	cr_expect_str_eq(strstr(c.buf, "\r\n\r\n"), "\r\n\r\n");
	cr_expect_eq(
		ask(&f, &c, "HEAD /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		200);
	cr_expect_str_eq(strstr(c.buf, "\r\n\r\n"), "\r\n\r\n");
	stop(&f);
}

Test(http, long_bodies_are_refused_after_reading)
{
	static char request[DEADLINE_S * 64 * 1024];
	static struct client c;
	struct fixture f;

	start(&f, NULL, 0);
	for (int over = 0; over <= 1; over++) {
		size_t body = HTTP_BODY_MAX + (size_t)over;
		int head = snprintf(request, sizeof(request),
				    "PUT /v1/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				    "Content-Type: application/json\r\n"
				    "Content-Length: %zu\r\n\r\n{\"a\":\"",
				    body);

		memset(request + head, 'a', body);
		strcpy(request + head + body - strlen("{\"a\":\"") - 2, "\"}");
		cr_expect_eq(ask(&f, &c, request), over ? 413 : 200, "%.300s", c.buf);
	}
	stop(&f);
}

Test(http, keeps_the_connection_and_pipelines)
{
	static struct client c;
	struct fixture f;
	const char *two = "GET /v1/peers/one HTTP/1.1\r\nHost: x\r\n\r\n"
			  "GET /v1/peers/two HTTP/1.1\r\nHost: x\r\n\r\n";

	start(&f, NULL, 0);
	client_open(&c, &f);
	client_send(&f, &c, two, strlen(two));
	cr_expect(pump(&f, &c, "{\"name\":\"two\"}"));
	cr_expect(strstr(c.buf, "{\"name\":\"one\"}"));
	c.len = 0;
	/* Byte by byte. */
	for (const char *p = GET("/v1/peers/three"); *p; p++)
		client_send(&f, &c, p, 1);
	cr_expect(pump(&f, &c, "{\"name\":\"three\"}"));
	close(c.fd);
	stop(&f);
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
	static struct client c;
	struct fixture f;

	start(&f, "s3cret-token", 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned status = ask(&f, &c, rows[i].request);

		cr_expect_eq(status, rows[i].status, "%s: status %u", rows[i].what, status);
		cr_expect_eq(strstr(c.buf, "WWW-Authenticate: Bearer") != NULL, status == 401);
	}
	stop(&f);
}

Test(http, events_stream)
{
	static struct client now, since;
	const char *from_now = "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
	const char *from_one = "GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n";
	struct fixture f;

	start(&f, NULL, 0);
	for (int i = 1; i <= 3; i++)
		event_log_add(f.log, (struct instant){ i }, "old", NULL);
	client_open(&now, &f);
	client_send(&f, &now, from_now, strlen(from_now));
	cr_expect(pump(&f, &now, "text/event-stream"), "the head comes before any event");
	client_open(&since, &f);
	client_send(&f, &since, from_one, strlen(from_one));
	cr_expect(pump(&f, &since, "data: {\"id\":3,\"t_ns\":3,\"kind\":\"old\"}\n\n"));
	cr_expect(strstr(since.buf, "id: 2\n"));
	cr_expect_null(strstr(since.buf, "id: 1\n"));
	event_log_add(f.log, (struct instant){ 4 }, "new", json_pack("{s:s}", "vip", "web"));
	cr_expect(pump(&f, &now,
		       "id: 4\ndata: {\"id\":4,\"t_ns\":4,\"kind\":\"new\",\"vip\":\"web\"}\n\n"));
	cr_expect(pump(&f, &since, "id: 4\n"));
	cr_expect_null(strstr(now.buf, "\"old\""));
	/* A reader that goes away while it is suspended is noticed and freed. */
	close(since.fd);
	event_log_add(f.log, (struct instant){ 5 }, "new", NULL);
	cr_expect(pump(&f, &now, "id: 5\n"));
	/* The last event before the end still gets out, then a proper last chunk. */
	event_log_add(f.log, (struct instant){ 6 }, "stop", NULL);
	stop(&f);
	while (!now.eof)
		client_read(&now);
	cr_expect(strstr(now.buf, "id: 6\n"), "%s", now.buf);
	cr_expect(strstr(now.buf, "\r\n0\r\n\r\n"), "%s", now.buf);
	close(now.fd);
}

/* libmicrohttpd hangs up on what is no request at all; the next one is served. */
Test(http, survives_what_is_not_http)
{
	static const char *const rubbish[] = { "hello\r\n\r\n", "\x16\x03\x01\n\n",
					       "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n" };
	static struct client c;
	struct fixture f;

	start(&f, NULL, 0);
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		client_open(&c, &f);
		client_send(&f, &c, rubbish[i], strlen(rubbish[i]));
		shutdown(c.fd, SHUT_WR);
		cr_expect(pump(&f, &c, NULL), "row %zu: no end", i);
		close(c.fd);
		cr_expect_eq(ask(&f, &c, GET("/v1/status")), 200);
	}
	stop(&f);
}

/* More than one block, and one event longer than a block. */
Test(http, events_longer_than_a_block)
{
	static struct client c;
	static char text[10000];
	struct fixture f;

	start(&f, NULL, 0);
	memset(text, 'a', sizeof(text) - 1);
	for (int i = 1; i <= 3; i++)
		event_log_add(f.log, (struct instant){ i }, "long", json_pack("{s:s}", "a", text));
	client_open(&c, &f);
	client_send(&f, &c, GET("/v1/events?since=0"), strlen(GET("/v1/events?since=0")));
	cr_expect(pump(&f, &c, "id: 3\n"));
	while (c.len < 3 * sizeof(text) && pump(&f, &c, "aaa"))
		;
	close(c.fd);
	stop(&f);
}

Test(http, connection_limit)
{
	static struct client held[2], c;
	const char *keep = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture f;

	start(&f, NULL, 2);
	for (int i = 0; i < 2; i++) {
		client_open(&held[i], &f);
		client_send(&f, &held[i], keep, strlen(keep));
		cr_expect(pump(&f, &held[i], "GET"));
	}
	client_open(&c, &f);
	client_send(&f, &c, GET("/v1/status"), strlen(GET("/v1/status")));
	for (int i = 0; i < 20; i++)
		ev_run(f.loop, EVRUN_NOWAIT);
	client_read(&c);
	cr_expect_eq(c.len, 0, "a third one was answered");
	close(held[0].fd);
	cr_expect(pump(&f, &c, "{\"method\":\"GET\"}"), "not answered when there is room again");
	close(c.fd);
	close(held[1].fd);
	stop(&f);
}

static double seconds_since(struct instant began)
{
	return (double)(clock_now().ns - began.ns) / 1e9;
}

/* A byte now and then does not keep a connection. */
Test(http, a_request_must_be_whole_in_time)
{
	static const char *const begun[] = { "", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ",
					     "PUT /v1/body HTTP/1.1\r\nHost: x\r\nContent-Type: "
					     "application/json\r\nContent-Length: 9999\r\n\r\n",
					     GET_KEPT };
	static struct client c;
	struct fixture f;

	start_with(&f, (struct http_options){ .request_timeout_s = 1 });
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		struct instant began = clock_now();

		client_open(&c, &f);
		client_send(&f, &c, begun[i], strlen(begun[i]));
		while (!c.eof && seconds_since(began) < DEADLINE_S) {
			if (begun[i][0])
				client_send(&f, &c, "a", 1);
			ev_run(f.loop, EVRUN_NOWAIT);
			client_read(&c);
			poll(NULL, 0, 20);
		}
		cr_expect(c.eof, "row %zu: still open", i);
		cr_expect(seconds_since(began) > 0.9, "row %zu: %f s", i, seconds_since(began));
		close(c.fd);
	}
	stop(&f);
}

Test(http, who_waits_longest_makes_room)
{
	static struct client held[2], c;
	struct instant began;
	struct fixture f;

	start_with(&f, (struct http_options){ .connection_limit = 2 });
	for (int i = 0; i < 2; i++) {
		client_open(&held[i], &f);
		client_send(&f, &held[i], "GET /v1", i ? 1 : 7);
		poll(NULL, 0, 50);
		ev_run(f.loop, EVRUN_NOWAIT);
	}
	began = clock_now();
	client_open(&c, &f);
	client_send(&f, &c, GET("/v1/status"), strlen(GET("/v1/status")));
	cr_expect(pump(&f, &c, "{\"method\":\"GET\"}"));
	cr_expect(seconds_since(began) > 0.8 && seconds_since(began) < 2);
	client_read(&held[0]);
	client_read(&held[1]);
	cr_expect(held[0].eof && !held[1].eof, "the one that has waited longest");
	for (int i = 0; i < 2; i++)
		close(held[i].fd);
	close(c.fd);
	stop(&f);
}

Test(http, pages_of_the_public)
{
	static struct client c;
	struct fixture f;

	start_with(&f, (struct http_options){ .any_host = true });
	cr_expect_eq(ask(&f, &c, "GET /v1/status" WITH("www.example", "")), 200);
	stop(&f);
}

Test(http, streams_leave_room)
{
	static struct client held[2], c;
	const char *events = "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture f;

	start_with(&f, (struct http_options){ .connection_limit = 4, .request_timeout_s = 1 });
	for (int i = 0; i < 2; i++) {
		client_open(&held[i], &f);
		client_send(&f, &held[i], events, strlen(events));
		cr_expect(pump(&f, &held[i], "text/event-stream"));
	}
	cr_expect_eq(ask(&f, &c, GET("/v1/events")), 503);
	cr_expect(strstr(c.buf, "too many streams"));
	cr_expect_eq(ask(&f, &c, "HEAD /v1/events" WITH("x", "")), 503);
	poll(NULL, 0, 1200);
	cr_expect_eq(ask(&f, &c, GET("/v1/status")), 200);
	event_log_add(f.log, (struct instant){ 1 }, "new", NULL);
	cr_expect(pump(&f, &held[0], "id: 1\n"), "a stream has no time limit");
	close(held[0].fd);
	/* An event finds out that nobody is there; nothing else would for 15 s. */
	event_log_add(f.log, (struct instant){ 2 }, "new", NULL);
	for (unsigned status = 503; status != 200;) {
		client_open(&c, &f);
		client_send(&f, &c, events, strlen(events));
		cr_assert(pump(&f, &c, "HTTP/1.1 "));
		status = strstr(c.buf, "HTTP/1.1 200") ? 200 : 503;
		close(c.fd);
	}
	close(held[1].fd);
	stop(&f);
}

Test(http, a_stream_that_nobody_reads_ends)
{
	static char text[50000];
	static struct client c;
	struct instant began;
	struct fixture f;

	memset(text, 'a', sizeof(text) - 1);
	start_with(&f, (struct http_options){ .request_timeout_s = 1 });
	client_open(&c, &f);
	client_send(&f, &c, GET("/v1/events"), strlen(GET("/v1/events")));
	cr_expect(pump(&f, &c, "text/event-stream"));
	/* Far more than the socket takes; the log goes on without this reader. */
	for (int i = 1; i <= 300; i++) {
		event_log_add(f.log, (struct instant){ i }, "long", json_pack("{s:s}", "a", text));
		ev_run(f.loop, EVRUN_NOWAIT);
	}
	began = clock_now();
	for (struct pollfd pfd = { .fd = c.fd }; !(pfd.revents & POLLHUP);) {
		cr_assert(seconds_since(began) < DEADLINE_S, "still open");
		ev_run(f.loop, EVRUN_NOWAIT);
		poll(&pfd, 1, 20);
	}
	cr_expect(seconds_since(began) > 1.5, "%f s", seconds_since(began));
	close(c.fd);
	stop(&f);
}

/* No descriptor is left: nobody new gets in, the loop does not spin, and then all is well. */
Test(http, descriptors_run_out)
{
	static struct client c;
	struct fixture f;
	struct rlimit limit, old;
	struct instant began;

	start(&f, NULL, 0);
	cr_assert_eq(ask(&f, &c, GET("/v1/status")), 200);
	client_open(&c, &f);
	client_send(&f, &c, "", 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)c.fd + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	client_send(&f, &c, GET("/v1/status"), strlen(GET("/v1/status")));
	ev_run(f.loop, EVRUN_NOWAIT);
	began = clock_now();
	for (int i = 0; i < 8; i++)
		ev_run(f.loop, EVRUN_ONCE);
	cr_expect(seconds_since(began) > 0.2, "the loop spins");
	client_read(&c);
	cr_expect_eq(c.len, 0, "%s", c.buf);
	setrlimit(RLIMIT_NOFILE, &old);
	cr_expect(pump(&f, &c, "{\"method\":\"GET\"}"));
	close(c.fd);
	stop(&f);
}

Test(http, sockets_live_and_stale)
{
	struct fixture f;
	struct http_server *second;
	struct http_options options = { 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	start(&f, NULL, 0);
	options.unix_path = f.path;
	cr_expect_eq(http_server_new(&second, f.loop, &options, routes, &f), -EADDRINUSE);
	cr_assert_eq(stat(f.path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660);
	stop(&f);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(sun.sun_path, f.path, sizeof(f.path));
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	start(&f, NULL, 0);
	stop(&f);
	options.unix_path = NULL;
	cr_assert(endpoint_parse(&options.listen, "192.0.2.1:80", 0));
	cr_expect_eq(http_server_new(&second, f.loop, &options, routes, &f), -EADDRNOTAVAIL);
}
