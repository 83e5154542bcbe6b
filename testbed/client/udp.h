/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * udp.h - the probe: one datagram to the origin's echo, one back.
 *
 * A user keeps one connected socket, hence one five-tuple, for as long as his
 * name has the same address: so a probe stays on the path that routers hash
 * its flow to, as a real user's does. When the address changes a new socket
 * takes over and the old one waits for its last answers. ICMP errors come by
 * the socket's error queue, which quotes the datagram: so each fails the
 * request that it belongs to, not the next one sent.
 */
#ifndef TESTBED_CLIENT_UDP_H
#define TESTBED_CLIENT_UDP_H

#include "testbed/client/group.h"

void client_udp_send(struct client_user *user, const struct client_slot *slot);
/* Close the user's socket. No probe may be under way. */
void client_udp_free(struct client_user *user);

#endif
