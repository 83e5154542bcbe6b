/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcp.h - the origin's heartbeat: every request line of a connection is answered.
 *
 * Connections live as long as their users want. One that sends anything but
 * requests, does not read its answers, or says nothing for two minutes (its
 * user's PoP has moved, say) is closed; so is every new one beyond the limit
 * of open files.
 */
#ifndef TESTBED_ORIGIN_TCP_H
#define TESTBED_ORIGIN_TCP_H

#include <ev.h>
#include <stdint.h>

#include "lib/addr.h"

#define ORIGIN_TCP_IDLE_S 120

struct origin_tcp;

/* pop is borrowed. limit: connections at once. Returns 0 and sets *out, or -errno. */
int origin_tcp_new(struct origin_tcp **out, struct ev_loop *loop, const struct endpoint *listen_at,
		   const char *pop, size_t limit);
void origin_tcp_free(struct origin_tcp *tcp);

#endif
