/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.h - the REST server of every program: libmicrohttpd in the caller's loop.
 *
 * A program hands over one table of routes. A handler is a function of the
 * request and the program's context that fills a reply and returns the HTTP
 * status; it opens no socket and so is tested without one (http_dispatch()).
 * Errors are RFC 9457 problem documents. Bodies are JSON objects of at most
 * HTTP_BODY_MAX bytes. Where a token is set, all but /healthz needs
 * "Authorization: Bearer <token>". One thread: the loop's.
 *
 * Web pages of others are kept out. A body, and every POST, needs Content-Type:
 * application/json (415): a browser asks before it sends that, and is refused. Without
 * a token the Host field must be an address or a name without dots (421): what a page
 * gets by rebinding its own name to 127.0.0.1 has a dot.
 *
 * A request must be whole within 10 s, and its answer taken within 10 s more, however
 * slowly the bytes come. At the limit of connections whoever has waited longest
 * (1 s at least) without a whole request is hung up on. Half of all connections may be
 * streams (503 beyond); one that takes nothing for 30 s ends.
 *
 * No problem documents, because libmicrohttpd 0.9.75 answers by itself, with HTML or by
 * hanging up: what is not HTTP, a HTTP/1.1 request without Host, a broken Content-Length
 * (400); a head of over about 32 KiB (413, 414 or 431); a chunked body broken, or over 1 MiB.
 */
#ifndef LIB_HTTP_H
#define LIB_HTTP_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"
#include "lib/event_log.h"

#define HTTP_BODY_MAX	((size_t)64 * 1024)
#define HTTP_PARAMS_MAX 4

struct http_request {
	const char *method;
	const char *path; /* undecoded, without the query */
	/* What the pattern's {names} matched, percent-decoded, in their order; for the handler. */
	const char *params[HTTP_PARAMS_MAX];
	/* Query arguments, percent-decoded: an object of strings. Never NULL. */
	json_t *query;
	/* The parsed body, NULL when there was none. */
	json_t *body;
};

/* Exactly one of json, text and events is set by a handler, or none for 204. Owned by the server.
 */
struct http_reply {
	json_t *json;
	char *text; /* malloc'd, sent with content_type */
	const char *content_type;
	char *location; /* malloc'd: the Location header, of a 201 or 202 */
	/*
	 * Served as server-sent events, from ?since=ID or Last-Event-ID on (default: from now);
	 * the route must list "since". The log must outlive the server.
	 */
	struct event_log *events;
	char allow[48]; /* of a 405, set by http_dispatch() */
};

typedef int http_handler(void *ctx, const struct http_request *req, struct http_reply *reply);

struct http_route {
	const char *method;  /* "GET" serves HEAD too */
	const char *pattern; /* "/v1/peers/{name}" */
	http_handler *handler;
	/* Known query arguments, ends with NULL; NULL: none. Others are 400. */
	const char *const *query;
};

struct http_options {
	struct endpoint listen;	    /* used when unix_path is NULL */
	const char *unix_path;	    /* a stale socket there is replaced; mode 0660 */
	const char *token;	    /* NULL: none asked for */
	bool any_host;		    /* for pages of the public: Host may be any name */
	const char *server_name;    /* for the Server header, "catchment-lb/0.1.0" */
	unsigned connection_limit;  /* 0: 256 */
	unsigned request_timeout_s; /* 0: 10 */
};

struct http_server;

/*
 * Start to listen. routes end with a NULL method; routes, ctx and the options' strings must
 * outlive the server. Returns 0 and sets *out, or -errno.
 */
int http_server_new(struct http_server **out, struct ev_loop *loop,
		    const struct http_options *options, const struct http_route *routes, void *ctx);
void http_server_free(struct http_server *server);

/*
 * Find the route and call its handler. Unknown path: 404, wrong method: 405, unknown query
 * argument: 400. params of req are filled in here. Returns the status. Pure but for the handler.
 */
int http_dispatch(const struct http_route *routes, void *ctx, struct http_request *req,
		  struct http_reply *reply);
/*
 * Is there a route for method and path? 0, or the 404 or 405 that http_dispatch() would
 * give, in reply. So that a wrong path is told before a wrong body.
 */
int http_route_find(const struct http_route *routes, const struct http_request *req,
		    struct http_reply *reply);
/*
 * Make reply a problem document. pointer may be NULL, else it is a JSON pointer into the body
 * ("" or "/...") or the name of a query argument. Returns status.
 */
int http_problem(struct http_reply *reply, int status, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A query argument's value, NULL when absent. */
const char *http_query(const struct http_request *req, const char *name);
/* Release what a handler put into reply. For tests; the server does it itself. */
void http_reply_fini(struct http_reply *reply);

struct conf;
/*
 * Read {"listen": "127.0.0.1:8080" | "unix:PATH", "token_file": PATH} into options. A listen
 * address off loopback without a token is a mistake. *token (malloc'd, may be NULL) is the
 * caller's.
 */
void http_options_load(const struct conf *object, struct http_options *options, char **token);

#endif
