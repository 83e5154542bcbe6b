/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_stream.c - following a daemon's server-sent events.
 *
 * The socket appears some time after the daemon has started; until then the
 * connection is tried again and again. HTTP/1.0, so that nothing is chunked.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/runtime/agent_parts.h"

#define RETRY_S 0.01

static const char request[] = "GET /v1/events?since=0 HTTP/1.0\r\nHost: localhost\r\n"
			      "Accept: text/event-stream\r\n\r\n";

struct agent_stream {
	struct agent *agent;
	const char *daemon; /* borrowed */
	char *path;
	ev_io readable;
	ev_timer retry;
	char buf[8192];
	size_t len;
};

static void event_send(struct agent_stream *s, const char *text, size_t len)
{
	json_t *event = json_loadb(text, len, 0, NULL);

	if (event)
		control_send(s->agent->control,
			     json_pack("{s:s, s:s, s:o}", "type", "event", "daemon", s->daemon,
				       "event", event),
			     -1);
}

/* Pass on whole lines, keep the rest. */
static void lines_handle(struct agent_stream *s)
{
	char *line = s->buf, *end = s->buf + s->len, *newline;

	while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
		if (newline - line > 5 && memcmp(line, "data:", 5) == 0)
			event_send(s, line + 5, (size_t)(newline - line) - 5);
		line = newline + 1;
	}
	s->len = (size_t)(end - line);
	memmove(s->buf, line, s->len);
	if (s->len == sizeof(s->buf))
		s->len = 0; /* no event is that long */
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct agent_stream *s = w->data;
	ssize_t n = read(w->fd, s->buf + s->len, sizeof(s->buf) - s->len);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ev_io_stop(loop, w);
		return;
	}
	s->len += (size_t)n;
	lines_handle(s);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct agent_stream *s = w->data;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)revents;
	strncpy(sun.sun_path, s->path, sizeof(sun.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    write(fd, request, sizeof(request) - 1) < 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	ev_timer_stop(loop, w);
	ev_io_set(&s->readable, fd, EV_READ);
	ev_io_start(loop, &s->readable);
}

struct agent_stream *agent_stream_new(struct agent *agent, const char *daemon, const char *path)
{
	struct agent_stream *s = x_new(struct agent_stream);

	s->agent = agent;
	s->daemon = daemon;
	s->path = xstrdup(path);
	ev_io_init(&s->readable, on_readable, -1, EV_READ);
	ev_timer_init(&s->retry, on_retry, RETRY_S, RETRY_S);
	s->readable.data = s->retry.data = s;
	ev_timer_start(agent->loop, &s->retry);
	return s;
}

void agent_stream_free(struct agent_stream *s)
{
	if (!s)
		return;
	ev_timer_stop(s->agent->loop, &s->retry);
	ev_io_stop(s->agent->loop, &s->readable);
	if (s->readable.fd >= 0)
		close(s->readable.fd);
	free(s->path);
	free(s);
}
