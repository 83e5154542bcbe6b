/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transport.h - what a peer asks of the TCP connection: how far away it may be and how it shows
 * that it is who it is.
 *
 * A thin shell around socket options. All functions that can fail return -errno. Options are set
 * before connect(2) and listen(2), or the handshake would go without them.
 */
#ifndef LB_BGP_TRANSPORT_H
#define LB_BGP_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

#define BGP_MD5_KEY_MAX 80

struct bgp_transport {
	/*
	 * Hops to the peer at most: 1 for a peer on the same wire, which is what TTL is sent; 0
	 * sends the kernel's own and is not for ttl_security.
	 */
	uint8_t hops;
	/* Generalized TTL security (RFC 5082): send 255 and take nothing below 256 - hops. */
	bool ttl_security;
	/* Every segment is signed with this (RFC 2385); NULL: none is, and none may be. */
	const char *md5_key; /* 1 to BGP_MD5_KEY_MAX bytes */
};

/* For a socket that is about to dial, or one that was accepted. */
int bgp_transport_apply(int fd, enum addr_family family, const struct bgp_transport *transport);
/*
 * For a socket that is about to listen, to some peer with ttl_security: the answer to a SYN goes
 * out with TTL 255, and the SYN is kept for bgp_transport_is_near().
 */
int bgp_transport_listen(int fd, enum addr_family family);
/*
 * Of a connection just accepted: its SYN has come from no further than ttl_security allows. What
 * a stranger sends along before bgp_transport_apply() is thus never read.
 */
bool bgp_transport_is_near(int fd, const struct bgp_transport *transport);

/*
 * Key of one peer, or of all within a prefix, on a socket that dials or listens. Accepted sockets
 * inherit it. Segments with a wrong key are dropped by the kernel, without an answer. "" takes the
 * key away: -ENOENT when there is none.
 */
int bgp_transport_key(int fd, const struct prefix *peers, const char *key);

#endif
