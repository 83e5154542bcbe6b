/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bfd/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PORT_FIRST	 49152 /* RFC 5881, section 4 */
#define PORT_TRIES	 64
#define TOS_CS6		 0xc0 /* Internetwork Control, as routing protocols have it */
#define PRIORITY_CONTROL 6    /* the highest that needs no privilege */

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int bind_to(int fd, const struct addr *addr, uint16_t port)
{
	const struct endpoint ep = { *addr, port };
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(&ep, &sa);

	return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int open_socket(enum addr_family family)
{
	int fd = socket(family == ADDR_IPV4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Closes fd where err is set. */
static int finish(int fd, int err)
{
	if (!err)
		return fd;
	close(fd);
	return err;
}

int bfd_socket_listen(enum addr_family family, bool multihop)
{
	const struct addr any = { .family = (uint8_t)family };
	int fd = open_socket(family), err = 0;

	if (fd < 0)
		return fd;
	if (family == ADDR_IPV4) {
		err = set(fd, IPPROTO_IP, IP_RECVTTL, 1);
	} else {
		err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		if (!err)
			err = set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	}
	if (!err)
		err = bind_to(fd, &any, multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP);
	return finish(fd, err);
}

/* Where local is not on this machine yet, packets go out as soon as it is. */
static int set_sender_options(int fd, enum addr_family family)
{
	int err;

	set(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
	if (family == ADDR_IPV4) {
		set(fd, IPPROTO_IP, IP_TOS, TOS_CS6);
		err = set(fd, IPPROTO_IP, IP_TTL, BFD_TTL);
		return err ? err : set(fd, IPPROTO_IP, IP_FREEBIND, 1);
	}
	set(fd, IPPROTO_IPV6, IPV6_TCLASS, TOS_CS6);
	err = set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, BFD_TTL);
	return err ? err : set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
}

int bfd_socket_sender(enum addr_family family, const struct addr *local)
{
	struct addr from = *local;
	int fd = open_socket(family), err;

	if (fd < 0)
		return fd;
	from.family = (uint8_t)family;
	err = set_sender_options(fd, family);
	if (err)
		return finish(fd, err);
	err = -EADDRINUSE;
	for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
		uint16_t random = 0;

		if (getrandom(&random, sizeof(random), 0) < 0)
			return finish(fd, -errno);
		err = bind_to(fd, &from, (uint16_t)(PORT_FIRST + random % (65536 - PORT_FIRST)));
	}
	return finish(fd, err);
}

static int ttl_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		int ttl;

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			continue;
		memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
		return ttl;
	}
	return -1;
}

static void note_sender(struct bfd_datagram *out, const struct sockaddr_storage *sa)
{
	struct endpoint from = { 0 };

	endpoint_from_sockaddr(&from, (const struct sockaddr *)sa);
	out->from = from.addr;
}

size_t bfd_socket_receive(int fd, struct bfd_datagram *out)
{
	struct mmsghdr messages[BFD_RECEIVE_MAX];
	struct sockaddr_storage from[BFD_RECEIVE_MAX];
	struct iovec iov[BFD_RECEIVE_MAX];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control[BFD_RECEIVE_MAX];
	int count;

	for (int i = 0; i < BFD_RECEIVE_MAX; i++) {
		iov[i] = (struct iovec){ out[i].bytes, sizeof(out[i].bytes) };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						       .msg_namelen = sizeof(from[i]),
						       .msg_iov = &iov[i],
						       .msg_iovlen = 1,
						       .msg_control = &control[i],
						       .msg_controllen = sizeof(control[i]) };
	}
	count = recvmmsg(fd, messages, BFD_RECEIVE_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		out[i].len = messages[i].msg_len;
		out[i].ttl = ttl_of(&messages[i].msg_hdr);
		note_sender(&out[i], &from[i]);
	}
	return count > 0 ? (size_t)count : 0;
}

int bfd_socket_send(int fd, const struct endpoint *to, const void *buf, size_t len)
{
	struct sockaddr_storage sa;
	socklen_t sa_len = endpoint_to_sockaddr(to, &sa);

	return sendto(fd, buf, len, MSG_DONTWAIT, (struct sockaddr *)&sa, sa_len) < 0 ? -errno : 0;
}
