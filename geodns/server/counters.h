/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * counters.h - what a server thread has done, read by the control thread.
 *
 * Each has one writer, so relaxed loads and stores will do; sums are taken without
 * stopping anybody and may be a packet apart from one another.
 */
#ifndef GEODNS_SERVER_COUNTERS_H
#define GEODNS_SERVER_COUNTERS_H

#include <stdint.h>

#include "geodns/answer.h"

enum counters_transport {
	COUNTERS_UDP4,
	COUNTERS_UDP6,
	COUNTERS_TCP4,
	COUNTERS_TCP6,
	COUNTERS_TLS4,
	COUNTERS_TLS6,
};
#define COUNTERS_TRANSPORTS 6

/* Of connections. */
enum counters_stream { COUNTERS_PLAIN, COUNTERS_TLS };
#define COUNTERS_STREAMS 2

/* How the opening of TLS has ended. */
enum counters_handshake {
	COUNTERS_HANDSHAKE_FULL,
	COUNTERS_HANDSHAKE_RESUMED,
	COUNTERS_HANDSHAKE_FAILED,
};
#define COUNTERS_HANDSHAKES 3

struct counters {
	uint64_t queries[COUNTERS_TRANSPORTS];
	uint64_t replies[DNS_RCODE_COUNT]; /* by rcode */
	uint64_t dropped;		   /* queries that no reply was made for */
	uint64_t truncated, geographic, ecs;
	uint64_t signatures, signatures_made; /* sent; of these, not remembered from before */
	uint64_t signatures_refused;	      /* replies that the budget has truncated */
	uint64_t limited;		      /* not answered whole because of the rate limit */
	uint64_t cookies[4];		      /* queries by enum dns_cookie_state */
	uint64_t opened[COUNTERS_STREAMS], closed[COUNTERS_STREAMS]; /* connections */
	uint64_t refused; /* connections that the limits have forbidden */
	uint64_t handshakes[COUNTERS_HANDSHAKES];
};

/* One more. The thread's that counts only, as the next. */
void counters_raise(uint64_t *counter);
void counters_add(struct counters *c, enum counters_transport transport,
		  const struct answer_result *result);
/* Add what another thread has counted so far. */
void counters_sum(struct counters *sum, const struct counters *c);

#endif
