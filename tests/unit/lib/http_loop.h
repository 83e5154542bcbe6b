/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_loop.h - the server over a real socket: one thread pumps the loop and plays its clients.
 *
 * Its routes answer what they were asked; GET /v1/events is a stream of log. What goes wrong here
 * fails the test.
 */
#ifndef TESTS_UNIT_LIB_HTTP_LOOP_H
#define TESTS_UNIT_LIB_HTTP_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/clock.h"
#include "lib/http.h"

/* Patience with either side. */
#define HTTP_LOOP_DEADLINE_S 5

#define GET(path)	   "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define GET_KEPT	   "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
#define WITH(host, fields) " HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n" fields "\r\n"

struct http_loop {
	struct ev_loop *loop;
	struct http_server *server;
	struct event_log *log;
	char path[64];
};

struct http_loop_client {
	int fd; /* the caller closes it */
	char buf[256 * 1024];
	size_t len;
	bool eof;
};

extern const struct http_route http_loop_routes[];

void http_loop_start(struct http_loop *f, const char *token, unsigned limit);
/* Where it listens and its name are given here. */
void http_loop_start_with(struct http_loop *f, struct http_options options);
void http_loop_stop(struct http_loop *f);

void http_loop_open(struct http_loop_client *c, const struct http_loop *f);
void http_loop_send(struct http_loop *f, struct http_loop_client *c, const char *data, size_t len);
/* What there is by now. */
void http_loop_read(struct http_loop_client *c);
/* Let both sides work until the client has read text, or with NULL the end. */
bool http_loop_pump(struct http_loop *f, struct http_loop_client *c, const char *text);
/* One request on a connection of its own: its status; the whole answer is in c->buf. */
unsigned http_loop_ask(struct http_loop *f, struct http_loop_client *c, const char *request);

double http_loop_seconds_since(struct instant began);

#endif
