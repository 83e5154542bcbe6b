/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transport.h - what carries the octets of a connection: a socket as it is, or TLS over one.
 *
 * Nothing here blocks. -EAGAIN is an answer: call again when the socket is readable
 * (to receive) or writable (to send, or if transport_wants_write()). Other -errno: the connection
 * is broken, free it.
 */
#ifndef GEODNS_SERVER_TRANSPORT_H
#define GEODNS_SERVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum transport_state {
	TRANSPORT_OPENING, /* transport_receive() brings it forward, whichever way it wants */
	TRANSPORT_OPEN,
	TRANSPORT_RESUMED, /* open, by what the client remembers of an earlier one */
};

struct transport;

struct transport_ops {
	ssize_t (*receive)(struct transport *t, void *buf, size_t size);
	ssize_t (*send)(struct transport *t, const void *bytes, size_t len);
	int (*end)(struct transport *t);
	enum transport_state (*state)(const struct transport *t);
	bool (*wants_write)(const struct transport *t);
	bool (*has_pending)(const struct transport *t);
	void (*free)(struct transport *t);
};

/* The beginning of whatever a kind of transport consists of. */
struct transport {
	const struct transport_ops *ops;
};

/* Takes fd, a connected socket that does not block, over. */
struct transport *transport_plain_new(int fd);

/* 0: the client has said all that it will say. */
static inline ssize_t transport_receive(struct transport *t, void *buf, size_t size)
{
	return t->ops->receive(t, buf, size);
}

/* After -EAGAIN, the same octets again, though they may have moved and more may follow. */
static inline ssize_t transport_send(struct transport *t, const void *bytes, size_t len)
{
	return t->ops->send(t, bytes, len);
}

/* Say good-bye, where that is usual, when all is sent. 0 when it is said. */
static inline int transport_end(struct transport *t)
{
	return t->ops->end(t);
}

static inline enum transport_state transport_state(const struct transport *t)
{
	return t->ops->state(t);
}

/* What has said -EAGAIN waits for the socket to be writable, whatever it was. */
static inline bool transport_wants_write(const struct transport *t)
{
	return t->ops->wants_write(t);
}

/* Octets can be received that the socket does not tell of any more. */
static inline bool transport_has_pending(const struct transport *t)
{
	return t->ops->has_pending(t);
}

/* Closes the socket, saying nothing. */
static inline void transport_free(struct transport *t)
{
	t->ops->free(t);
}

#endif
