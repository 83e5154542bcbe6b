/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_stream.h - an event log as server-sent events; for http.c alone.
 *
 * Each event is "id: N", "data: {...}" and an empty line. After 15 s without one a
 * comment shows that the stream lives, and finds out whether its reader does. A reader
 * too slow for the log's ring misses events rather than hold them up.
 */
#ifndef LIB_HTTP_STREAM_H
#define LIB_HTTP_STREAM_H

#include <ev.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "lib/event_log.h"

struct http_streams;

/* wake is fed when MHD_run() has something to do for a stream. */
struct http_streams *http_streams_new(struct ev_loop *loop, struct ev_io *wake, unsigned limit);
/* There are as many as the limit: the caller refuses another. */
bool http_streams_full(const struct http_streams *streams);
/* After MHD_stop_daemon(), which ends every stream. */
void http_streams_free(struct http_streams *streams);
/* Send what the log still has, then the end; takes one or two MHD_run(). */
void http_streams_end(struct http_streams *streams);
/* The response for c, which the caller queues and destroys. NULL when libmicrohttpd refuses. */
struct MHD_Response *http_stream_new(struct http_streams *streams, struct MHD_Connection *c,
				     struct event_log *log, uint64_t after);

#endif
