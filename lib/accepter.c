/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/accepter.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/starved.h"

#define PAUSE_S 0.1

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct accepter *a = timer->data;

	(void)events;
	ev_io_start(loop, &a->io);
}

/* Other failures are of the connection alone. */
static void accept_failed(struct accepter *a, int error)
{
	if (!errno_is_starved(error))
		return;
	if (!a->is_starved)
		log_warn("%s: cannot accept connections: %s", a->name, strerror(error));
	a->is_starved = true;
	ev_io_stop(a->loop, &a->io);
	ev_timer_set(&a->pause, PAUSE_S, 0);
	ev_timer_start(a->loop, &a->pause);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct accepter *a = io->data;
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int fd = accept4(io->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd < 0) {
		accept_failed(a, errno);
		return;
	}
	a->is_starved = false;
	a->on_connection(a->ctx, fd, (struct sockaddr *)&from);
}

void accepter_start(struct accepter *a, struct ev_loop *loop, int fd, const char *name,
		    accepter_fn *on_connection, void *ctx)
{
	*a = (struct accepter){
		.loop = loop, .name = name, .on_connection = on_connection, .ctx = ctx
	};
	ev_io_init(&a->io, on_readable, fd, EV_READ);
	ev_init(&a->pause, on_pause_over);
	a->io.data = a->pause.data = a;
	ev_io_start(loop, &a->io);
}

void accepter_stop(struct accepter *a)
{
	if (!a->loop)
		return;
	ev_io_stop(a->loop, &a->io);
	ev_timer_stop(a->loop, &a->pause);
	close(a->io.fd);
	a->loop = NULL;
}
