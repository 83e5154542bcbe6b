/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_stream.h - for tests: what session_load and session_serve say to each other over TCP.
 *
 * Either side sends messages: a head, and len octets that follow from the number of the session
 * and the serial number of the message. check is over all of that, so that an octet which is
 * wrong, missing, doubled or of another session is noticed at whichever end it comes out. The
 * server answers each message with one of the same length and serial number; to one that is wrong
 * with the serial number SESSION_WRONG.
 */
#ifndef TESTS_SUPPORT_SESSION_STREAM_H
#define TESTS_SUPPORT_SESSION_STREAM_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/alloc.h"
#include "lib/siphash.h"

#define SESSION_MAX   32768
#define SESSION_WRONG UINT32_MAX

struct session_head {
	uint32_t session, serial, len, zero;
	uint64_t check;
};

struct session_stream {
	int fd; /* non-blocking; -1: none */
	uint8_t *in, *out;
	size_t in_len, out_at, out_len;
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

static inline uint64_t session_check(const struct session_head *head, const uint8_t *data)
{
	const uint32_t words[4] = { head->session, head->serial, head->len, 0 };
	uint8_t key[SIPHASH_KEY_SIZE];

	memcpy(key, words, sizeof(key));
	return siphash24(key, data, head->len);
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
	uint8_t *data = s->out + s->out_len + sizeof(head);
	uint64_t x = (uint64_t)session << 32 | (serial * 2 + 1);

	if (s->out_len + sizeof(head) + len > 2 * (sizeof(head) + SESSION_MAX))
		return false;
	for (uint32_t i = 0; i < len; i++) {
		x = x * 6364136223846793005 + 1442695040888963407;
		data[i] = (uint8_t)(x >> 56);
	}
	head.check = session_check(&head, data);
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
	for (;;) {
		size_t wanted = sizeof(*head);
		ssize_t n;

		if (s->in_len >= sizeof(*head)) {
			memcpy(head, s->in, sizeof(*head));
			if (head->len > SESSION_MAX)
				return SESSION_BAD;
			wanted += head->len;
		}
		if (s->in_len >= sizeof(*head) && s->in_len == wanted) {
			s->in_len = 0;
			if (head->serial != s->expected++ ||
			    head->check != session_check(head, s->in + sizeof(*head)))
				return SESSION_BAD;
			return SESSION_MESSAGE;
		}
		n = recv(s->fd, s->in + s->in_len, wanted - s->in_len, 0);
		if (n == 0)
			errno = 0;
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? SESSION_MORE : SESSION_END;
		s->in_len += (size_t)n;
	}
}

#endif
