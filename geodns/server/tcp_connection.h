/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcp_connection.h - one client's connection: its queries in, their answers out, in order.
 *
 *	transport ── octets ──> in ── queries ──> answer() ── answers ──> out ── octets ──>
 *transport
 *
 * It takes turns with the others of its thread: a few answers, then it waits until they have had
 * theirs, however many queries lie there. While answers pile up, nothing is read. Belongs to a
 * worker, which is a thread; nothing here is shared between threads but the gate and the store.
 */
#ifndef GEODNS_SERVER_TCP_CONNECTION_H
#define GEODNS_SERVER_TCP_CONNECTION_H

#include <ev.h>

#include "geodns/server/counters.h"
#include "geodns/server/gate.h"
#include "geodns/server/store.h"
#include "geodns/server/transport.h"
#include "lib/addr.h"

struct tcp_connection;

/* What the connections of a thread share. Zeroed but for these, which are the caller's to set. */
struct tcp_worker {
	struct ev_loop *loop;
	const struct store *store;
	struct gate *gate;
	struct dnssec_signer *signer;
	unsigned number; /* its row in tallies */
	struct counters counters;
	struct tcp_connection *connections;
	uint8_t reply[ANSWER_SIZE_MAX];
};

/*
 * Takes the transport over, whose socket is fd, from a client that the gate has let in. It ends,
 * leaving the gate, by itself or with tcp_connections_end(). kind: as counted.
 */
void tcp_connection_new(struct tcp_worker *worker, enum counters_stream kind,
			struct transport *transport, int fd, const struct addr *client,
			unsigned idle_ms);
/* All of them, now. */
void tcp_connections_end(struct tcp_worker *worker);

#endif
