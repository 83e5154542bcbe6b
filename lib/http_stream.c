/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream is a response without length whose reader suspends the connection when the
 * log has nothing new. A new event, or 15 s of silence, resumes it. With an epoll set
 * that others wait for, libmicrohttpd 0.9.75 does not make resuming visible there, so
 * the server's watcher is fed; not MHD_run() called, for the event may come out of a
 * handler that libmicrohttpd is just calling.
 */
#include "lib/http_stream.h"

#include <assert.h>
#include <string.h>

#include "lib/alloc.h"

#define SILENCE_S  15.0
#define BLOCK_SIZE 4096

struct http_streams {
	struct ev_loop *loop;
	struct ev_io *wake;
	struct stream *first;
	unsigned count, limit;
	bool ended;
};

struct stream {
	struct event_subscriber sub; /* first: on_event() casts */
	struct http_streams *streams;
	struct stream *next, **link;
	struct event_log *log;
	struct MHD_Connection *connection;
	struct ev_timer silence;
	uint64_t after;
	char *pending; /* an event's text, sent up to pending_pos */
	size_t pending_pos;
	bool suspended;
	bool comment_due;
};

static void stream_wake(struct stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->connection);
	ev_feed_event(s->streams->loop, s->streams->wake, EV_READ);
}

static void on_event(struct event_subscriber *sub)
{
	stream_wake((struct stream *)sub);
}

static void on_silence(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct stream *s = timer->data;

	(void)loop;
	(void)revents;
	s->comment_due = true;
	stream_wake(s);
}

/* Make the next text pending; false when there is none. */
static bool stream_next(struct stream *s)
{
	const char *line = event_log_next(s->log, &s->after);

	free(s->pending);
	s->pending = NULL;
	s->pending_pos = 0;
	if (line)
		s->pending =
			xasprintf("id: %llu\ndata: %s\n\n", (unsigned long long)s->after, line);
	else if (s->comment_due)
		s->pending = xstrdup(": still here\n\n");
	s->comment_due = false;
	return s->pending != NULL;
}

static ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = cls;
	size_t used = 0;

	(void)pos;
	while (used < max && ((s->pending && s->pending[s->pending_pos]) || stream_next(s))) {
		size_t len = strlen(s->pending + s->pending_pos);

		len = len < max - used ? len : max - used;
		memcpy(buf + used, s->pending + s->pending_pos, len);
		s->pending_pos += len;
		used += len;
	}
	if (used > 0) {
		ev_timer_again(s->streams->loop, &s->silence);
		return (ssize_t)used;
	}
	if (s->streams->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	s->suspended = true;
	MHD_suspend_connection(s->connection);
	return 0;
}

static void stream_free(void *cls)
{
	struct stream *s = cls;

	s->streams->count--;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	event_log_unsubscribe(&s->sub);
	ev_timer_stop(s->streams->loop, &s->silence);
	free(s->pending);
	free(s);
}

struct http_streams *http_streams_new(struct ev_loop *loop, struct ev_io *wake, unsigned limit)
{
	struct http_streams *streams = x_new(struct http_streams);

	streams->loop = loop;
	streams->wake = wake;
	streams->limit = limit;
	return streams;
}

void http_streams_free(struct http_streams *streams)
{
	assert(!streams->first);
	free(streams);
}

bool http_streams_full(const struct http_streams *streams)
{
	return streams->count >= streams->limit;
}

void http_streams_end(struct http_streams *streams)
{
	streams->ended = true;
	for (struct stream *s = streams->first; s; s = s->next)
		stream_wake(s);
}

struct MHD_Response *http_stream_new(struct http_streams *streams, struct MHD_Connection *c,
				     struct event_log *log, uint64_t after)
{
	struct stream *s = x_new(struct stream);

	s->streams = streams;
	s->connection = c;
	s->log = log;
	s->after = after;
	s->sub.on_event = on_event;
	event_log_subscribe(log, &s->sub);
	ev_init(&s->silence, on_silence);
	s->silence.repeat = SILENCE_S;
	s->silence.data = s;
	ev_timer_again(streams->loop, &s->silence);
	s->next = streams->first;
	s->link = &streams->first;
	if (s->next)
		s->next->link = &s->next;
	streams->first = s;
	streams->count++;
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, stream_read, s,
						 stream_free);
}
