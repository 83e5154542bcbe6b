/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_serve PORT ADDRESS...: answers session_load over TCP, and datagrams with themselves, in
 * turns of a millisecond.
 *
 * The addresses (IPv4) need not be there yet. When it is killed its connections go without a FIN,
 * and nothing of them is left, as after a loss of power.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/support/session_stream.h"

#define EVENTS	    256
#define MSS	    1388 /* there is room for GUE then: docs/continuity.md */
#define FILES_MAX   65536
#define DATAGRAM_IN 2048

enum role { NOBODY, LISTENER, DATAGRAMS, CONNECTION };

struct server {
	int epoll;
	struct {
		enum role role;
		struct session_stream stream;
	} files[FILES_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(struct server *s, int fd, enum role role)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= FILES_MAX || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
	s->files[fd].role = role;
	if (role == CONNECTION)
		session_stream_init(&s->files[fd].stream, fd);
}

static void option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		die("setsockopt");
}

static void serve_at(struct server *s, const char *address, uint16_t port, int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1)
		die(address);
	option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	option(fd, IPPROTO_IP, IP_FREEBIND, 1);
	if (type == SOCK_STREAM)
		option(fd, IPPROTO_TCP, TCP_MAXSEG, MSS);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 4096) < 0)
		die("listen");
	watch(s, fd, type == SOCK_STREAM ? LISTENER : DATAGRAMS);
}

static void accept_all(struct server *s, int listener)
{
	const struct linger none = { 1, 0 };

	for (;;) {
		const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (!session_socket_set(fd) ||
		    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) < 0)
			die("setsockopt");
		watch(s, fd, CONNECTION);
	}
}

static void return_all(int fd)
{
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		uint8_t data[DATAGRAM_IN];
		const ssize_t n =
			recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

		if (n < 0)
			return;
		(void)!sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static void hang_up(struct server *s, int fd)
{
	close(fd);
	session_stream_fini(&s->files[fd].stream);
	s->files[fd].role = NOBODY;
}

static void answer_all(struct server *s, int fd)
{
	struct session_stream *stream = &s->files[fd].stream;
	struct session_head head;

	for (;;) {
		switch (session_stream_next(stream, &head)) {
		case SESSION_MORE:
			return;
		case SESSION_MESSAGE:
			session_stream_put(stream, head.session, head.serial, head.len);
			break;
		case SESSION_BAD:
			session_stream_put(stream, head.session, SESSION_WRONG, 0);
			break;
		case SESSION_END:
			hang_up(s, fd);
			return;
		}
		if (!session_stream_flush(stream)) {
			hang_up(s, fd);
			return;
		}
	}
}

static void wants_to_write(struct server *s, int fd)
{
	const struct session_stream *stream = &s->files[fd].stream;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (s->files[fd].role != CONNECTION)
		return;
	if (stream->out_at < stream->out_len)
		event.events |= EPOLLOUT;
	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &event) < 0)
		die("epoll");
}

static void event_do(struct server *s, const struct epoll_event *event)
{
	const int fd = event->data.fd;

	switch (s->files[fd].role) {
	case NOBODY:
		break;
	case LISTENER:
		accept_all(s, fd);
		break;
	case DATAGRAMS:
		return_all(fd);
		break;
	case CONNECTION:
		if ((event->events & EPOLLOUT) && !session_stream_flush(&s->files[fd].stream))
			hang_up(s, fd);
		else
			answer_all(s, fd);
		if (s->files[fd].role == CONNECTION &&
		    (s->files[fd].stream.out_len > 0 || (event->events & EPOLLOUT)))
			wants_to_write(s, fd);
		break;
	}
}

int main(int argc, char **argv)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct epoll_event events[EVENTS];
	struct instant turn = clock_now();

	if (argc < 3) {
		fputs("session_serve PORT ADDRESS...\n", stderr);
		return 1;
	}
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc; i++) {
		const uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);

		serve_at(s, argv[i], port, SOCK_STREAM);
		serve_at(s, argv[i], port, SOCK_DGRAM);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		const int n = epoll_wait(s->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			event_do(s, &events[i]);
		if (n < EVENTS)
			session_turn_await(&turn);
	}
}
