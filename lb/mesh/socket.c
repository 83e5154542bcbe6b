/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/socket.h"

#include <errno.h>
#include <unistd.h>

#define TOS_CS6		 0xc0 /* Internetwork Control */
#define PRIORITY_CONTROL 6    /* the highest that needs no privilege */
/* 200 PoPs say 2500 hellos a second, and this process may be kept from its core for a while. */
#define BUFFER (4 * 1024 * 1024)

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* What is not granted does no harm, but for binding to an address that is away for a moment. */
static int set_options(int fd, enum addr_family family)
{
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER) < 0)
		set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
	if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER) < 0)
		set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER);
	set(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
	if (family == ADDR_IPV4) {
		set(fd, IPPROTO_IP, IP_TOS, TOS_CS6);
		set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
		return set(fd, IPPROTO_IP, IP_FREEBIND, 1);
	}
	set(fd, IPPROTO_IPV6, IPV6_TCLASS, TOS_CS6);
	set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
}

int mesh_socket_open(const struct addr *address, uint16_t port)
{
	const struct endpoint at = { *address, port };
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(&at, &sa);
	int fd = socket(address->family == ADDR_IPV4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd, (enum addr_family)address->family);
	if (!err && bind(fd, (const struct sockaddr *)&sa, len) < 0)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

size_t mesh_socket_receive(int fd, struct mesh_datagram *out)
{
	struct mmsghdr messages[MESH_BATCH];
	struct sockaddr_storage from[MESH_BATCH];
	struct iovec iov[MESH_BATCH];
	int count;

	for (int i = 0; i < MESH_BATCH; i++) {
		iov[i] = (struct iovec){ out[i].bytes, sizeof(out[i].bytes) };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						       .msg_namelen = sizeof(from[i]),
						       .msg_iov = &iov[i],
						       .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, messages, MESH_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		out[i].len = messages[i].msg_len;
		out[i].peer = (struct endpoint){ 0 };
		endpoint_from_sockaddr(&out[i].peer, (const struct sockaddr *)&from[i]);
	}
	return count > 0 ? (size_t)count : 0;
}

size_t mesh_socket_send(int fd, const struct mesh_datagram *datagrams, size_t count)
{
	struct mmsghdr messages[MESH_BATCH];
	struct sockaddr_storage to[MESH_BATCH];
	struct iovec iov[MESH_BATCH];
	size_t at = 0, lost = 0;

	for (size_t i = 0; i < count; i++) {
		iov[i] = (struct iovec){ (void *)datagrams[i].bytes, datagrams[i].len };
		messages[i].msg_hdr =
			(struct msghdr){ .msg_name = &to[i], .msg_iov = &iov[i], .msg_iovlen = 1 };
		messages[i].msg_hdr.msg_namelen = endpoint_to_sockaddr(&datagrams[i].peer, &to[i]);
	}
	/* An error is that of the first that was not sent: without a route to one, the others go.
	 */
	while (at < count) {
		int sent = sendmmsg(fd, messages + at, (unsigned)(count - at), MSG_DONTWAIT);

		if (sent <= 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			lost++;
			sent = 1;
		}
		at += (size_t)sent;
	}
	return lost;
}
