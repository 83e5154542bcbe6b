/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * heartbeat.h - the bytes of a session: which beats wait to be sent, which for a reply.
 *
 * Beats are slots of the plan, so that nothing has to be queued: those not yet
 * written are formatted again from where the socket took no more, and those not
 * yet answered are a range, since TCP keeps their order. A stalled session thus
 * costs no memory, whatever it has to say when it moves again. Pure.
 */
#ifndef TESTBED_CLIENT_HEARTBEAT_H
#define TESTBED_CLIENT_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "testbed/origin/protocol.h"

/* answered <= unsent <= next: [answered, next) wait for a reply, [unsent, next) for the socket. */
struct client_heartbeat {
	uint32_t flow;
	uint64_t answered, unsent, next;
	size_t written; /* bytes of beat `unsent` that the socket has taken */
	size_t len;	/* received of the next line */
	char line[PROTOCOL_LINE_MAX];
};

enum client_beat { CLIENT_BEAT_MORE, CLIENT_BEAT_REPLY, CLIENT_BEAT_WRONG };

void client_heartbeat_init(struct client_heartbeat *hb, uint32_t flow);
/* Slot n is due. Slots follow each other while any waits; else n is free. */
void client_heartbeat_add(struct client_heartbeat *hb, uint64_t n);
bool client_heartbeat_is_waiting(const struct client_heartbeat *hb);
/* The next bytes to write, whole beats' rests as far as they fit; 0: nothing. */
size_t client_heartbeat_output(const struct client_heartbeat *hb, char *buf, size_t size);
/* The socket has taken len of them. */
void client_heartbeat_written(struct client_heartbeat *hb, size_t len);
/*
 * Take bytes from [*pos, end) until one line is whole: REPLY sets *n to the slot that it answers
 * and *reply, WRONG is a line that answers not the oldest waiting one. Call until MORE.
 */
enum client_beat client_heartbeat_input(struct client_heartbeat *hb, const char **pos,
					const char *end, uint64_t *n, struct protocol_reply *reply);

#endif
