/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/frame.h"

#define MARKER_SIZE 16

/* Smallest and largest whole message by type (RFC 4271, section 6.1; RFC 2918). */
struct size_range {
	uint16_t min, max;
};

static const struct size_range sizes[BGP_MSG_TYPES] = {
	[BGP_MSG_OPEN] = { 29, BGP_MESSAGE_MAX },
	[BGP_MSG_UPDATE] = { 23, BGP_MESSAGE_MAX },
	[BGP_MSG_NOTIFICATION] = { 21, BGP_MESSAGE_MAX },
	[BGP_MSG_KEEPALIVE] = { BGP_HEADER_SIZE, BGP_HEADER_SIZE },
	[BGP_MSG_ROUTE_REFRESH] = { 23, BGP_MESSAGE_MAX }, /* judged by its kind: RFC 7313 */
};

static const uint8_t marker[MARKER_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

enum bgp_frame_result bgp_frame_next(struct bgp_frame *frame, struct bgp_error *err,
				     const uint8_t *buf, size_t len)
{
	struct wire_reader r = wire_reader(buf, len);
	const uint8_t *length;
	uint16_t size;
	uint8_t type;

	/* Garbage shows in the marker before a whole header has come. */
	if (len > 0 && memcmp(buf, marker, len < MARKER_SIZE ? len : MARKER_SIZE) != 0) {
		*err = bgp_error_make(BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCHRONIZED, NULL, 0);
		return BGP_FRAME_ERROR;
	}
	wire_get_bytes(&r, MARKER_SIZE);
	length = r.pos;
	size = wire_get_u16(&r);
	type = wire_get_u8(&r);
	if (r.failed)
		return BGP_FRAME_MORE;
	if (size < BGP_HEADER_SIZE || size > BGP_MESSAGE_MAX) {
		*err = bgp_error_make(BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, length, 2);
		return BGP_FRAME_ERROR;
	}
	if (type < BGP_MSG_OPEN || type > BGP_MSG_ROUTE_REFRESH) {
		*err = bgp_error_make(BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE, &type, 1);
		return BGP_FRAME_ERROR;
	}
	if (size < sizes[type].min || size > sizes[type].max) {
		*err = bgp_error_make(BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, length, 2);
		return BGP_FRAME_ERROR;
	}
	if (len < size)
		return BGP_FRAME_MORE;
	*frame = (struct bgp_frame){ .type = type,
				     .body = buf + BGP_HEADER_SIZE,
				     .body_len = (size_t)size - BGP_HEADER_SIZE,
				     .size = size };
	return BGP_FRAME_MESSAGE;
}

size_t bgp_frame_begin(struct wire_writer *w, enum bgp_message_type type)
{
	size_t start = wire_offset(w);

	wire_put_bytes(w, marker, sizeof(marker));
	wire_put_u16(w, 0);
	wire_put_u8(w, (uint8_t)type);
	return start;
}

void bgp_frame_end(struct wire_writer *w, size_t start)
{
	wire_patch_u16(w, start + MARKER_SIZE, (uint16_t)(wire_offset(w) - start));
}

const char *bgp_message_type_name(enum bgp_message_type type)
{
	static const char *const names[BGP_MSG_TYPES] = { "none",      "open",
							  "update",    "notification",
							  "keepalive", "route_refresh" };

	return names[type];
}
