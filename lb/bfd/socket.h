/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket.h - UDP as BFD uses it (RFC 5881, sections 4 and 5; RFC 5883, section 5).
 *
 * Packets come to port 3784, or 4784 over several hops, and leave from a port of 49152 to 65535
 * that is the session's own. They leave with TTL or Hop Limit 255, and that with which they come is
 * told.
 */
#ifndef LB_BFD_SOCKET_H
#define LB_BFD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define BFD_PORT_SINGLE_HOP 3784
#define BFD_PORT_MULTIHOP   4784
#define BFD_TTL		    255
#define BFD_RECEIVE_MAX	    32	/* datagrams at a time */
#define BFD_DATAGRAM_MAX    256 /* more of one than any Length can say is cut off */

struct bfd_datagram {
	struct addr from;
	int ttl; /* -1 unknown */
	size_t len;
	uint8_t bytes[BFD_DATAGRAM_MAX];
};

/* A nonblocking socket for all packets of a family and kind; -errno. */
int bfd_socket_listen(enum addr_family family, bool multihop);
/* A nonblocking socket to send from; local ADDR_NONE: the kernel's choice for each packet. -errno.
 */
int bfd_socket_sender(enum addr_family family, const struct addr *local);
/* Up to BFD_RECEIVE_MAX into out; 0 when there are none. */
size_t bfd_socket_receive(int fd, struct bfd_datagram *out);
/* 0 or -errno. */
int bfd_socket_send(int fd, const struct endpoint *to, const void *buf, size_t len);

#endif
