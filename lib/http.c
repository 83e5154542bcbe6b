/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.c - libmicrohttpd within the caller's loop: the half of http.h that has
 * sockets.
 *
 * libmicrohttpd runs no thread here. Its epoll descriptor is watched by libev,
 * MHD_run() does what is ready, and a timer follows MHD_get_timeout(). A request
 * lives in a struct exchange from its first line to its completion: the
 * target is taken raw from the first line because libmicrohttpd decodes "%2F" to
 * '/' in the path that it hands over; the body is gathered; then http_dispatch()
 * decides and the reply is queued.
 */
#include "lib/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/conf.h"
#include "lib/http_connections.h"
#include "lib/http_stream.h"
#include "lib/http_target.h"
#include "lib/listen.h"
#include "lib/log.h"

/* A body too long is read to its end up to here, so that its sender gets to see the 413. */
#define DRAIN_MAX ((size_t)1024 * 1024)
/* Of libmicrohttpd's, from byte to byte, in request timeouts: ends streams that nobody reads. */
#define IDLE_TIMEOUTS	  3
#define REQUEST_TIMEOUT_S 10
#define CONNECTION_LIMIT  256
#define TARGET_MAX	  ((size_t)8 * 1024)

struct http_server {
	struct ev_loop *loop;
	struct MHD_Daemon *daemon;
	const struct http_route *routes;
	void *ctx;
	const char *token;
	bool any_host;
	const char *server_name;
	const char *unix_path;
	struct ev_io io;
	struct ev_timer timer;
	struct http_streams *streams;
	struct http_connections *connections;
};

struct exchange {
	struct http_server *server;
	char *target;
	bool begun;
	bool allowed; /* the token was right, or none is needed */
	char *body;   /* HTTP_BODY_MAX bytes, allocated with the first */
	size_t body_len;
};

/* ---- replies ---- */

/* ?since=ID wins over Last-Event-ID, which a browser repeats by itself. */
static bool stream_start_parse(struct MHD_Connection *c, const struct http_request *req,
			       const struct event_log *log, uint64_t *after)
{
	const char *text = http_query(req, "since");
	unsigned long long id;
	char *end;

	if (!text)
		text = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID");
	if (!text) {
		*after = event_log_last_id(log);
		return true;
	}
	errno = 0;
	id = strtoull(text, &end, 10);
	*after = id;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static struct MHD_Response *response_from_text(char *text, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(text ? strlen(text) : 0, text,
								 MHD_RESPMEM_MUST_FREE);

	if (r && text && type)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return r;
}

static struct MHD_Response *response_from_json(const json_t *json, const char *type)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));
	char *line;

	if (!text)
		abort();
	line = xasprintf("%s\n", text);
	free(text);
	return response_from_text(line, type ? type : "application/json");
}

static struct MHD_Response *stream_begin(struct http_server *server, struct MHD_Connection *c,
					 struct event_log *log, uint64_t after)
{
	http_connection_enter(c, HTTP_STREAMING);
	return http_stream_new(server->streams, c, log, after);
}

static enum MHD_Result reply_send(struct http_server *server, struct MHD_Connection *c,
				  const struct http_request *req, int status,
				  struct http_reply *reply)
{
	struct MHD_Response *r;
	enum MHD_Result result;
	uint64_t after;

	if (reply->events && !stream_start_parse(c, req, reply->events, &after))
		status = http_problem(reply, 400, "since", "not the id of an event");
	else if (reply->events && http_streams_full(server->streams))
		status = http_problem(reply, 503, NULL, "too many streams are open already");
	if (reply->events) {
		/* libmicrohttpd 0.9.75 ends a chunked answer to HEAD with a last chunk. */
		if (strcmp(req->method, "HEAD") == 0)
			r = response_from_text(NULL, NULL);
		else
			r = stream_begin(server, c, reply->events, after);
		if (r)
			MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
						"text/event-stream");
	} else if (reply->json) {
		r = response_from_json(reply->json, reply->content_type);
	} else {
		r = response_from_text(reply->text, reply->content_type);
		reply->text = NULL;
	}
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (server->server_name)
		MHD_add_response_header(r, MHD_HTTP_HEADER_SERVER, server->server_name);
	if (reply->location)
		MHD_add_response_header(r, MHD_HTTP_HEADER_LOCATION, reply->location);
	if (reply->allow[0])
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, reply->allow);
	if (status == 401)
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	result = MHD_queue_response(c, (unsigned)status, r);
	MHD_destroy_response(r);
	http_reply_fini(reply);
	return result;
}

/* ---- requests ---- */

/* Takes as long for a wrong first byte as for a wrong last one. */
static bool token_equal(const char *given, const char *token)
{
	size_t given_len = strlen(given), token_len = strlen(token);
	volatile size_t difference = given_len ^ token_len;

	for (size_t i = 0; i < given_len; i++)
		difference |= (size_t)(unsigned char)(given[i] ^ token[i % token_len]);
	return difference == 0;
}

static bool is_allowed(const struct exchange *x, struct MHD_Connection *c)
{
	const char *token = x->server->token, *given;

	if (!token || strcmp(x->target, "/healthz") == 0)
		return true;
	given = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	return given && strncasecmp(given, "Bearer ", 7) == 0 && token_equal(given + 7, token);
}

/*
 * A page whose name its owner's DNS suddenly says is 127.0.0.1 may read what it likes
 * from there, and a relay makes a Unix socket no safer: the name in Host is still the page's.
 * Where no token keeps it out, only an address or a name without dots is taken.
 */
static bool is_host_ours(const struct exchange *x, struct MHD_Connection *c)
{
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	struct endpoint at;

	return x->server->token || x->server->any_host || !host || !strchr(host, '.') ||
	       endpoint_parse(&at, host, 80);
}

/* A GET's body means nothing (RFC 9110, section 9.3.1): it is read and dropped. */
static bool has_body(const struct exchange *x, const char *method)
{
	return x->body_len > 0 && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/*
 * A page of another site may POST text/plain here unasked, and an empty body too; for
 * application/json, and for all other methods, a browser asks first and is refused.
 */
static bool is_type_wrong(const struct exchange *x, struct MHD_Connection *c, const char *method)
{
	static const char json[] = "application/json";
	const char *type =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);

	if (!has_body(x, method) && strcmp(method, "POST") != 0)
		return false;
	if (!type || strncasecmp(type, json, strlen(json)) != 0)
		return true;
	type += strlen(json);
	type += strspn(type, " \t");
	return *type != '\0' && *type != ';';
}

/* Read the body into req; 0, or the status of a problem. */
static int body_parse(const struct exchange *x, struct MHD_Connection *c, struct http_request *req,
		      struct http_reply *reply)
{
	struct conf_error err = { 0 };
	char text[sizeof(err.path) + sizeof(err.reason) + 2];

	if (is_type_wrong(x, c, req->method))
		return http_problem(reply, 415, NULL, "Content-Type must be application/json");
	if (!has_body(x, req->method))
		return 0;
	req->body = conf_read_text(x->body, x->body_len, &err);
	if (req->body)
		return 0;
	return http_problem(reply, 400, "", "%s", conf_error_format(&err, text, sizeof(text)));
}

/* What is wrong before anybody looks at what is asked: 0, or the status of a problem. */
static int exchange_refuse(const struct exchange *x, struct MHD_Connection *c,
			   struct http_reply *reply)
{
	if (!x->allowed)
		return http_problem(reply, 401, NULL, "a bearer token is needed");
	if (!is_host_ours(x, c))
		return http_problem(reply, 421, NULL,
				    "without a token, Host must be an address or have no dots");
	if (strlen(x->target) > TARGET_MAX)
		return http_problem(reply, 414, NULL, "a target has at most %zu bytes", TARGET_MAX);
	if (x->body_len > HTTP_BODY_MAX)
		return http_problem(reply, 413, NULL, "a body has at most %zu bytes",
				    HTTP_BODY_MAX);
	return 0;
}

/* From a whole request to its status and reply. */
static int exchange_decide(const struct exchange *x, struct MHD_Connection *c,
			   struct http_request *req, struct http_reply *reply)
{
	int status = exchange_refuse(x, c, reply);
	const char *wrong;
	char *path;

	if (status)
		return status;
	wrong = http_target_split(x->target, &path, &req->query);
	if (wrong)
		return http_problem(reply, 400, NULL, "%s", wrong);
	req->path = path;
	status = http_route_find(x->server->routes, req, reply);
	if (!status)
		status = body_parse(x, c, req, reply);
	if (!status)
		status = http_dispatch(x->server->routes, x->server->ctx, req, reply);
	req->path = NULL;
	free(path);
	return status;
}

static enum MHD_Result exchange_finish(struct exchange *x, struct MHD_Connection *c,
				       const char *method)
{
	struct http_request req = { .method = method };
	struct http_reply reply = { 0 };
	enum MHD_Result result;
	int status;

	http_connection_enter(c, HTTP_ANSWERING);
	status = exchange_decide(x, c, &req, &reply);
	result = reply_send(x->server, c, &req, status, &reply);
	json_decref(req.query);
	json_decref(req.body);
	return result;
}

static void body_add(struct exchange *x, const char *data, size_t len)
{
	/* Nothing is kept for strangers. */
	if (x->allowed && x->body_len + len <= HTTP_BODY_MAX) {
		if (!x->body)
			x->body = xmalloc(HTTP_BODY_MAX);
		memcpy(x->body + x->body_len, data, len);
	}
	x->body_len += len;
}

static bool length_is_hopeless(struct MHD_Connection *c)
{
	const char *text =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text && strtoull(text, NULL, 10) > DRAIN_MAX;
}

/* Called for the head, for each piece of the body, and once more at the end. */
/* NOLINTNEXTLINE(readability-function-size): the shape is libmicrohttpd's */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *c, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *data_len, void **con_cls)
{
	struct exchange *x = *con_cls;

	(void)cls;
	(void)url;
	(void)version;
	if (!x->begun) {
		x->begun = true;
		x->allowed = is_allowed(x, c);
		if (!length_is_hopeless(c))
			return MHD_YES;
		x->body_len = DRAIN_MAX;
		return exchange_finish(x, c, method);
	}
	if (*data_len > 0) {
		body_add(x, data, *data_len);
		*data_len = 0;
		return x->body_len <= DRAIN_MAX ? MHD_YES : MHD_NO;
	}
	return exchange_finish(x, c, method);
}

/* The first to hear of a request; what it returns becomes *con_cls. */
static void *on_target(void *cls, const char *uri, struct MHD_Connection *c)
{
	struct exchange *x = x_new(struct exchange);
	char *query = strchr((char *)uri, '?');

	(void)c;
	x->server = cls;
	x->target = xstrdup(uri);
	/*
	 * The text is libmicrohttpd's own buffer. Out of a long query it would make more
	 * arguments than it has memory for, and then not even answer; we split ours.
	 */
	if (query)
		query[1] = '\0';
	return x;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
			 enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *con_cls;

	(void)cls;
	(void)code;
	if (!x)
		return;
	http_connection_enter(c, HTTP_WAITING);
	free(x->target);
	free(x->body);
	free(x);
	*con_cls = NULL;
}

/* ---- the loop ---- */

static void server_run(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(server->daemon);
	ev_timer_stop(server->loop, &server->timer);
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES) {
		ev_timer_set(&server->timer, (double)wait_ms / 1000, 0);
		ev_timer_start(server->loop, &server->timer);
	}
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	server_run(io->data);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	server_run(timer->data);
}

static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
	char line[256];

	(void)cls;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("http: %s", line);
}

static struct MHD_Daemon *daemon_start(struct http_server *server, unsigned limit,
				       unsigned timeout_s)
{
	/* The logger first: libmicrohttpd writes to stderr until it has read it. */
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			MHD_USE_NO_LISTEN_SOCKET,
		0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, http_connections_notify, server->connections,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, limit,
		MHD_OPTION_CONNECTION_TIMEOUT, timeout_s * IDLE_TIMEOUTS,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static struct http_server *server_init(struct ev_loop *loop, const struct http_options *options,
				       const struct http_route *routes, void *ctx)
{
	struct http_server *server = x_new(struct http_server);

	server->loop = loop;
	server->routes = routes;
	server->ctx = ctx;
	server->token = options->token;
	server->any_host = options->any_host;
	server->server_name = options->server_name;
	server->unix_path = options->unix_path;
	return server;
}

static void watchers_start(struct http_server *server)
{
	ev_io_init(&server->io, on_io,
		   MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		   EV_READ);
	server->io.data = server;
	ev_io_start(server->loop, &server->io);
	ev_init(&server->timer, on_timer);
	server->timer.data = server;
	http_connections_start(server->connections, server->daemon);
}

int http_server_new(struct http_server **out, struct ev_loop *loop,
		    const struct http_options *options, const struct http_route *routes, void *ctx)
{
	unsigned limit = options->connection_limit ? options->connection_limit : CONNECTION_LIMIT;
	unsigned timeout_s =
		options->request_timeout_s ? options->request_timeout_s : REQUEST_TIMEOUT_S;
	struct http_server *server;
	int fd =
		options->unix_path ? listen_unix(options->unix_path) : listen_tcp(&options->listen);

	if (fd < 0)
		return fd;
	server = server_init(loop, options, routes, ctx);
	/* Half of all connections: the rest is for those who ask and go. */
	server->streams = http_streams_new(loop, &server->io, limit > 1 ? limit / 2 : 1);
	server->connections = http_connections_new(loop, &server->io, fd, limit, timeout_s);
	server->daemon = daemon_start(server, limit, timeout_s);
	if (!server->daemon) {
		close(fd);
		http_connections_free(server->connections);
		http_streams_free(server->streams);
		free(server);
		return -EIO;
	}
	watchers_start(server);
	*out = server;
	return 0;
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	/* Streams get what the log still has for them, then their end. */
	http_streams_end(server->streams);
	http_connections_last(server->connections);
	MHD_run(server->daemon);
	MHD_run(server->daemon);
	ev_io_stop(server->loop, &server->io);
	ev_timer_stop(server->loop, &server->timer);
	MHD_stop_daemon(server->daemon);
	http_streams_free(server->streams);
	http_connections_free(server->connections);
	if (server->unix_path)
		unlink(server->unix_path);
	free(server);
}
