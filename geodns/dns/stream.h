/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stream.h - messages in a stream of octets, each behind its length (RFC 1035, 4.2.2).
 *
 * A buffer for one direction of a connection. Towards us: octets go in as they come, in
 * whatever pieces, and whole messages are taken out. From us: messages go in, and octets are taken
 * out as the client reads. Pure, but for memory: what is empty keeps little.
 *
 *	bytes ──── begin ════════════ end ──────── room
 *	              what is in it
 */
#ifndef GEODNS_DNS_STREAM_H
#define GEODNS_DNS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

/* A message, the longest, with its length in front. */
#define DNS_STREAM_MESSAGE_MAX (2 + 65535)

enum dns_stream_next {
	DNS_STREAM_MORE,    /* no whole message is there */
	DNS_STREAM_MESSAGE, /* one has been taken out */
	DNS_STREAM_END,	    /* a length of 0: what follows means nothing */
};

/* Zeroed: empty. */
struct dns_stream {
	uint8_t *bytes;
	size_t begin, end, room;
};

void dns_stream_fini(struct dns_stream *s);

/*
 * Where the next octets go, and how many may at most: enough for the message that has begun. Not
 * while a message waits (dns_stream_is_ready()), so there are never more than
 * DNS_STREAM_MESSAGE_MAX.
 */
uint8_t *dns_stream_room(struct dns_stream *s, size_t *room);
/* So many have gone there. */
void dns_stream_received(struct dns_stream *s, size_t len);
/* A message is borrowed until the next call of any of these. */
enum dns_stream_next dns_stream_next(struct dns_stream *s, struct wire_reader *message);
/* Would dns_stream_next() say something else than DNS_STREAM_MORE? */
bool dns_stream_is_ready(const struct dns_stream *s);

/* Append a message, at most 65535 octets, with its length. */
void dns_stream_put(struct dns_stream *s, const uint8_t *message, size_t len);
/* How many octets wait, and the first of them. */
size_t dns_stream_waiting(const struct dns_stream *s, const uint8_t **bytes);
/* So many of these have been sent. */
void dns_stream_sent(struct dns_stream *s, size_t len);

#endif
