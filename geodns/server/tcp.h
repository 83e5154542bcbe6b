/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcp.h - answering over TCP (RFC 7766) and TLS (RFC 7858), in threads of its own.
 *
 * As many as for UDP, each with its own loop and a listening socket of its own for each address
 * (the kernel spreads connections over them): a connection is one thread's from its beginning to
 * its end. Threads share the store, the limits (gate.h) and the TLS credentials.
 *
 * A connection carries any number of queries, pipelined and in whatever pieces;
 * they are answered in their order. It ends when the client has closed its
 * side and has got its answers, on a length of 0, on a message that deserves no
 * reply, and when no whole query has come for the idle time, a TLS handshake included. A client
 * that does not read its answers is not read from; one that sends many queries at once does not
 * keep others waiting.
 */
#ifndef GEODNS_SERVER_TCP_H
#define GEODNS_SERVER_TCP_H

#include "geodns/server/counters.h"
#include "geodns/server/store.h"
#include "lib/addr.h"

struct tcp_server;

/*
 * As udp_server_new(): bind to what the catalog's configuration listens on. That says also how many
 * connections there may be, in all and of one client (an IPv4 address or an IPv6 /64), and how long
 * idle. An address that another process listens on is refused.
 */
int tcp_server_new(struct tcp_server **out, const struct catalog *catalog,
		   const struct store *store, const struct endpoint **failed);
/* Start the threads; the store must hold a snapshot. Returns 0 or -errno. */
int tcp_server_start(struct tcp_server *server);
/*
 * Other limits, idle time and TLS credentials, for connections from now on; what the
 * configuration listens on does not count. The catalog before is not needed any more.
 */
void tcp_server_catalog_set(struct tcp_server *server, const struct catalog *catalog);
/* End and join the threads, if started, and close. */
void tcp_server_free(struct tcp_server *server);
void tcp_server_count(const struct tcp_server *server, struct counters *sum);

#endif
