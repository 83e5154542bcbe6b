/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a peer's machines say, carried out; and what its connections and its timer tell them. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lb/bgp/next_hop.h"
#include "lb/bgp/notification.h"
#include "lb/bgp/peer_state.h"
#include "lib/alloc.h"
#include "lib/log.h"

static const struct bgp_session_handlers session_handlers;

bool bgp_peer_is_internal(const struct bgp_peer *peer)
{
	return peer->conf->asn == peer->env->conf->asn;
}

struct bgp_open bgp_peer_own_open(const struct bgp_peer *peer)
{
	return (struct bgp_open){
		.asn = peer->env->conf->asn,
		.hold_time = peer->conf->hold_time,
		.router_id = peer->env->conf->router_id,
		.ipv4 = peer->conf->ipv4,
		.ipv6 = peer->conf->ipv6,
		.four_octet_asn = true,
		.route_refresh = true,
		.enhanced_refresh = true,
		.extended_next_hop = peer->conf->extended_next_hop && peer->conf->ipv4,
		.graceful_restart = peer->conf->graceful_restart.time > 0,
		.restart = bgp_peer_own_restart(peer),
		.role = peer->conf->role,
		.role_required = peer->conf->role_strict,
	};
}

static void send_message(struct bgp_link *link, enum bgp_message_type type, const void *body,
			 size_t len)
{
	uint8_t buf[BGP_HEADER_SIZE + BGP_ERROR_DATA_MAX + 64];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	size_t start = bgp_frame_begin(&w, type);

	wire_put_bytes(&w, body, len);
	bgp_frame_end(&w, start);
	bgp_session_write(link->session, buf, wire_written(&w), NULL);
	bgp_peer_dump_message(link, true, buf, wire_written(&w));
	link->peer->out[type]++;
}

static void send_open(struct bgp_link *link)
{
	struct bgp_open open = bgp_peer_own_open(link->peer);
	uint8_t body[BGP_OPEN_SIZE_MAX];

	send_message(link, BGP_MSG_OPEN, body, bgp_open_encode(&open, body, sizeof(body)));
}

/* RFC 8538, section 3: what shall not be waited for has to say so. */
static bool is_final(const struct bgp_error *err)
{
	return err->code == BGP_ERR_CEASE &&
	       (err->subcode == BGP_CEASE_SHUTDOWN || err->subcode == BGP_CEASE_DECONFIGURED ||
		err->subcode == BGP_CEASE_BFD_DOWN);
}

static void send_notification(struct bgp_link *link, const struct bgp_error *err)
{
	struct bgp_error hard = bgp_error_hard_reset(err);
	uint8_t body[BGP_ERROR_DATA_MAX + 2];

	bgp_error_format(err, link->peer->last_error_out);
	link->peer->last_error_out_at = clock_now();
	if (link->negotiated.restart_notification && is_final(err))
		err = &hard;
	send_message(link, BGP_MSG_NOTIFICATION, body,
		     bgp_notification_encode(err, body, sizeof(body)));
}

struct bgp_link *bgp_peer_link_add(struct bgp_peer *peer, enum bgp_connection which,
				   struct bgp_session *session)
{
	struct bgp_link *link = x_new(struct bgp_link);

	link->peer = peer;
	link->which = which;
	link->session = session;
	link->next = peer->links;
	peer->links = link;
	peer->current[which] = link;
	bgp_session_set_handlers(session, &session_handlers, link);
	return link;
}

static void dial(struct bgp_peer *peer)
{
	const struct bgp_dial to = { .remote = peer->remote,
				     .local = peer->conf->local,
				     .interface = peer->conf->interface,
				     .transport = &peer->conf->transport };
	struct bgp_session *session = NULL;

	if (peer->remote.addr.family == ADDR_NONE)
		peer->dial_error = -EDESTADDRREQ;
	else
		session = bgp_session_dial(peer->env->loop, &to, &peer->dial_error);
	if (session)
		bgp_peer_link_add(peer, BGP_OUTGOING, session);
}

/* Returns the link-local address to go beside IPv6 next hops, if any. */
static struct addr choose_next_hops(struct bgp_peer *peer, const struct bgp_link *link)
{
	struct addr local = bgp_session_local(link->session).addr;
	struct bgp_interface interface = bgp_interface_find(peer->conf->interface, &local);
	struct bgp_next_hops hops =
		bgp_next_hops_choose(peer->conf, &link->negotiated, &local, &interface);

	peer->ifindex = interface.index;
	peer->next_hop4 = hops.ipv4;
	peer->next_hop6 = hops.ipv6;
	if (link->negotiated.ipv4 && peer->next_hop4.family == ADDR_NONE)
		log_warn("peer %s: no IPv4 address to be the next hop, IPv4 is not announced",
			 peer->conf->name);
	if (link->negotiated.ipv6 && peer->next_hop6.family == ADDR_NONE)
		log_warn("peer %s: no IPv6 address to be the next hop, IPv6 is not announced",
			 peer->conf->name);
	return hops.link_local;
}

static void session_up(struct bgp_peer *peer, enum bgp_connection which)
{
	struct bgp_link *link = peer->current[which];
	const struct bgp_speaker_handlers *on = peer->env->handlers;
	struct adj_rib_out_session session = { .asn = peer->env->conf->asn };
	unsigned ifindex = peer->ifindex;
	char reason[96];

	assert(link); /* machines come up by messages, which need one */
	peer->up = link;
	peer->established++;
	peer->down_said = false;
	session.link_local = choose_next_hops(peer, link);
	session.four_octet = link->negotiated.four_octet_asn;
	session.enhanced_refresh = link->negotiated.enhanced_refresh;
	session.internal = bgp_peer_is_internal(peer);
	session.otc = bgp_role_marks(peer->conf->role);
	session.next_hop4 = peer->next_hop4;
	session.next_hop6 = peer->next_hop6;
	adj_rib_out_session_up(peer->rib, &session);
	bgp_peer_restart_back(peer, link, peer->ifindex != ifindex);
	peer->env->on_due(peer->env->speaker);
	snprintf(reason, sizeof(reason), "established, hold time %u s, %s dialled",
		 peer->fsm.connection[which].hold_time, which == BGP_INCOMING ? "peer" : "we");
	if (on->on_peer)
		on->on_peer(on->ctx, peer->index, true, reason);
}

static void session_down(struct bgp_peer *peer, const struct bgp_event *ev)
{
	const struct bgp_link *link = peer->up;
	const struct bgp_speaker_handlers *on = peer->env->handlers;

	peer->up = NULL;
	peer->downs++;
	if (peer->discovery)
		bgp_discovery_ask(peer->discovery);
	adj_rib_out_session_down(peer->rib);
	peer->next_hop4 = peer->next_hop6 = (struct addr){ 0 };
	/* The cause before its effect. */
	if (on->on_peer)
		on->on_peer(on->ctx, peer->index, false, peer->last_down);
	bgp_peer_restart_lost(peer, link, ev);
}

/* Say why a connection ends, once: a peer that is not there is not news at every attempt. */
static void note_end(struct bgp_peer *peer, const struct bgp_actions *act,
		     const struct bgp_event *ev)
{
	char text[sizeof(peer->last_down)];

	if (act->set & BGP_SEND_NOTIFICATION)
		snprintf(text, sizeof(text), "%s, sent %s", act->reason, peer->last_error_out);
	else if (ev->type == BGP_EVENT_NOTIFICATION)
		snprintf(text, sizeof(text), "received %s", peer->last_error_in);
	else if (ev->type == BGP_EVENT_TCP_DOWN && ev->error.data_len > 0)
		snprintf(text, sizeof(text), "%s: %s", act->reason, (const char *)ev->error.data);
	else
		snprintf(text, sizeof(text), "%s", act->reason);
	if (!(act->set & BGP_SESSION_DOWN)) { /* else on_peer tells */
		if (ev->type != BGP_EVENT_KEEPALIVE &&
		    (!peer->down_said || strcmp(text, peer->last_down) != 0))
			log_info("peer %s: %s", peer->conf->name, text);
		else
			log_debug("peer %s: %s", peer->conf->name, text);
	}
	memcpy(peer->last_down, text, sizeof(text));
	peer->down_said = true;
	peer->last_down_at = ev->now;
}

static void close_link(struct bgp_peer *peer, enum bgp_connection which)
{
	struct bgp_link *link = peer->current[which];

	peer->current[which] = NULL;
	if (link)
		bgp_session_close(link->session);
}

static void carry_out(struct bgp_peer *peer, enum bgp_connection which,
		      const struct bgp_actions *act, const struct bgp_event *ev)
{
	struct bgp_link *link = peer->current[which];

	if (link && act->set & BGP_SEND_OPEN)
		send_open(link);
	if (link && act->set & BGP_SEND_KEEPALIVE)
		send_message(link, BGP_MSG_KEEPALIVE, NULL, 0);
	if (link && act->set & BGP_SEND_NOTIFICATION)
		send_notification(link, &act->notification);
	if (act->set & BGP_TCP_CLOSE && act->reason)
		note_end(peer, act, ev);
	if (act->set & BGP_SESSION_UP)
		session_up(peer, which);
	if (act->set & BGP_SESSION_DOWN)
		session_down(peer, ev);
	if (act->set & BGP_TCP_CLOSE)
		close_link(peer, which);
	if (act->set & BGP_TCP_CONNECT)
		dial(peer);
}

static void rearm(struct bgp_peer *peer)
{
	struct instant now = clock_now(), deadline = bgp_peer_fsm_deadline(&peer->fsm);

	ev_timer_stop(peer->env->loop, &peer->timer);
	if (peer->dial_error)
		deadline = now;
	if (deadline.ns == INSTANT_NEVER.ns)
		return;
	ev_now_update(peer->env->loop);
	ev_timer_set(&peer->timer, instant_wait_s(deadline, now), 0);
	ev_timer_start(peer->env->loop, &peer->timer);
}

void bgp_peer_step(struct bgp_peer *peer, enum bgp_connection which, const struct bgp_event *ev,
		   const struct bgp_identity *remote)
{
	struct bgp_peer_actions act = bgp_peer_fsm_step(&peer->fsm, which, ev, remote);
	enum bgp_connection second = act.first == BGP_OUTGOING ? BGP_INCOMING : BGP_OUTGOING;
	enum bgp_state state;

	carry_out(peer, act.first, &act.connection[act.first], ev);
	carry_out(peer, second, &act.connection[second], ev);
	state = peer->fsm.connection[bgp_peer_fsm_leader(&peer->fsm)].state;
	if (state != peer->last_state) {
		bgp_peer_dump_state(peer, peer->last_state, state);
		peer->last_state = state;
		peer->state_since = ev->now;
	}
	rearm(peer);
}

void bgp_peer_event(struct bgp_peer *peer, enum bgp_connection which, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type, .now = clock_now() };

	bgp_peer_step(peer, which, &ev, NULL);
}

void bgp_peer_tcp_down(struct bgp_peer *peer, enum bgp_connection which, int error)
{
	struct bgp_event ev = { .type = BGP_EVENT_TCP_DOWN, .now = clock_now() };
	const char *text = error == -EDESTADDRREQ ? "nobody is known at the interface"
			   : error		  ? strerror(-error)
						  : "by the peer";

	/* The machine does not read it; it comes back in the log. */
	ev.error = bgp_error_make(BGP_ERR_NONE, 0, text, strlen(text) + 1);
	ev.error.data[BGP_ERROR_DATA_MAX - 1] = '\0';
	bgp_peer_step(peer, which, &ev, NULL);
}

/*
 * After a pause of our own (a busy machine, a debugger) what lies in the socket must count before
 * the hold timer does, and the loop may call timers first.
 */
static void receive_all(struct bgp_peer *peer)
{
	for (int which = 0; which < BGP_CONNECTIONS; which++) {
		if (peer->current[which])
			bgp_session_receive(peer->current[which]->session);
	}
}

void bgp_peer_on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct bgp_peer *peer = timer->data;
	int error = peer->dial_error;

	(void)loop;
	(void)events;
	peer->dial_error = 0;
	if (error)
		bgp_peer_tcp_down(peer, BGP_OUTGOING, error);
	receive_all(peer);
	bgp_peer_event(peer, BGP_OUTGOING, BGP_EVENT_TICK);
}

static void on_up(void *ctx)
{
	struct bgp_link *link = ctx;

	bgp_peer_event(link->peer, link->which, BGP_EVENT_TCP_UP);
}

static void on_down(void *ctx, int error)
{
	struct bgp_link *link = ctx;

	bgp_peer_tcp_down(link->peer, link->which, error);
}

static void on_message(void *ctx, const struct bgp_frame *frame)
{
	bgp_peer_input(ctx, frame);
}

static void on_bad_frame(void *ctx, const struct bgp_error *err)
{
	struct bgp_link *link = ctx;
	struct bgp_event ev = { .type = BGP_EVENT_BAD_MESSAGE, .now = clock_now(), .error = *err };

	bgp_peer_step(link->peer, link->which, &ev, NULL);
}

static void on_blocked(void *ctx, bool blocked)
{
	struct bgp_link *link = ctx;

	bgp_peer_event(link->peer, link->which,
		       blocked ? BGP_EVENT_WRITE_BLOCKED : BGP_EVENT_WRITE_DONE);
	if (!blocked)
		link->peer->env->on_due(link->peer->env->speaker);
}

static void on_sent(void *ctx, void *mark, struct instant at)
{
	struct bgp_link *link = ctx;
	struct bgp_peer *peer = link->peer;
	const struct bgp_speaker_handlers *on = peer->env->handlers;
	const struct adj_rib_out_batch *batch = mark;

	peer->env->on_due(peer->env->speaker); /* there is room again */
	if (!on->on_sent || (link != peer->up && !peer->stopping))
		return;
	for (size_t i = 0; i < batch->count; i++)
		on->on_sent(on->ctx, peer->index, &batch->prefixes[i], batch->announced, at);
}

static void on_gone(void *ctx)
{
	struct bgp_link *gone = ctx, **link = &gone->peer->links;
	struct bgp_peer *peer = gone->peer;

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	free(gone);
	if (peer->start_when_idle)
		bgp_peer_start(peer);
	peer->env->on_idle(peer->env->speaker);
}

static const struct bgp_session_handlers session_handlers = {
	.on_up = on_up,
	.on_down = on_down,
	.on_message = on_message,
	.on_bad_frame = on_bad_frame,
	.on_blocked = on_blocked,
	.on_sent = on_sent,
	.on_gone = on_gone,
};
