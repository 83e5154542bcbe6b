/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_ask.c - a request to a daemon's API, and its answer.
 *
 *	{"type":"ask", "what":"drain", "socket":"/run/catchment-lb.sock", "method":"POST",
 *	 "path":"/v1/drain", "body":{...}}
 *	{"type":"asked", "what":"drain", "status":200, "answer":{...} or null}
 *
 * Status 0: there was no answer. Requests are few, and one does not wait for another. HTTP/1.0, so
 * that the end of the connection is that of the answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/runtime/agent_parts.h"

#define PATIENCE_S 5

struct asking {
	struct agent *agent;
	char *what;
	ev_io readable;
	ev_timer patience;
	char buf[16384];
	size_t len;
};

/* "HTTP/1.0 200 OK", fields, an empty line, JSON. */
static void answer_send(struct asking *a, const char *text)
{
	const char *body = strstr(text, "\r\n\r\n"), *space = strchr(text, ' ');
	int status = space ? (int)strtol(space, NULL, 10) : 0;

	control_send(a->agent->control,
		     json_pack("{s:s, s:s, s:i, s:o?}", "type", "asked", "what", a->what, "status",
			       status, "answer",
			       body ? json_loads(body + 4, JSON_DISABLE_EOF_CHECK, NULL) : NULL),
		     -1);
}

static void finish(struct asking *a)
{
	a->buf[a->len] = '\0';
	answer_send(a, a->buf);
	ev_io_stop(a->agent->loop, &a->readable);
	ev_timer_stop(a->agent->loop, &a->patience);
	close(a->readable.fd);
	free(a->what);
	free(a);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct asking *a = w->data;
	ssize_t n = read(w->fd, a->buf + a->len, sizeof(a->buf) - 1 - a->len);

	(void)loop;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		a->len += (size_t)n;
	if (n <= 0 || a->len == sizeof(a->buf) - 1)
		finish(a);
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	finish(w->data);
}

static const char *text_at(const json_t *msg, const char *key)
{
	const char *text = json_string_value(json_object_get(msg, key));

	return text ? text : "";
}

static char *request_of(const json_t *msg)
{
	char *body = json_dumps(json_object_get(msg, "body"), JSON_COMPACT);
	char *request = xasprintf("%s %s HTTP/1.0\r\nHost: localhost\r\n"
				  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				  text_at(msg, "method"), text_at(msg, "path"),
				  body ? strlen(body) : 0, body ? body : "");

	free(body);
	return request;
}

/* A Unix socket takes a request of this size whole, or none. */
static int socket_ask(const char *path, const char *request)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	size_t len = strlen(request);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	    write(fd, request, len) == (ssize_t)len)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void agent_ask(struct agent *agent, const json_t *msg)
{
	struct asking *a = x_new(struct asking);
	char *request = request_of(msg);
	int fd = socket_ask(text_at(msg, "socket"), request);

	free(request);
	a->agent = agent;
	a->what = xstrdup(text_at(msg, "what"));
	if (fd < 0) {
		answer_send(a, "");
		free(a->what);
		free(a);
		return;
	}
	ev_io_init(&a->readable, on_readable, fd, EV_READ);
	ev_timer_init(&a->patience, on_patience, PATIENCE_S, 0);
	a->readable.data = a->patience.data = a;
	ev_io_start(agent->loop, &a->readable);
	ev_timer_start(agent->loop, &a->patience);
}
