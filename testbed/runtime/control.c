/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"

struct message {
	struct message *next;
	char *text;
	size_t len;
	int fd;
};

struct control {
	struct ev_loop *loop;
	ev_io readable, writable;
	const struct control_events *events;
	void *ctx;
	struct message *first, **last;
	size_t backlog;
	bool in_callback, freed; /* a control freed by its own callback goes after it */
};

static int text_send(int fd, struct iovec text, int pass)
{
	struct msghdr hdr = { .msg_iov = &text, .msg_iovlen = 1 };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { 0 };

	if (pass >= 0) {
		struct cmsghdr *c = &u.align;

		hdr.msg_control = u.buf;
		hdr.msg_controllen = sizeof(u.buf);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(pass));
	}
	return sendmsg(fd, &hdr, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* A message of any size; 0 bytes: closed. -EAGAIN: nothing there. *text is malloc'd. */
static int text_receive(int fd, char **text, size_t *len, int *pass)
{
	ssize_t size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { 0 };
	struct iovec iov;
	int err;
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = u.buf,
			      /* No room for a second one: CMSG_SPACE() is rounded up. */
			      .msg_controllen = CMSG_LEN(sizeof(int)) };

	*pass = -1;
	if (size <= 0)
		return size < 0 ? -errno : -EPIPE;
	iov = (struct iovec){ .iov_base = xmalloc((size_t)size), .iov_len = (size_t)size };
	size = recvmsg(fd, &hdr, MSG_CMSG_CLOEXEC);
	if (size <= 0) {
		err = size < 0 ? -errno : -EPIPE;
		free(iov.iov_base);
		return err;
	}
	*text = iov.iov_base;
	*len = (size_t)size;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&hdr); c; c = CMSG_NXTHDR(&hdr, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(pass, CMSG_DATA(c), sizeof(*pass));
	}
	return 0;
}

static void peer_lost(struct control *c)
{
	ev_io_stop(c->loop, &c->readable);
	ev_io_stop(c->loop, &c->writable);
	c->events->on_close(c->ctx, c);
}

/* One message. False when there is no more, or the peer is gone and perhaps c with it. */
static bool message_read(struct control *c)
{
	json_t *msg;
	char *text = NULL;
	size_t len = 0;
	int pass, err = text_receive(c->readable.fd, &text, &len, &pass);

	if (err == -EAGAIN || err == -EINTR)
		return false;
	if (err < 0) {
		peer_lost(c);
		return false;
	}
	msg = json_loadb(text, len, 0, NULL);
	free(text);
	if (!json_is_object(msg)) {
		json_decref(msg);
		if (pass >= 0)
			close(pass);
		peer_lost(c);
		return false;
	}
	c->in_callback = true;
	c->events->on_message(c->ctx, c, msg, pass);
	c->in_callback = false;
	json_decref(msg);
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct control *c = w->data;

	(void)loop;
	(void)revents;
	/* Bounded, so that one talkative peer does not silence the others. */
	for (int i = 0; i < 64 && message_read(c); i++) {
		if (c->freed) {
			free(c);
			return;
		}
	}
}

static void message_free(struct message *m)
{
	if (m->fd >= 0)
		close(m->fd);
	free(m->text);
	free(m);
}

static void queue_flush(struct control *c)
{
	while (c->first) {
		struct message *m = c->first;
		int err = text_send(c->readable.fd, (struct iovec){ m->text, m->len }, m->fd);

		if (err == -EAGAIN || err == -EINTR || err == -ENOBUFS)
			break;
		/* A peer that is gone is noticed by reading; nothing else may get lost unheard. */
		if (err < 0 && err != -EPIPE && err != -ECONNRESET)
			log_error("control socket: message of %zu bytes lost: %s", m->len,
				  strerror(-err));
		c->first = m->next;
		if (!c->first)
			c->last = &c->first;
		c->backlog--;
		message_free(m);
	}
	if (c->first)
		ev_io_start(c->loop, &c->writable);
	else
		ev_io_stop(c->loop, &c->writable);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	queue_flush(w->data);
}

static void buffers_enlarge(int fd)
{
	int size = 2 * CONTROL_MESSAGE_MAX;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

struct control *control_new(struct ev_loop *loop, int fd, const struct control_events *events,
			    void *ctx)
{
	struct control *c = x_new(struct control);

	c->loop = loop;
	c->events = events;
	c->ctx = ctx;
	c->last = &c->first;
	buffers_enlarge(fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	c->readable.data = c->writable.data = c;
	ev_io_start(loop, &c->readable);
	return c;
}

struct control *control_adopt(struct control *c, const struct control_events *events, void *ctx)
{
	c->events = events;
	c->ctx = ctx;
	return c;
}

static void queue_drop(struct control *c)
{
	ev_io_stop(c->loop, &c->writable);
	while (c->first) {
		struct message *m = c->first;

		c->first = m->next;
		message_free(m);
	}
	c->last = &c->first;
	c->backlog = 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	ev_io_stop(c->loop, &c->readable);
	queue_drop(c);
	close(c->readable.fd);
	if (c->in_callback)
		c->freed = true;
	else
		free(c);
}

void control_send(struct control *c, json_t *msg, int fd)
{
	struct message *m = x_new(struct message);

	m->text = json_dumps(msg, JSON_COMPACT);
	m->len = strlen(m->text);
	m->fd = fd;
	json_decref(msg);
	*c->last = m;
	c->last = &m->next;
	c->backlog++;
	if (!ev_is_active(&c->writable))
		queue_flush(c);
}

/* The end of file that this makes is read like the peer's own. */
void control_shutdown(struct control *c)
{
	queue_drop(c);
	shutdown(c->readable.fd, SHUT_RDWR);
}

size_t control_backlog(const struct control *c)
{
	return c->backlog;
}

pid_t control_peer_pid(const struct control *c)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	getsockopt(c->readable.fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.pid;
}

static int address_of(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	return 0;
}

int control_listen(const char *path)
{
	struct sockaddr_un sun;
	int err = address_of(path, &sun);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(path);
	if (fd >= 0 && err == 0 && bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	    listen(fd, 512) == 0)
		return fd;
	err = err ? err : -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int control_connect(const char *path)
{
	return control_connect_within(path, -1);
}

int control_connect_within(const char *path, int timeout_ms)
{
	/* No time at all is a microsecond: zero would mean for ever. */
	const struct timeval patience = { .tv_sec = timeout_ms / 1000,
					  .tv_usec = timeout_ms % 1000 * 1000 + !timeout_ms };
	struct sockaddr_un sun;
	int err = address_of(path, &sun);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 && timeout_ms >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fd >= 0 && err == 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		buffers_enlarge(fd);
		return fd;
	}
	err = err ? err : -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int control_send_fd(int fd, json_t *msg, int pass)
{
	char *text = json_dumps(msg, JSON_COMPACT);
	int err = text_send(fd, (struct iovec){ text, strlen(text) }, pass);

	free(text);
	json_decref(msg);
	return err;
}

json_t *control_receive_fd(int fd, int *pass)
{
	json_t *msg = NULL;
	char *text = NULL;
	size_t len = 0;
	int got;

	if (text_receive(fd, &text, &len, &got) == 0) {
		msg = json_loadb(text, len, 0, NULL);
		free(text);
		if (pass)
			*pass = got;
		else if (got >= 0)
			close(got);
	}
	return msg;
}
