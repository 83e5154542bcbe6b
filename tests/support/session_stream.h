/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_stream.h - for tests: what session_load and session_serve say to each other over TCP.
 *
 * Either side sends messages: a head, and len octets that follow from the number of the session,
 * the serial number of the message and its length. Who receives them makes them again and
 * compares, so that an octet which is wrong, missing, doubled or of another session is noticed at
 * whichever end it comes out. The server answers each message with one of the same length and
 * serial number; to one that is wrong with the serial number SESSION_WRONG.
 */
#ifndef TESTS_SUPPORT_SESSION_STREAM_H
#define TESTS_SUPPORT_SESSION_STREAM_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/alloc.h"
#include "lib/clock.h"

#define SESSION_MAX   32768
#define SESSION_WRONG UINT32_MAX
#define SESSION_TURN  NS_PER_MS

struct session_head {
	uint32_t session, serial, len, zero;
	uint64_t seed; /* of the octets: follows from the rest */
};

struct session_stream {
	int fd; /* non-blocking; -1: none */
	uint8_t *in, *out;
	size_t in_at, in_len, out_at, out_len;
	bool is_dry;	   /* what was there has been read */
	uint32_t expected; /* serial number of the next message */
};

enum session_event { SESSION_MORE, SESSION_MESSAGE, SESSION_BAD, SESSION_END };

static inline void session_stream_init(struct session_stream *s, int fd)
{
	*s = (struct session_stream){ .fd = fd };
	s->in = xmalloc(sizeof(struct session_head) + SESSION_MAX);
	s->out = xmalloc(2 * (sizeof(struct session_head) + SESSION_MAX));
}

static inline void session_stream_fini(struct session_stream *s)
{
	free(s->in);
	free(s->out);
	s->in = s->out = NULL;
	s->fd = -1;
}

/* splitmix64: any two seeds, and any two places, have nothing in common. */
static inline uint64_t session_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static inline uint64_t session_seed(const struct session_head *head)
{
	return session_mix(session_mix((uint64_t)head->session << 32 | head->serial) + head->len);
}

/* The eight octets from 8 * i on. */
static inline uint64_t session_word(uint64_t seed, uint32_t i)
{
	return session_mix(seed + (i + 1) * 0x9e3779b97f4a7c15);
}

static inline void session_fill(uint8_t *data, uint32_t len, uint64_t seed)
{
	uint64_t word;
	uint32_t i;

	for (i = 0; i < len / 8; i++) {
		word = session_word(seed, i);
		memcpy(data + 8 * (size_t)i, &word, 8);
	}
	word = session_word(seed, i);
	memcpy(data + 8 * (size_t)i, &word, len % 8);
}

/* The whole message, each octet of it. */
static inline bool session_is_right(const struct session_head *head, const uint8_t *data)
{
	const uint64_t seed = session_seed(head);
	uint64_t word, wrong = head->zero | (head->seed ^ seed);
	uint32_t i;

	for (i = 0; i < head->len / 8; i++) {
		memcpy(&word, data + 8 * (size_t)i, 8);
		wrong |= word ^ session_word(seed, i);
	}
	word = session_word(seed, i);
	return wrong == 0 && memcmp(&word, data + 8 * (size_t)i, head->len % 8) == 0;
}

/*
 * What both ends set. Reno, since the machine's own may be one that paces: a timer of the kernel
 * for every message, where messages are what is measured.
 */
static inline bool session_socket_set(int fd)
{
	const int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0;
}

/*
 * Sleeps until the turn after *last begins: who is woken for each message has no time for anything
 * else. After a standstill there is nothing to wait for.
 */
static inline void session_turn_await(struct instant *last)
{
	const struct instant now = clock_now();
	const struct instant next = instant_after_ns(*last, SESSION_TURN);
	const struct timespec at = { next.ns / NS_PER_S, next.ns % NS_PER_S };

	if (instant_reached(next, now)) {
		*last = now;
		return;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
	*last = next;
}

/* What is waiting goes out, as far as there is room. False: the connection is broken. */
static inline bool session_stream_flush(struct session_stream *s)
{
	while (s->out_at < s->out_len) {
		const ssize_t n =
			send(s->fd, s->out + s->out_at, s->out_len - s->out_at, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		s->out_at += (size_t)n;
	}
	s->out_at = s->out_len = 0;
	return true;
}

/* False: there is no room for it now. */
static inline bool session_stream_put(struct session_stream *s, uint32_t session, uint32_t serial,
				      uint32_t len)
{
	struct session_head head = { .session = session, .serial = serial, .len = len };

	if (s->out_len + sizeof(head) + len > 2 * (sizeof(head) + SESSION_MAX))
		return false;
	head.seed = session_seed(&head);
	session_fill(s->out + s->out_len + sizeof(head), len, head.seed);
	memcpy(s->out + s->out_len, &head, sizeof(head));
	s->out_len += sizeof(head) + len;
	return true;
}

/*
 * Reads until there is a whole message (then call again), or nothing more. BAD: it is not what was
 * to come, or the far end says that of ours. END: closed or reset; errno says which, 0 for closed.
 */
static inline enum session_event session_stream_next(struct session_stream *s,
						     struct session_head *head)
{
	const size_t room = sizeof(*head) + SESSION_MAX;

	for (;;) {
		const uint8_t *message = s->in + s->in_at;
		const size_t there = s->in_len - s->in_at;
		ssize_t n;

		if (there >= sizeof(*head)) {
			memcpy(head, message, sizeof(*head));
			if (head->len > SESSION_MAX)
				return SESSION_BAD;
			if (there >= sizeof(*head) + head->len) {
				s->in_at += sizeof(*head) + head->len;
				if (head->serial != s->expected++ ||
				    !session_is_right(head, message + sizeof(*head)))
					return SESSION_BAD;
				return SESSION_MESSAGE;
			}
		}
		if (s->is_dry) {
			s->is_dry = false;
			return SESSION_MORE;
		}
		memmove(s->in, message, there);
		s->in_at = 0;
		s->in_len = there;
		n = recv(s->fd, s->in + there, room - there, 0);
		if (n == 0)
			errno = 0;
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? SESSION_MORE : SESSION_END;
		s->in_len += (size_t)n;
		s->is_dry = s->in_len < room;
	}
}

#endif
