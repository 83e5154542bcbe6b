/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lib/http_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/http_head.h"

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
	struct http_loop *f = ctx;

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

const struct http_route http_loop_routes[] = {
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

void http_loop_start_with(struct http_loop *f, struct http_options options)
{
	snprintf(f->path, sizeof(f->path), "/tmp/catchment-test-http-%d.sock", (int)getpid());
	options.unix_path = f->path;
	options.server_name = "catchment-test/1";
	f->loop = ev_loop_new(EVFLAG_AUTO);
	f->log = event_log_new(100);
	cr_assert_eq(http_server_new(&f->server, f->loop, &options, http_loop_routes, f), 0);
}

void http_loop_start(struct http_loop *f, const char *token, unsigned limit)
{
	http_loop_start_with(f, (struct http_options){ .token = token, .connection_limit = limit });
}

void http_loop_stop(struct http_loop *f)
{
	http_server_free(f->server);
	event_log_free(f->log);
	ev_loop_destroy(f->loop);
	cr_expect_neq(access(f->path, F_OK), 0, "socket left behind");
}

void http_loop_open(struct http_loop_client *c, const struct http_loop *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	c->len = 0;
	c->eof = false;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	memcpy(sun.sun_path, f->path, sizeof(f->path));
	cr_assert_eq(connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
}

void http_loop_read(struct http_loop_client *c)
{
	ssize_t n = read(c->fd, c->buf + c->len, sizeof(c->buf) - 1 - c->len);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->eof = true;
	if (n > 0)
		c->len += (size_t)n;
	c->buf[c->len] = '\0';
}

bool http_loop_pump(struct http_loop *f, struct http_loop_client *c, const char *text)
{
	struct instant deadline = instant_after_s(clock_now(), HTTP_LOOP_DEADLINE_S);

	while (!instant_reached(deadline, clock_now())) {
		struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

		ev_run(f->loop, EVRUN_NOWAIT);
		if (poll(&pfd, 1, 1) > 0)
			http_loop_read(c);
		if (text ? strstr(c->buf, text) != NULL : c->eof)
			return true;
		if (c->eof)
			return false;
	}
	return false;
}

void http_loop_send(struct http_loop *f, struct http_loop_client *c, const char *data, size_t len)
{
	struct instant deadline = instant_after_s(clock_now(), HTTP_LOOP_DEADLINE_S);

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

unsigned http_loop_ask(struct http_loop *f, struct http_loop_client *c, const char *request)
{
	struct http_head head = { 0 };

	http_loop_open(c, f);
	http_loop_send(f, c, request, strlen(request));
	cr_expect(http_loop_pump(f, c, NULL), "no end of the answer");
	close(c->fd);
	cr_expect_eq(http_head_parse(&head, c->buf, c->len), HTTP_HEAD_DONE);
	return head.status;
}

double http_loop_seconds_since(struct instant began)
{
	return (double)(clock_now().ns - began.ns) / 1e9;
}
