/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim_tcp.h - TCP between two hosts in virtual time, over a link that loses, delays and is cut.
 *
 * What a connection does to those who use it, and no more: bytes come in order, late by their delay
 * and by retransmissions that back off, or not at all; an end may be closed, reset, or forgotten
 * without a word by a host that crashed, and then the other learns of it only when it sends. Hosts
 * are 0 and 1, connections go by their number. Callbacks are called from sim_tcp_step() alone.
 */
#ifndef TESTS_SIM_TCP_H
#define TESTS_SIM_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"

struct sim_tcp;

struct sim_tcp_app {
	void *ctx;
	void (*on_accept)(void *ctx, int host, int conn);
	void (*on_up)(void *ctx, int host, int conn); /* what it dialled */
	void (*on_data)(void *ctx, int host, int conn, const uint8_t *bytes, size_t len);
	void (*on_down)(void *ctx, int host, int conn); /* still to be closed */
	void (*on_room)(void *ctx, int host, int conn); /* some of what was queued has gone */
};

/* What the link and the hosts are like, to be changed at any time. */
struct sim_link {
	int64_t delay_min, delay_max; /* ns, one way */
	unsigned loss;		      /* per thousand */
	/* By host: nothing gets to it, it is dead, it does not run. Until these instants. */
	struct instant cut[2], dead[2], frozen[2];
};

struct sim_tcp *sim_tcp_new(const struct sim_tcp_app *app, uint64_t seed);
void sim_tcp_free(struct sim_tcp *tcp);
struct sim_link *sim_tcp_link(struct sim_tcp *tcp);

/* Time goes on: everything below happens at this instant. */
void sim_tcp_set_now(struct sim_tcp *tcp, struct instant now);
/* The number of a new connection from this host; on_up or on_down follows, or nothing at all. */
int sim_tcp_dial(struct sim_tcp *tcp, int host);
void sim_tcp_send(struct sim_tcp *tcp, int host, int number, const uint8_t *bytes, size_t len);
/* Bytes that have not got through. */
size_t sim_tcp_queued(const struct sim_tcp *tcp, int host, int number);
/* Sends what is queued, then says goodbye. Nothing is heard of it any more. */
void sim_tcp_close(struct sim_tcp *tcp, int host, int number);
/* Something on the way resets an end of some connection that is open; false: there is none. */
bool sim_tcp_reset_any(struct sim_tcp *tcp, int host);
/* The host forgets all its connections. */
void sim_tcp_crash(struct sim_tcp *tcp, int host);

struct instant sim_tcp_deadline(const struct sim_tcp *tcp);
/* One thing of what is due. */
void sim_tcp_step(struct sim_tcp *tcp);
/* Resets that hosts have sent because they knew nothing of a connection. */
unsigned sim_tcp_rejected(const struct sim_tcp *tcp);

/* A number below limit, from the same dice. */
uint32_t sim_tcp_random(struct sim_tcp *tcp, uint32_t limit);

#endif
