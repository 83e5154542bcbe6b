/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream of messages: framing, then the decoder of each body, as session.c does it. */
#include <stdlib.h>
#include <string.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/notification.h"
#include "lb/bgp/open.h"
#include "lb/bgp/update.h"

static void check_refresh(const struct bgp_frame *frame)
{
	struct bgp_refresh refresh;
	struct bgp_error err;
	uint8_t buf[4];

	if (!bgp_refresh_decode(&refresh, frame->body, frame->body_len)) {
		err = bgp_refresh_bad_length(frame->body, frame->body_len, true);
		if (frame->body_len == sizeof(buf) || err.code == BGP_ERR_NONE)
			abort();
		return;
	}
	if (frame->body_len != sizeof(buf))
		abort();
	if (refresh.family != ADDR_NONE &&
	    (bgp_refresh_encode(&refresh, buf, sizeof(buf)) != sizeof(buf) ||
	     memcmp(buf, frame->body, sizeof(buf)) != 0))
		abort();
}

static void decode(const struct bgp_frame *frame)
{
	struct bgp_open open;
	struct bgp_update update;
	struct bgp_error err, again;
	char text[BGP_ERROR_TEXT_SIZE];
	uint8_t buf[BGP_ERROR_DATA_MAX + 2];
	size_t len;

	switch (frame->type) {
	case BGP_MSG_OPEN:
		bgp_open_decode(&open, frame->body, frame->body_len);
		break;
	case BGP_MSG_UPDATE:
		bgp_update_decode(&update, frame->body, frame->body_len, BGP_FOUR_OCTET);
		break;
	case BGP_MSG_NOTIFICATION:
		err = bgp_notification_decode(frame->body, frame->body_len);
		bgp_error_format(&err, text);
		if (err.code == BGP_ERR_CEASE && err.subcode == BGP_CEASE_HARD_RESET)
			break; /* would be unwrapped once more */
		len = bgp_notification_encode(&err, buf, sizeof(buf));
		again = bgp_notification_decode(buf, len);
		if (memcmp(&err, &again, sizeof(err)) != 0)
			abort();
		break;
	case BGP_MSG_KEEPALIVE:
		break;
	case BGP_MSG_ROUTE_REFRESH:
		check_refresh(frame);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bgp_frame frame;
	struct bgp_error err;

	while (bgp_frame_next(&frame, &err, data, len) == BGP_FRAME_MESSAGE) {
		if (frame.size > len || frame.body + frame.body_len != data + frame.size)
			abort();
		decode(&frame);
		data += frame.size;
		len -= frame.size;
	}
	return 0;
}
