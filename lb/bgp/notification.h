/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notification.h - the bodies of NOTIFICATION (RFC 4271, section 4.5) and ROUTE-REFRESH
 * (RFC 2918, RFC 7313). Pure. A KEEPALIVE has no body.
 */
#ifndef LB_BGP_NOTIFICATION_H
#define LB_BGP_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/error.h"
#include "lib/addr.h"

/*
 * A received NOTIFICATION. Cannot fail on a body of two bytes or more, which bgp_frame_next()
 * warrants; a shorter one gives code 0. Longer data is cut. A hard reset (RFC 8538) is unwrapped
 * into the code that it carries.
 */
struct bgp_error bgp_notification_decode(const uint8_t *body, size_t len);
/* Before it is unwrapped: no routes shall be kept over this one. */
bool bgp_notification_is_hard_reset(const uint8_t *body, size_t len);
/* Body only. Returns its size, 0 when it does not fit. */
size_t bgp_notification_encode(const struct bgp_error *err, uint8_t *buf, size_t size);

enum bgp_refresh_kind { BGP_REFRESH_REQUEST = 0, BGP_REFRESH_BEGIN = 1, BGP_REFRESH_END = 2 };

struct bgp_refresh {
	enum addr_family family; /* ADDR_NONE: an AFI/SAFI that is not ours */
	uint8_t kind;		 /* enum bgp_refresh_kind, or unknown: ignore */
};

/* False unless the body has exactly four bytes. */
bool bgp_refresh_decode(struct bgp_refresh *refresh, const uint8_t *body, size_t len);
/*
 * What to say to a body of another length (RFC 7313, section 5): body is that of a message in the
 * buffer it came in, header before it. enhanced: both sides know the marks.
 */
struct bgp_error bgp_refresh_bad_length(const uint8_t *body, size_t len, bool enhanced);
size_t bgp_refresh_encode(const struct bgp_refresh *refresh, uint8_t *buf, size_t size);

/* AFI and SAFI of unicast in this family, and back; ADDR_NONE when it is neither. */
#define BGP_SAFI_UNICAST 1
uint16_t bgp_afi_of(enum addr_family family);
enum addr_family bgp_afi_family(uint16_t afi, uint8_t safi);

#endif
