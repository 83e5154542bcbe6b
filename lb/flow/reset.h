/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reset.h - the reset that a closed port would answer a TCP segment with (RFC 9293, 3.10.7.1).
 *
 * Pure. It goes from the segment's destination to its source: SEQ is SEG.ACK where there is one,
 *else 0 with ACK for all that has come (SEG.SEQ + SEG.LEN). Never longer than what it answers, and
 * nothing answers:
 *
 *	- a reset (two that know nothing of each other would go on for ever),
 *	- a fragment, and whatever else key.h finds no TCP in,
 *	- who is not one host: a multicast, broadcast (as far as that shows), loopback or
 *	  unspecified source, or the destination itself (RFC 1122, 4.2.3.10).
 *
 * Checksums of the segment are not looked at: on a machine's own links they need not be there yet.
 */
#ifndef LB_FLOW_RESET_H
#define LB_FLOW_RESET_H

#include <stddef.h>
#include <stdint.h>

#define RESET_SIZE_MAX 60 /* 40 over IPv4 */

/* The reset that answers this packet, from its IP header on; returns its length, 0: there is none.
 */
size_t reset_packet_build(uint8_t out[RESET_SIZE_MAX], const uint8_t *packet, size_t len);

#endif
