/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nd.h - the two messages of neighbour discovery (RFC 4861, sections 4.1 and 4.2) by which the
 * ends of a wire without addresses find each other: "is there a router?" and "here is one".
 *
 * Pure. The ICMPv6 checksum is the kernel's. What we advertise is a router with lifetime 0: nobody
 * takes us for a way out, but BGP daemons that look for an unnumbered peer learn our address.
 */
#ifndef LB_BGP_ND_H
#define LB_BGP_ND_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

enum bgp_nd_type { BGP_ND_NONE = 0, BGP_ND_SOLICIT = 133, BGP_ND_ADVERT = 134 };

#define BGP_ND_SIZE_MAX 16

/* Returns the size, 0 when it does not fit or is none of ours. */
size_t bgp_nd_encode(enum bgp_nd_type type, uint8_t *buf, size_t size);
/*
 * What has come, judged as sections 6.1.1 and 6.1.2 ask; BGP_ND_NONE: to be ignored. A solicitation
 * may come from "::", an advertisement only from a link-local address.
 */
enum bgp_nd_type bgp_nd_decode(const uint8_t *bytes, size_t len, int hop_limit,
			       const struct addr *from);

#endif
