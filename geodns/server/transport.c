/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/transport.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"

struct plain {
	struct transport transport;
	int fd;
};

static ssize_t result_of(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t plain_receive(struct transport *t, void *buf, size_t size)
{
	return result_of(recv(((struct plain *)t)->fd, buf, size, 0));
}

static ssize_t plain_send(struct transport *t, const void *bytes, size_t len)
{
	return result_of(send(((struct plain *)t)->fd, bytes, len, MSG_NOSIGNAL));
}

static int plain_end(struct transport *t)
{
	(void)t;
	return 0;
}

static enum transport_state plain_state(const struct transport *t)
{
	(void)t;
	return TRANSPORT_OPEN;
}

static bool plain_never(const struct transport *t)
{
	(void)t;
	return false;
}

static void plain_free(struct transport *t)
{
	close(((struct plain *)t)->fd);
	free(t);
}

struct transport *transport_plain_new(int fd)
{
	static const struct transport_ops ops = { .receive = plain_receive,
						  .send = plain_send,
						  .end = plain_end,
						  .state = plain_state,
						  .wants_write = plain_never,
						  .has_pending = plain_never,
						  .free = plain_free };
	struct plain *p = x_new(struct plain);

	p->transport.ops = &ops;
	p->fd = fd;
	return &p->transport;
}
