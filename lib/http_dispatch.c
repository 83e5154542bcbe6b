/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_dispatch.c - from a request to a handler and from a mistake to a problem
 * document: the half of http.h that needs no socket.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/conf.h"
#include "lib/http.h"
#include "lib/http_target.h"

/* RFC 9110, section 15: the reason phrases of what is sent here. */
static const char *status_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return "Error";
}

int http_problem(struct http_reply *reply, int status, const char *pointer, const char *fmt, ...)
{
	char detail[512];
	json_t *problem;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	/* A text cut inside a character, or quoting something wild, is not UTF-8. */
	for (char *p = detail; *p; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
	}
	problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
			    status_title(status), "status", status, "detail", detail);
	assert(problem);
	if (pointer)
		json_object_set_new(problem,
				    pointer[0] == '/' || !pointer[0] ? "pointer" : "parameter",
				    json_string(pointer));
	http_reply_fini(reply);
	reply->json = problem;
	reply->content_type = "application/problem+json";
	return status;
}

void http_reply_fini(struct http_reply *reply)
{
	json_decref(reply->json);
	free(reply->text);
	free(reply->location);
	*reply = (struct http_reply){ 0 };
}

const char *http_query(const struct http_request *req, const char *name)
{
	return json_string_value(json_object_get(req->query, name));
}

/* Take "/segment" off *rest; false at the end. */
static bool segment_next(const char **rest, const char **segment, size_t *len)
{
	if (**rest != '/')
		return false;
	*segment = *rest + 1;
	*len = strcspn(*segment, "/");
	*rest = *segment + *len;
	return true;
}

/* What a pattern's {names} matched: all of it within one buffer. */
struct match {
	char *text;
	const char *params[HTTP_PARAMS_MAX];
};

/* text has room for the path and one more byte: decoding never grows. */
static bool pattern_match(const char *pattern, const char *path, struct match *m)
{
	const char *want, *have;
	size_t want_len, have_len, n = 0;
	char *out = m->text;

	while (segment_next(&pattern, &want, &want_len)) {
		if (!segment_next(&path, &have, &have_len) ||
		    !http_segment_decode(have, have_len, out))
			return false;
		if (want[0] == '{' && want_len > 0) {
			assert(n < HTTP_PARAMS_MAX);
			if (!out[0])
				return false;
			m->params[n++] = out;
			out += strlen(out) + 1;
		} else if (strlen(out) != want_len || memcmp(out, want, want_len) != 0) {
			return false;
		}
	}
	return *path == '\0';
}

static bool method_match(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Append a method to the Allow header, once. */
static void allow_add(struct http_reply *reply, const char *method)
{
	size_t used = strlen(reply->allow);

	if (!strstr(reply->allow, method))
		snprintf(reply->allow + used, sizeof(reply->allow) - used, "%s%s%s",
			 used ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* NULL, or the first query argument that the route does not know. */
static const char *query_unknown(const struct http_route *route, const json_t *query)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)query, name, value) {
		const char *const *known = route->query;

		while (known && *known && strcmp(*known, name) != 0)
			known++;
		if (!known || !*known)
			return name;
	}
	return NULL;
}

static int route_call(const struct http_route *route, void *ctx, struct http_request *req,
		      struct http_reply *reply)
{
	const char *unknown = query_unknown(route, req->query);

	if (unknown)
		return http_problem(reply, 400, unknown, "unknown query argument");
	return route->handler(ctx, req, reply);
}

/*
 * The route for method and path. NULL: reply holds a 404 or 405. text has room for
 * the path and HTTP_PARAMS_MAX bytes more.
 */
static const struct http_route *route_find(const struct http_route *routes,
					   const struct http_request *req, struct match *m,
					   struct http_reply *reply)
{
	struct http_reply allowed = { 0 };

	for (const struct http_route *r = routes; r->method; r++) {
		memset(m->params, 0, sizeof(m->params));
		if (!pattern_match(r->pattern, req->path, m))
			continue;
		if (method_match(r, req->method))
			return r;
		allow_add(&allowed, r->method);
	}
	if (allowed.allow[0]) {
		http_problem(reply, 405, NULL, "only %s here", allowed.allow);
		memcpy(reply->allow, allowed.allow, sizeof(reply->allow));
	} else {
		http_problem(reply, 404, NULL, "nothing at this path");
	}
	return NULL;
}

int http_route_find(const struct http_route *routes, const struct http_request *req,
		    struct http_reply *reply)
{
	struct match m = { .text = xmalloc(strlen(req->path) + HTTP_PARAMS_MAX + 1) };
	const struct http_route *found = route_find(routes, req, &m, reply);

	free(m.text);
	if (found)
		return 0;
	return reply->allow[0] ? 405 : 404;
}

int http_dispatch(const struct http_route *routes, void *ctx, struct http_request *req,
		  struct http_reply *reply)
{
	struct match m = { .text = xmalloc(strlen(req->path) + HTTP_PARAMS_MAX + 1) };
	const struct http_route *found = route_find(routes, req, &m, reply);
	int status;

	if (found) {
		memcpy(req->params, m.params, sizeof(req->params));
		status = route_call(found, ctx, req, reply);
		memset(req->params, 0, sizeof(req->params));
	} else {
		status = reply->allow[0] ? 405 : 404;
	}
	free(m.text);
	return status;
}

static bool is_loopback(const struct addr *addr)
{
	static const struct prefix blocks[] = { { { ADDR_IPV4, { 127 } }, 8 },
						{ { ADDR_IPV6, { [15] = 1 } }, 128 } };

	return prefix_contains(&blocks[0], addr) || prefix_contains(&blocks[1], addr);
}

/* The file's one line, malloc'd. NULL, and the mistake recorded, when it is no token. */
static char *token_read(const struct conf *at, const char *path)
{
	char buf[256];
	FILE *f = fopen(path, "re");
	size_t len;

	if (!f) {
		conf_fail(at, "cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	len = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\r'))
		len--;
	for (size_t i = 0; i < len; i++) {
		if (buf[i] <= ' ' || buf[i] > '~')
			len = 0;
	}
	if (len < 8 || len == sizeof(buf)) {
		conf_fail(at, "%s must hold one line of 8 to 255 printable characters", path);
		return NULL;
	}
	buf[len] = '\0';
	return xstrdup(buf);
}

void http_options_load(const struct conf *object, struct http_options *options, char **token)
{
	const struct conf listen = conf_require(object, "listen");
	const struct conf file = conf_get(object, "token_file");
	const char *text;

	*token = NULL;
	CONF_KEYS(object, "listen", "token_file");
	text = listen.json ? conf_as_string(&listen) : "";
	if (strncmp(text, "unix:", 5) == 0) {
		options->unix_path = text + 5;
		/* sun_path of unix(7), its final zero included. */
		if (strlen(options->unix_path) < 1 || strlen(options->unix_path) > 107)
			conf_fail(&listen, "a socket's path has 1 to 107 bytes");
	} else if (listen.json) {
		options->listen = conf_endpoint(object, "listen", 0);
	}
	if (file.json)
		*token = token_read(&file, conf_as_string(&file));
	else if (!options->unix_path && listen.json && options->listen.addr.family != ADDR_NONE &&
		 !is_loopback(&options->listen.addr))
		conf_fail(&listen, "listening off loopback needs a token_file");
	options->token = *token;
}
