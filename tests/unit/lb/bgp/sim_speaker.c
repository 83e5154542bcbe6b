/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_speaker.h"

#include <stdio.h>
#include <string.h>

#include "lb/bgp/notification.h"
#include "lb/bgp/update.h"

/* Small, so that it fills. */
#define QUEUE_MAX 256

static void fault(struct sim_speaker *s, const char *what, const char *detail)
{
	if (!s->fault[0])
		snprintf(s->fault, sizeof(s->fault), "host %d at %.3f s: %s: %s", s->host,
			 (double)s->now.ns / 1e9, what, detail);
}

static void trace(const struct sim_speaker *s, const char *what, int number)
{
	if (s->is_traced)
		fprintf(stderr, "%9.3f host %d: %s %d\n", (double)s->now.ns / 1e9, s->host, what,
			number);
}

static enum addr_family family_of(unsigned prefix)
{
	return prefix % 2 ? ADDR_IPV6 : ADDR_IPV4;
}

static struct prefix prefix_at(unsigned i)
{
	uint8_t bytes[16] = { 198, 18, (uint8_t)i };
	struct prefix prefix = { .len = 24 };

	if (family_of(i) == ADDR_IPV6)
		memcpy(bytes, (uint8_t[]){ 0x20, 1, 0xd, (uint8_t)i }, 4);
	if (family_of(i) == ADDR_IPV6)
		prefix.len = 32;
	prefix.addr = addr_from_bytes(family_of(i), bytes);
	return prefix;
}

static struct bgp_policy policy_at(int i)
{
	struct bgp_policy policy = { .prepend = (uint8_t)i, .has_med = true, .med = (uint32_t)i };

	if (i % 2)
		bgp_policy_add_community(&policy, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	return policy;
}

static void send_message(struct sim_speaker *s, int conn, enum bgp_message_type type,
			 const uint8_t *body, size_t len)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	size_t start = bgp_frame_begin(&w, type);

	trace(s, bgp_message_type_name(type), conn);
	wire_put_bytes(&w, body, len);
	bgp_frame_end(&w, start);
	sim_tcp_send(s->tcp, s->host, conn, buf, wire_written(&w));
}

static void send_open(struct sim_speaker *s, int conn)
{
	uint8_t body[128];

	send_message(s, conn, BGP_MSG_OPEN, body,
		     bgp_open_encode(&s->conf.open, body, sizeof(body)));
}

/* Between two that keep to the rules there is no other reason to part. */
static void judge_notification(struct sim_speaker *s, const struct bgp_error *err)
{
	char text[BGP_ERROR_TEXT_SIZE];

	s->counts.hold_expired += err->code == BGP_ERR_HOLD_TIMER;
	s->counts.collisions += err->code == BGP_ERR_CEASE && err->subcode == BGP_CEASE_COLLISION;
	if (err->code != BGP_ERR_HOLD_TIMER && err->code != BGP_ERR_CEASE)
		fault(s, "NOTIFICATION", bgp_error_format(err, text));
}

static void send_notification(struct sim_speaker *s, int conn, const struct bgp_error *err)
{
	uint8_t body[BGP_ERROR_DATA_MAX + 2];

	judge_notification(s, err);
	send_message(s, conn, BGP_MSG_NOTIFICATION, body,
		     bgp_notification_encode(err, body, sizeof(body)));
}

static void step(struct sim_speaker *s, enum bgp_connection which, const struct bgp_event *ev,
		 const struct bgp_identity *remote);

static void step_type(struct sim_speaker *s, enum bgp_connection which, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type, .now = s->now };

	step(s, which, &ev, NULL);
}

static void flush(struct sim_speaker *s)
{
	struct adj_rib_out_message message;

	message.size = 0;
	while (s->up >= 0 && !s->blocked) {
		int conn = s->link[s->up].conn;

		if (sim_tcp_queued(s->tcp, s->host, conn) > QUEUE_MAX) {
			s->blocked = true;
			s->counts.blocked++;
			step_type(s, (enum bgp_connection)s->up, BGP_EVENT_WRITE_BLOCKED);
			return;
		}
		if (!adj_rib_out_next(s->rib, &message))
			return;
		trace(s, "routes", (int)message.batch.count);
		sim_tcp_send(s->tcp, s->host, conn, message.bytes, message.size);
	}
}

static void session_up(struct sim_speaker *s, enum bgp_connection which)
{
	const struct sim_speaker_link *link = &s->link[which];
	struct adj_rib_out_session session = { .asn = s->conf.open.asn };
	const uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, 1 };

	trace(s, "up", link->conn);
	s->up = (int)which;
	s->counts.ups++;
	session.four_octet = link->negotiated.four_octet_asn;
	session.enhanced_refresh = link->negotiated.enhanced_refresh;
	if (link->negotiated.ipv4)
		session.next_hop4 = addr_from_bytes(ADDR_IPV4, bytes);
	if (link->negotiated.ipv6)
		session.next_hop6 = addr_from_bytes(ADDR_IPV6, bytes);
	adj_rib_out_session_up(s->rib, &session);
}

static void session_down(struct sim_speaker *s)
{
	trace(s, "down", s->up);
	s->up = -1;
	s->blocked = false;
	s->counts.downs++;
	adj_rib_out_session_down(s->rib);
	memset(s->heard, 0, sizeof(s->heard));
	memset(s->stale, 0, sizeof(s->stale));
	s->end_of_rib[0] = s->end_of_rib[1] = false;
}

static void close_link(struct sim_speaker *s, enum bgp_connection which)
{
	struct sim_speaker_link *link = &s->link[which];

	if (link->conn >= 0)
		sim_tcp_close(s->tcp, s->host, link->conn);
	link->conn = -1;
	link->in_len = 0;
}

static void carry_out(struct sim_speaker *s, enum bgp_connection which,
		      const struct bgp_actions *act)
{
	struct sim_speaker_link *link = &s->link[which];

	if (act->set & BGP_SEND_OPEN)
		send_open(s, link->conn);
	if (act->set & BGP_SEND_KEEPALIVE)
		send_message(s, link->conn, BGP_MSG_KEEPALIVE, NULL, 0);
	if (act->set & BGP_SEND_NOTIFICATION)
		send_notification(s, link->conn, &act->notification);
	if (act->set & BGP_SESSION_UP)
		session_up(s, which);
	if (act->set & BGP_SESSION_DOWN)
		session_down(s);
	if (act->set & BGP_TCP_CLOSE)
		close_link(s, which);
	if (act->set & BGP_TCP_CONNECT) {
		link->conn = sim_tcp_dial(s->tcp, s->host);
		trace(s, "dials", link->conn);
	}
}

static void step(struct sim_speaker *s, enum bgp_connection which, const struct bgp_event *ev,
		 const struct bgp_identity *remote)
{
	struct bgp_peer_actions act = bgp_peer_fsm_step(&s->fsm, which, ev, remote);
	enum bgp_connection second = act.first == BGP_OUTGOING ? BGP_INCOMING : BGP_OUTGOING;

	carry_out(s, act.first, &act.connection[act.first]);
	carry_out(s, second, &act.connection[second]);
	if (s->fsm.connection[0].state >= BGP_OPEN_CONFIRM &&
	    s->fsm.connection[1].state >= BGP_OPEN_CONFIRM)
		fault(s, "states", "both connections past OpenSent");
	flush(s);
}

void sim_speaker_init(struct sim_speaker *s, const struct sim_speaker_conf *conf)
{
	struct bgp_fsm_conf fsm = { .dials = conf->dials,
				    .hold_time = conf->open.hold_time,
				    .connect_retry = conf->connect_retry,
				    .seed = conf->seed };
	struct bgp_identity own = { conf->open.router_id, conf->open.asn };

	s->conf = *conf;
	s->rib = adj_rib_out_new();
	s->up = s->link[0].conn = s->link[1].conn = -1;
	s->link[0].in_len = s->link[1].in_len = 0;
	s->blocked = false;
	memset(s->heard, 0, sizeof(s->heard));
	memset(s->stale, 0, sizeof(s->stale));
	s->end_of_rib[0] = s->end_of_rib[1] = false;
	bgp_peer_fsm_init(&s->fsm, &fsm, &own);
	for (unsigned i = 0; i < SIM_PREFIXES; i++)
		sim_speaker_set(s, i, s->wanted[i] - 1);
	step_type(s, BGP_OUTGOING, BGP_EVENT_START);
}

void sim_speaker_fini(struct sim_speaker *s)
{
	adj_rib_out_free(s->rib);
	s->rib = NULL;
}

void sim_speaker_set(struct sim_speaker *s, unsigned i, int number)
{
	struct prefix prefix = prefix_at(i);
	struct bgp_policy policy = policy_at(number < 0 ? 0 : number);

	s->wanted[i] = (uint8_t)(number + 1);
	if (number < 0)
		adj_rib_out_withdraw(s->rib, &prefix, 1);
	else
		adj_rib_out_announce(s->rib, &prefix, &policy);
	flush(s);
}

void sim_speaker_event(struct sim_speaker *s, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type, .now = s->now };

	if (type == BGP_EVENT_STOP)
		ev.error = bgp_error_cease(BGP_CEASE_SHUTDOWN, "sim");
	step(s, BGP_OUTGOING, &ev, NULL);
	if (type == BGP_EVENT_BFD_DOWN)
		step(s, BGP_INCOMING, &ev, NULL);
}

struct instant sim_speaker_deadline(const struct sim_speaker *s)
{
	return bgp_peer_fsm_deadline(&s->fsm);
}

static bool is_spoken(const struct sim_speaker *s, enum addr_family family)
{
	const struct bgp_negotiated *n = &s->link[s->up].negotiated;

	return family == ADDR_IPV4 ? n->ipv4 : n->ipv6;
}

void sim_speaker_ask_refresh(struct sim_speaker *s)
{
	for (enum addr_family family = ADDR_IPV4; s->up >= 0; family = ADDR_IPV6) {
		const struct bgp_refresh refresh = { .family = family };
		uint8_t body[8];

		s->counts.refreshes++;
		if (is_spoken(s, family))
			send_message(s, s->link[s->up].conn, BGP_MSG_ROUTE_REFRESH, body,
				     bgp_refresh_encode(&refresh, body, sizeof(body)));
		if (family == ADDR_IPV6)
			break;
	}
}

static void take_open(struct sim_speaker *s, enum bgp_connection which,
		      const struct bgp_frame *frame)
{
	struct sim_speaker_link *link = &s->link[which];
	struct bgp_event ev = { .type = BGP_EVENT_OPEN, .now = s->now };
	struct bgp_open open;
	struct bgp_error err = bgp_open_decode(&open, frame->body, frame->body_len);
	struct bgp_identity remote;
	char text[BGP_ERROR_TEXT_SIZE];

	if (err.code == BGP_ERR_NONE)
		err = bgp_open_negotiate(&link->negotiated, &s->conf.open, &open, s->peer_asn);
	if (err.code != BGP_ERR_NONE) {
		fault(s, "OPEN", bgp_error_format(&err, text));
		return;
	}
	link->open = open;
	ev.hold_time = open.hold_time;
	remote = (struct bgp_identity){ open.router_id, open.asn };
	step(s, which, &ev, &remote);
}

/* Which policy this is, by every mark that it leaves on a route; -1: none of ours. */
static int policy_of(const struct sim_speaker *s, const struct bgp_attrs *a)
{
	size_t size = a->as_path.four_octet ? 4 : 2;
	int i = a->has_med ? (int)a->med : -1;

	if (i < 0 || i >= SIM_POLICIES || a->as_path.len != 2 + size * (size_t)(i + 1) ||
	    a->community_count != (size_t)(i % 2) ||
	    !bgp_as_path_contains(&a->as_path, a->as_path.four_octet || s->peer_asn <= UINT16_MAX
						       ? s->peer_asn
						       : BGP_AS_TRANS))
		return -1;
	return i;
}

static void hear(struct sim_speaker *s, const struct bgp_nlri *nlri, int value)
{
	struct wire_reader r = wire_reader(nlri->bytes, nlri->len);
	struct prefix prefix;

	while (nlri->family != ADDR_NONE && bgp_nlri_next(&r, nlri->family, &prefix)) {
		unsigned i = 0;

		for (; i < SIM_PREFIXES; i++) {
			struct prefix known = prefix_at(i);

			if (prefix_equal(&prefix, &known))
				break;
		}
		if (i == SIM_PREFIXES) {
			fault(s, "UPDATE", "a prefix that nobody announces");
			return;
		}
		s->heard[i] = (uint8_t)value;
		s->stale[i] = false;
	}
}

static void take_update(struct sim_speaker *s, enum bgp_connection which,
			const struct bgp_frame *frame)
{
	unsigned options = s->link[which].negotiated.four_octet_asn ? BGP_FOUR_OCTET : 0;
	struct bgp_update update;
	int policy = 0;

	if (s->up != (int)which) {
		fault(s, "UPDATE", "without a session");
		return;
	}
	if (bgp_update_decode(&update, frame->body, frame->body_len, options) != BGP_UPDATE_OK)
		fault(s, "UPDATE", "malformed");
	if (update.reach.len > 0 || update.attrs.mp_reach.len > 0)
		policy = policy_of(s, &update.attrs);
	if (policy < 0)
		fault(s, "UPDATE", "attributes of no policy");
	if (update.end_of_rib != ADDR_NONE)
		s->end_of_rib[update.end_of_rib == ADDR_IPV6] = true;
	hear(s, &update.withdrawn, 0);
	hear(s, &update.attrs.mp_unreach, 0);
	hear(s, &update.reach, policy + 1);
	hear(s, &update.attrs.mp_reach, policy + 1);
	step_type(s, which, BGP_EVENT_UPDATE);
}

static void take_refresh(struct sim_speaker *s, enum bgp_connection which,
			 const struct bgp_frame *frame)
{
	struct bgp_refresh refresh;

	if (!bgp_refresh_decode(&refresh, frame->body, frame->body_len) || s->up != (int)which)
		fault(s, "ROUTE-REFRESH", "malformed, or without a session");
	else if (refresh.kind == BGP_REFRESH_REQUEST)
		adj_rib_out_refresh(s->rib, refresh.family);
	for (unsigned i = 0; i < SIM_PREFIXES; i++) {
		if (family_of(i) != refresh.family)
			continue;
		if (refresh.kind == BGP_REFRESH_BEGIN)
			s->stale[i] = s->heard[i] != 0;
		else if (refresh.kind == BGP_REFRESH_END && s->stale[i])
			s->stale[i] = s->heard[i] = 0;
	}
	step_type(s, which, BGP_EVENT_ROUTE_REFRESH);
}

static void take_notification(struct sim_speaker *s, enum bgp_connection which,
			      const struct bgp_frame *frame)
{
	struct bgp_error err = bgp_notification_decode(frame->body, frame->body_len);

	judge_notification(s, &err);
	step_type(s, which, BGP_EVENT_NOTIFICATION);
}

static void take(struct sim_speaker *s, enum bgp_connection which, const struct bgp_frame *frame)
{
	switch (frame->type) {
	case BGP_MSG_OPEN:
		take_open(s, which, frame);
		break;
	case BGP_MSG_UPDATE:
		take_update(s, which, frame);
		break;
	case BGP_MSG_NOTIFICATION:
		take_notification(s, which, frame);
		break;
	case BGP_MSG_KEEPALIVE:
		step_type(s, which, BGP_EVENT_KEEPALIVE);
		break;
	case BGP_MSG_ROUTE_REFRESH:
		take_refresh(s, which, frame);
		break;
	}
}

/* The connection's machine; -1: it has none any more. */
static int machine_of(const struct sim_speaker *s, int conn)
{
	for (int which = 0; which < BGP_CONNECTIONS; which++) {
		if (s->link[which].conn == conn)
			return which;
	}
	return -1;
}

void sim_speaker_data(struct sim_speaker *s, int conn, const uint8_t *bytes, size_t len)
{
	int which = machine_of(s, conn);
	struct sim_speaker_link *link = &s->link[which < 0 ? 0 : which];
	struct bgp_frame frame;
	struct bgp_error err;

	if (which < 0)
		return;
	memcpy(link->in + link->in_len, bytes, len);
	link->in_len += len;
	/* A message may end the connection that it came by. */
	while (link->conn == conn) {
		enum bgp_frame_result result = bgp_frame_next(&frame, &err, link->in, link->in_len);
		uint8_t message[BGP_MESSAGE_MAX];

		if (result == BGP_FRAME_ERROR)
			fault(s, "stream", "not a BGP message");
		if (result != BGP_FRAME_MESSAGE)
			return;
		memcpy(message, link->in, frame.size);
		frame.body = message + BGP_HEADER_SIZE;
		link->in_len -= frame.size;
		memmove(link->in, link->in + frame.size, link->in_len);
		take(s, (enum bgp_connection)which, &frame);
	}
}

static void refuse(struct sim_speaker *s, int conn, enum bgp_cease subcode)
{
	struct bgp_error err = bgp_error_cease(subcode, NULL);

	send_notification(s, conn, &err);
	sim_tcp_close(s->tcp, s->host, conn);
}

void sim_speaker_accept(struct sim_speaker *s, int conn)
{
	trace(s, "is dialled", conn);
	switch (bgp_peer_fsm_accept(&s->fsm)) {
	case BGP_REFUSE_STOPPED:
		refuse(s, conn, BGP_CEASE_REJECTED);
		return;
	case BGP_REFUSE_COLLISION:
		refuse(s, conn, BGP_CEASE_COLLISION);
		return;
	case BGP_ACCEPT_REPLACE:
		step_type(s, BGP_INCOMING, BGP_EVENT_COLLISION);
		break;
	case BGP_ACCEPT:
		break;
	}
	s->link[BGP_INCOMING].conn = conn;
	s->link[BGP_INCOMING].in_len = 0;
	step_type(s, BGP_INCOMING, BGP_EVENT_TCP_UP);
}

void sim_speaker_tcp_up(struct sim_speaker *s, int conn)
{
	int which = machine_of(s, conn);

	if (which >= 0)
		step_type(s, (enum bgp_connection)which, BGP_EVENT_TCP_UP);
}

void sim_speaker_tcp_down(struct sim_speaker *s, int conn)
{
	int which = machine_of(s, conn);

	trace(s, "loses", conn);
	if (which >= 0)
		step_type(s, (enum bgp_connection)which, BGP_EVENT_TCP_DOWN);
	else
		sim_tcp_close(s->tcp, s->host, conn);
}

void sim_speaker_room(struct sim_speaker *s, int conn)
{
	if (s->up < 0 || s->link[s->up].conn != conn)
		return;
	if (s->blocked) {
		s->blocked = false;
		step_type(s, (enum bgp_connection)s->up, BGP_EVENT_WRITE_DONE);
	}
	flush(s);
}
