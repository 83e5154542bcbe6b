/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/stream.h"

#include <assert.h>
#include <string.h>

#include "lib/alloc.h"

#define LENGTH_SIZE 2
/* What is received at once, several queries; and what an idle connection keeps, each way. */
#define ROOM_MIN 1024

void dns_stream_fini(struct dns_stream *s)
{
	free(s->bytes);
	*s = (struct dns_stream){ 0 };
}

/* Room for so many octets in all, beginning with those that are in it. */
static void reserve(struct dns_stream *s, size_t size)
{
	size_t held = s->end - s->begin;

	if (s->begin + size <= s->room)
		return;
	if (s->begin > 0)
		memmove(s->bytes, s->bytes + s->begin, held);
	s->begin = 0;
	s->end = held;
	if (size > s->room) {
		s->bytes = xrealloc(s->bytes, size);
		s->room = size;
	}
}

/* What a long message has needed is given back: its client may be silent from now on. */
static void rest(struct dns_stream *s)
{
	if (s->begin < s->end)
		return;
	s->begin = s->end = 0;
	if (s->room > ROOM_MIN)
		dns_stream_fini(s);
}

/* Octets of the message that has begun, its length included; 0: not known yet. */
static size_t message_size(const struct dns_stream *s)
{
	const uint8_t *p;

	if (s->end - s->begin < LENGTH_SIZE)
		return 0;
	p = s->bytes + s->begin;
	return LENGTH_SIZE + ((size_t)p[0] << 8 | p[1]);
}

bool dns_stream_is_ready(const struct dns_stream *s)
{
	size_t size = message_size(s);

	return size > 0 && s->end - s->begin >= size;
}

uint8_t *dns_stream_room(struct dns_stream *s, size_t *room)
{
	size_t size = message_size(s);

	assert(!dns_stream_is_ready(s));
	reserve(s, size > ROOM_MIN ? size : ROOM_MIN);
	*room = s->room - s->end;
	return s->bytes + s->end;
}

void dns_stream_received(struct dns_stream *s, size_t len)
{
	assert(len <= s->room - s->end);
	s->end += len;
}

enum dns_stream_next dns_stream_next(struct dns_stream *s, struct wire_reader *message)
{
	size_t size = message_size(s);

	if (!dns_stream_is_ready(s)) {
		rest(s);
		return DNS_STREAM_MORE;
	}
	if (size == LENGTH_SIZE)
		return DNS_STREAM_END;
	*message = wire_reader(s->bytes + s->begin + LENGTH_SIZE, size - LENGTH_SIZE);
	s->begin += size;
	return DNS_STREAM_MESSAGE;
}

void dns_stream_put(struct dns_stream *s, const uint8_t *message, size_t len)
{
	size_t need = s->end - s->begin + LENGTH_SIZE + len;

	assert(len <= UINT16_MAX);
	if (s->begin + need > s->room)
		reserve(s, need <= s->room || need > 2 * s->room ? need : 2 * s->room);
	s->bytes[s->end] = (uint8_t)(len >> 8);
	s->bytes[s->end + 1] = (uint8_t)len;
	memcpy(s->bytes + s->end + LENGTH_SIZE, message, len);
	s->end += LENGTH_SIZE + len;
}

size_t dns_stream_waiting(const struct dns_stream *s, const uint8_t **bytes)
{
	/* Before the first one there is no memory, and nowhere in it. */
	*bytes = s->bytes ? s->bytes + s->begin : NULL;
	return s->end - s->begin;
}

void dns_stream_sent(struct dns_stream *s, size_t len)
{
	assert(len <= s->end - s->begin);
	s->begin += len;
	rest(s);
}
