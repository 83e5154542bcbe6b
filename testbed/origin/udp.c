/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/origin/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/origin/protocol.h"

/* Datagrams answered before the loop looks at anything else. */
#define BURST 64

struct origin_udp {
	struct ev_loop *loop;
	ev_io io;
	const char *pop;
};

/* The control message that says which address was asked, made into the one that says what to use.
 */
static void turn_around(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		/*
		 * The interface stays open: an address on lo is asked through another one, and
		 * the way back is routing's business. spec_dst of a request is already the
		 * local address that it was sent to.
		 */
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex = 0;
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);

			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		}
	}
}

/* Take and answer one datagram. False when there is none left. */
static bool answer_one(struct origin_udp *udp)
{
	char buf[PROTOCOL_LINE_MAX + 1], control[128];
	struct sockaddr_storage from;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(udp->io.fd, &msg, 0);
	struct protocol_request req;
	struct protocol_reply reply;

	/* Other errors are those of an earlier answer: nobody waits for them here. */
	if (n < 0)
		return errno != EAGAIN && errno != EWOULDBLOCK;
	if ((msg.msg_flags & MSG_TRUNC) || !protocol_request_parse(&req, buf, (size_t)n))
		return true;
	memcpy(reply.token, req.token, sizeof(reply.token));
	snprintf(reply.pop, sizeof(reply.pop), "%s", udp->pop);
	iov.iov_len = protocol_reply_format(&reply, buf, sizeof(buf));
	turn_around(&msg);
	msg.msg_flags = 0;
	/* A reply that cannot be sent is a lost one; the user's clock sees it. */
	(void)!sendmsg(udp->io.fd, &msg, 0);
	return true;
}

static void on_readable(struct ev_loop *loop __attribute__((unused)), ev_io *w,
			int revents __attribute__((unused)))
{
	struct origin_udp *udp = w->data;

	for (int i = 0; i < BURST && answer_one(udp); i++)
		;
}

static int open_socket(enum addr_family family, uint16_t port)
{
	const struct endpoint any = { { .family = (uint8_t)family }, port };
	struct sockaddr_storage sa;
	const socklen_t len = endpoint_to_sockaddr(&any, &sa);
	const int on = 1;
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : 0;

	if (!err && family == ADDR_IPV4)
		err = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ? -errno : 0;
	if (!err && family == ADDR_IPV6 &&
	    (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))))
		err = -errno;
	if (!err && bind(fd, (struct sockaddr *)&sa, len) < 0)
		err = -errno;
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int origin_udp_new(struct origin_udp **out, struct ev_loop *loop, enum addr_family family,
		   uint16_t port, const char *pop)
{
	int fd = open_socket(family, port);
	struct origin_udp *udp;

	if (fd < 0)
		return fd;
	udp = x_new(struct origin_udp);
	udp->loop = loop;
	udp->pop = pop;
	ev_io_init(&udp->io, on_readable, fd, EV_READ);
	udp->io.data = udp;
	ev_io_start(loop, &udp->io);
	*out = udp;
	return 0;
}

void origin_udp_free(struct origin_udp *udp)
{
	if (!udp)
		return;
	ev_io_stop(udp->loop, &udp->io);
	close(udp->io.fd);
	free(udp);
}
