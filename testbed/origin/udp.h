/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * udp.h - the origin's echo: every request datagram is answered with the PoP's name.
 *
 * One socket per address family on all addresses. The answer leaves from the
 * address that was asked, which matters where a service address is anycast and
 * sits on the loopback interface. Anything that is not a request is ignored.
 */
#ifndef TESTBED_ORIGIN_UDP_H
#define TESTBED_ORIGIN_UDP_H

#include <ev.h>
#include <stdint.h>

#include "lib/addr.h"

struct origin_udp;

/* pop is borrowed. Returns 0 and sets *out, or -errno. */
int origin_udp_new(struct origin_udp **out, struct ev_loop *loop, enum addr_family family,
		   uint16_t port, const char *pop);
void origin_udp_free(struct origin_udp *udp);

#endif
