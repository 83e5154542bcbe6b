/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket.h - UDP between identity addresses, many datagrams at a time. Never waits.
 */
#ifndef LB_MESH_SOCKET_H
#define LB_MESH_SOCKET_H

#include "lb/mesh/seal.h"
#include "lib/addr.h"

#define MESH_BATCH 32

struct mesh_datagram {
	struct endpoint peer; /* from, or to, whom */
	size_t len;	      /* one more than MESH_DATAGRAM_MAX: longer than any of ours */
	uint8_t bytes[MESH_DATAGRAM_MAX + 1];
};

/* Nonblocking, bound to the address, which may come later, and sends from there. -errno. */
int mesh_socket_open(const struct addr *address, uint16_t port);
/* Up to MESH_BATCH; 0 when there are none. */
size_t mesh_socket_receive(int fd, struct mesh_datagram *out);
/* Returns how many the kernel has not taken; those are lost. */
size_t mesh_socket_send(int fd, const struct mesh_datagram *datagrams, size_t count);

#endif
