/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever a peer says whenever: no state that there is not, nothing said twice or out of turn,
 * time goes on, and the same bytes in other pieces mean the same. Input: a byte of options, then
 * pieces of the stream, each after a byte of how many seconds later and a byte of its length.
 */
#include <stdlib.h>
#include <string.h>

#include "lb/bgp/fsm.h"
#include "lb/bgp/notification.h"
#include "lb/bgp/open.h"
#include "lb/bgp/update.h"

#define STREAM_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct talk {
	struct bgp_fsm fsm;
	struct bgp_open own, peer;
	struct bgp_negotiated negotiated;
	struct instant now;
	bool connected;
	size_t len, used;
	uint8_t stream[STREAM_MAX];
};

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* What fsm.h promises of a step, whatever the event. */
static void step(struct talk *t, struct bgp_event *ev)
{
	enum bgp_state before = t->fsm.state;
	struct bgp_actions act;

	ev->now = t->now;
	act = bgp_fsm_step(&t->fsm, ev);
	demand(t->fsm.state <= BGP_ESTABLISHED);
	demand(!!(act.set & BGP_SESSION_UP) ==
	       (before != BGP_ESTABLISHED && t->fsm.state == BGP_ESTABLISHED));
	demand(!!(act.set & BGP_SESSION_DOWN) ==
	       (before == BGP_ESTABLISHED && t->fsm.state != BGP_ESTABLISHED));
	demand(!(act.set & BGP_SEND_NOTIFICATION) || act.set & BGP_TCP_CLOSE);
	demand(!(act.set & BGP_SEND_NOTIFICATION) || act.notification.code != BGP_ERR_NONE);
	demand(t->fsm.state < BGP_OPEN_SENT || bgp_fsm_deadline(&t->fsm).ns > t->now.ns ||
	       ev->type != BGP_EVENT_TICK);
	demand(t->fsm.hold_time == 0 || t->fsm.hold_time >= 3);
	if (act.set & BGP_TCP_CLOSE)
		t->connected = false;
}

static void step_type(struct talk *t, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type };

	step(t, &ev);
}

static void bad(struct talk *t, const struct bgp_error *err)
{
	struct bgp_event ev = { .type = BGP_EVENT_BAD_MESSAGE, .error = *err };

	demand(err->code != BGP_ERR_NONE);
	step(t, &ev);
	demand(t->fsm.state == BGP_IDLE);
}

static void take_open(struct talk *t, const struct bgp_frame *frame)
{
	struct bgp_event ev = { .type = BGP_EVENT_OPEN };
	struct bgp_error err = bgp_open_decode(&t->peer, frame->body, frame->body_len);

	if (t->fsm.state == BGP_OPEN_SENT && err.code == BGP_ERR_NONE)
		err = bgp_open_negotiate(&t->negotiated, &t->own, &t->peer, t->peer.asn);
	if (t->fsm.state == BGP_OPEN_SENT && err.code != BGP_ERR_NONE) {
		bad(t, &err);
		return;
	}
	ev.hold_time = t->peer.hold_time;
	step(t, &ev);
}

static void take_update(struct talk *t, const struct bgp_frame *frame)
{
	struct bgp_update update;

	if (t->fsm.state == BGP_ESTABLISHED &&
	    bgp_update_decode(&update, frame->body, frame->body_len,
			      t->negotiated.four_octet_asn ? BGP_FOUR_OCTET : 0) ==
		    BGP_UPDATE_RESET)
		bad(t, &update.attrs.error);
	else
		step_type(t, BGP_EVENT_UPDATE);
}

static void take_refresh(struct talk *t, const struct bgp_frame *frame)
{
	struct bgp_refresh refresh;
	struct bgp_error err;

	if (bgp_refresh_decode(&refresh, frame->body, frame->body_len)) {
		step_type(t, BGP_EVENT_ROUTE_REFRESH);
		return;
	}
	err = bgp_refresh_bad_length(frame->body, frame->body_len, t->negotiated.enhanced_refresh);
	bad(t, &err);
}

static void take(struct talk *t, const struct bgp_frame *frame)
{
	switch (frame->type) {
	case BGP_MSG_OPEN:
		take_open(t, frame);
		break;
	case BGP_MSG_UPDATE:
		take_update(t, frame);
		break;
	case BGP_MSG_NOTIFICATION:
		step_type(t, BGP_EVENT_NOTIFICATION);
		demand(t->fsm.state == BGP_IDLE);
		break;
	case BGP_MSG_KEEPALIVE:
		step_type(t, BGP_EVENT_KEEPALIVE);
		break;
	case BGP_MSG_ROUTE_REFRESH:
		take_refresh(t, frame);
		break;
	}
}

static void hear(struct talk *t)
{
	struct bgp_frame frame;
	struct bgp_error err;

	while (t->connected) {
		switch (bgp_frame_next(&frame, &err, t->stream + t->used, t->len - t->used)) {
		case BGP_FRAME_MORE:
			return;
		case BGP_FRAME_ERROR:
			bad(t, &err);
			break;
		case BGP_FRAME_MESSAGE:
			t->used += frame.size;
			take(t, &frame);
			break;
		}
	}
}

static void pass(struct talk *t, struct instant until)
{
	for (int steps = 0; bgp_fsm_deadline(&t->fsm).ns <= until.ns; steps++) {
		demand(steps < 10000);
		t->now = bgp_fsm_deadline(&t->fsm).ns > t->now.ns ? bgp_fsm_deadline(&t->fsm)
								  : t->now;
		step_type(t, BGP_EVENT_TICK);
	}
	t->now = until;
}

static void begin(struct talk *t, uint8_t options)
{
	struct bgp_fsm_conf conf = { .dials = options & 1,
				     .hold_time = options & 2 ? 9 : 0,
				     .connect_retry = 5,
				     .seed = options };

	memset(t, 0, sizeof(*t));
	t->own = (struct bgp_open){ .asn = 64500, .hold_time = conf.hold_time, .router_id = 1 };
	t->own.ipv4 = options & 4 || !(options & 8);
	t->own.ipv6 = options & 8;
	t->own.four_octet_asn = t->own.route_refresh = t->own.enhanced_refresh = true;
	t->own.role = options & 16 ? BGP_ROLE_CUSTOMER : BGP_ROLE_NONE;
	t->now = (struct instant){ NS_PER_S };
	bgp_fsm_init(&t->fsm, &conf);
	step_type(t, BGP_EVENT_START);
	step_type(t, BGP_EVENT_TCP_UP);
	demand(t->fsm.state == BGP_OPEN_SENT);
	t->connected = true;
}

/* Piece by piece, or after the first wait all at once. */
static enum bgp_state talk(struct talk *t, const uint8_t *data, size_t len, bool at_once)
{
	const uint8_t *end = data + len;

	begin(t, *data++);
	while (end - data >= 2) {
		size_t size = data[1] < end - data - 2 ? data[1] : (size_t)(end - data - 2);

		if (!at_once)
			pass(t, instant_after_s(t->now, data[0]));
		data += 2;
		if (size > STREAM_MAX - t->len)
			break;
		memcpy(t->stream + t->len, data, size);
		t->len += size;
		data += size;
		if (!at_once)
			hear(t);
	}
	hear(t);
	return t->fsm.state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct talk pieces, whole;
	enum bgp_state state;
	size_t used;

	if (len == 0)
		return 0;
	state = talk(&pieces, data, len, false);
	used = pieces.used;
	/* Unless it is over, which a timer may have brought about. */
	if (pieces.connected)
		demand(talk(&whole, data, len, true) == state && whole.used == used);
	return 0;
}
