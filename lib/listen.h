/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listen.h - stream sockets that listen: non-blocking, closed on exec.
 *
 * They return the descriptor or -errno, but for the group.
 */
#ifndef LIB_LISTEN_H
#define LIB_LISTEN_H

#include "lib/addr.h"

int listen_tcp(const struct endpoint *at);
/*
 * So many sockets at one address, for as many threads: the kernel spreads connections over them. No
 * other process may have the address, nor can have it then. Returns 0 and fills fds, or -errno.
 */
int listen_tcp_group(const struct endpoint *at, int *fds, unsigned count);
/* A socket that a dead process has left at path is replaced, a live one is -EADDRINUSE. Mode 0660.
 */
int listen_unix(const char *path);

#endif
