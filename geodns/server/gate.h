/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate.h - how many connections there may be, in all and of one client.
 *
 * A client is an IPv4 address or an IPv6 /64. Shared by all threads that accept: each call takes a
 * lock for as long as it takes to find the client in a table.
 */
#ifndef GEODNS_SERVER_GATE_H
#define GEODNS_SERVER_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct gate;

struct gate_limits {
	unsigned connections, per_client;
	unsigned idle_ms; /* for whoever gets in; the gate only hands it out */
};

/* seed: at random, so that nobody can choose whom to share a bucket of the table with. */
struct gate *gate_new(const struct gate_limits *limits, uint64_t seed);
void gate_free(struct gate *gate);
/* From now on; who is in stays in. */
void gate_limits_set(struct gate *gate, const struct gate_limits *limits);

/* May that client have one more connection? Then *idle_ms is set and it is counted. */
bool gate_enter(struct gate *gate, const struct addr *client, unsigned *idle_ms);
/* Once for each time that it was let in. */
void gate_leave(struct gate *gate, const struct addr *client);

#endif
