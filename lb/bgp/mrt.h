/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mrt.h - BGP messages and changes of a session's state as records of MRT (RFC 6396).
 *
 * Pure. Type BGP4MP_ET (sections 3 and 4.4): MESSAGE_AS4, or MESSAGE where AS numbers in the
 * message have two octets, in their _LOCAL form for what we have sent (4.4.5), and
 * STATE_CHANGE_AS4. Written only; tests/support/mrt.py and bgpdump(1) read it.
 */
#ifndef LB_BGP_MRT_H
#define LB_BGP_MRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/state.h"
#include "lib/addr.h"

/* The extended header, two AS numbers, interface, AFI, two addresses of IPv6, a message. */
#define MRT_RECORD_MAX (16 + 8 + 4 + 32 + BGP_MESSAGE_MAX)

/* Whose record it is. */
struct mrt_session {
	uint32_t peer_asn, local_asn;
	struct addr peer, local; /* of one family; local may be ADDR_NONE: all zeros */
	bool four_octet;	 /* AS numbers in messages have four octets */
};

struct mrt_message {
	bool sent; /* by us */
	const uint8_t *bytes;
	size_t len; /* with the header of 19 octets, at most BGP_MESSAGE_MAX */
};

/* at: CLOCK_REALTIME. Both return the record's size, 0 when it does not fit. */
size_t mrt_message_encode(const struct mrt_session *session, struct timespec at,
			  const struct mrt_message *message, uint8_t *buf, size_t size);
size_t mrt_state_encode(const struct mrt_session *session, struct timespec at, enum bgp_state was,
			enum bgp_state is, uint8_t *buf, size_t size);

#endif
