/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listen.h - stream sockets that listen: non-blocking, closed on exec.
 *
 * Both return the descriptor or -errno.
 */
#ifndef LIB_LISTEN_H
#define LIB_LISTEN_H

#include "lib/addr.h"

int listen_tcp(const struct endpoint *at);
/* A socket that a dead process has left at path is replaced, a live one is -EADDRINUSE. Mode 0660.
 */
int listen_unix(const char *path);

#endif
