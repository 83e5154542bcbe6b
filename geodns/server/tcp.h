/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcp.h - answering over TCP (RFC 7766), in the control loop.
 *
 * A connection carries any number of queries, pipelined and in whatever pieces;
 * they are answered in their order. It ends when the client has closed its
 * side and has got its answers, on a length of 0, on a message that deserves no
 * reply, and when no whole query has come for the idle time. A client that does
 * not read its answers is not read from.
 */
#ifndef GEODNS_SERVER_TCP_H
#define GEODNS_SERVER_TCP_H

#include <ev.h>

#include "geodns/server/counters.h"
#include "geodns/server/store.h"
#include "lib/addr.h"

struct tcp_server;

/*
 * As udp_server_new(). conf says how many connections there may be, in all and of one client (an
 * IPv4 address or an IPv6 /64), and how long idle; it must outlive the server. The store must hold
 * a snapshot when the loop runs.
 */
int tcp_server_new(struct tcp_server **out, struct ev_loop *loop, const struct geodns_conf *conf,
		   const struct store *store, const struct endpoint **failed);
/* Other limits and idle time; what conf listens on does not count. Instead of the one before. */
void tcp_server_conf_set(struct tcp_server *server, const struct geodns_conf *conf);
void tcp_server_free(struct tcp_server *server);
void tcp_server_count(const struct tcp_server *server, struct counters *sum);
unsigned tcp_server_connections(const struct tcp_server *server);
/* Connections closed at once because of the limits. */
uint64_t tcp_server_refused(const struct tcp_server *server);

#endif
