/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * udp.h - answering over UDP, in threads of its own.
 *
 * Each thread has a socket of its own, one of those of an address (SO_REUSEPORT: the
 * kernel spreads clients over them), and turns: receive a batch, answer it from
 * one snapshot, send the replies. The control thread makes, starts and ends
 * the whole; threads share nothing but the store.
 */
#ifndef GEODNS_SERVER_UDP_H
#define GEODNS_SERVER_UDP_H

#include <stddef.h>

#include "geodns/server/counters.h"
#include "geodns/server/store.h"
#include "lib/addr.h"

struct udp_server;

/*
 * Bind to the addresses that conf listens on, for as many threads. store must outlive the server.
 * Returns 0 and sets *out, or -errno with *failed the address that was refused.
 */
int udp_server_new(struct udp_server **out, const struct geodns_conf *conf,
		   const struct store *store, const struct endpoint **failed);
/* Start the threads; the store must hold a snapshot. Returns 0 or -errno. */
int udp_server_start(struct udp_server *server);
/* End and join the threads, if started, and close. */
void udp_server_free(struct udp_server *server);
void udp_server_count(const struct udp_server *server, struct counters *sum);

#endif
