/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frame.h - the BGP message header (RFC 4271, section 4.1): marker, length, type.
 *
 * Pure: finds the next message in a stream of bytes, and puts the header
 * before a body. What is in the body is for open.c, update.c and their kin.
 */
#ifndef LB_BGP_FRAME_H
#define LB_BGP_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/error.h"
#include "lib/wire.h"

#define BGP_HEADER_SIZE 19
#define BGP_MESSAGE_MAX 4096
#define BGP_BODY_MAX	(BGP_MESSAGE_MAX - BGP_HEADER_SIZE)

enum bgp_message_type {
	BGP_MSG_OPEN = 1,
	BGP_MSG_UPDATE = 2,
	BGP_MSG_NOTIFICATION = 3,
	BGP_MSG_KEEPALIVE = 4,
	BGP_MSG_ROUTE_REFRESH = 5, /* RFC 2918 */
};
#define BGP_MSG_TYPES 6 /* size of an array indexed by type; 0 is unused */

enum bgp_frame_result { BGP_FRAME_MORE, BGP_FRAME_MESSAGE, BGP_FRAME_ERROR };

struct bgp_frame {
	enum bgp_message_type type;
	const uint8_t *body; /* borrowed from the input */
	size_t body_len;
	size_t size; /* of the whole message: what to drop from the input afterwards */
};

/*
 * Look at the start of the received bytes. The header is judged as soon as it is whole: a
 * bad one is an error (with the NOTIFICATION to send) before its body has come.
 */
enum bgp_frame_result bgp_frame_next(struct bgp_frame *frame, struct bgp_error *err,
				     const uint8_t *buf, size_t len);
/* Write a header; returns where the message starts, for bgp_frame_end(). */
size_t bgp_frame_begin(struct wire_writer *w, enum bgp_message_type type);
/* Fill in the length once the body is written. */
void bgp_frame_end(struct wire_writer *w, size_t start);
const char *bgp_message_type_name(enum bgp_message_type type); /* "open", "update", ... */

#endif
