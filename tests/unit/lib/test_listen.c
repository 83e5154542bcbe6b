/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/listen.h"

/* A port of loopback that nobody has had a moment ago. */
static struct endpoint endpoint_free(const char *text)
{
	struct endpoint at;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	cr_assert(endpoint_parse(&at, text, 0));
	len = endpoint_to_sockaddr(&at, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	close(fd);
	cr_assert(endpoint_from_sockaddr(&at, (struct sockaddr *)&ss));
	return at;
}

Test(listen, group_shares_what_nobody_else_gets)
{
	const struct endpoint at = endpoint_free("127.0.0.1:0");
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&at, &ss);
	struct pollfd polls[3];
	int fds[3], others[2], clients[64], accepted[3] = { 0 };

	cr_assert_eq(listen_tcp_group(&at, fds, 3), 0);
	cr_expect_eq(listen_tcp(&at), -EADDRINUSE);
	cr_expect_eq(listen_tcp_group(&at, others, 2), -EADDRINUSE);
	for (unsigned i = 0; i < 64; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		cr_assert_eq(connect(clients[i], (struct sockaddr *)&ss, len), 0);
	}
	for (unsigned left = 64; left > 0;) {
		for (unsigned i = 0; i < 3; i++)
			polls[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		cr_assert_gt(poll(polls, 3, 2000), 0);
		for (unsigned i = 0; i < 3; i++) {
			if (polls[i].revents) {
				close(accept(fds[i], NULL, NULL));
				accepted[i]++;
				left--;
			}
		}
	}
	for (unsigned i = 0; i < 3; i++)
		cr_expect_gt(accepted[i], 0, "socket %u: one of 64 connections", i);
	for (unsigned i = 0; i < 64; i++)
		close(clients[i]);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	cr_expect_eq(listen_tcp_group(&at, others, 2), 0, "when all are closed it is free");
	close(others[0]);
	close(others[1]);
}
