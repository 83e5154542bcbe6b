/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_connections.h - who is connected to the REST server, and how long; for http.c alone.
 *
 * Accepts, and hands what it has accepted to libmicrohttpd, whose own time limit counts
 * from the last byte, so that a byte now and then holds a connection for ever. Here a
 * request must be whole, and its answer be taken, within a time each; only streams are
 * free of it. At the limit of connections, or when descriptors run out, whoever has
 * waited longest without a whole request makes room for the next.
 */
#ifndef LIB_HTTP_CONNECTIONS_H
#define LIB_HTTP_CONNECTIONS_H

#include <ev.h>
#include <microhttpd.h>

enum http_phase {
	HTTP_WAITING,	/* for a whole request */
	HTTP_ANSWERING, /* one with an end */
	HTTP_STREAMING, /* one without */
};

struct http_connections;

/* fd listens; it is owned from here on. wake is fed when MHD_run() has something to do. */
struct http_connections *http_connections_new(struct ev_loop *loop, struct ev_io *wake, int fd,
					      unsigned limit, unsigned timeout_s);
/* The daemon is made for http_connections_notify(), so it comes after. Starts to accept. */
void http_connections_start(struct http_connections *all, struct MHD_Daemon *daemon);
/* Accept what is waiting, for the last time. */
void http_connections_last(struct http_connections *all);
/* After MHD_stop_daemon(). */
void http_connections_free(struct http_connections *all);

/* For MHD_OPTION_NOTIFY_CONNECTION; cls is struct http_connections. */
void http_connections_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
			     enum MHD_ConnectionNotificationCode code);
/* mhd has got into a phase; its time begins anew. */
void http_connection_enter(struct MHD_Connection *mhd, enum http_phase phase);

#endif
