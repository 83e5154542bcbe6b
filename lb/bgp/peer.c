/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/peer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lb/bgp/next_hop.h"
#include "lb/bgp/notification.h"
#include "lb/bgp/peer_state.h"
#include "lib/alloc.h"
#include "lib/log.h"

/* A peer that does not read gets no more than this queued: what changes meanwhile is then told
 * once, not as often as it changed. */
#define QUEUE_MAX ((size_t)64 * 1024)

static const struct bgp_session_handlers session_handlers;

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
	link->peer->out[type]++;
}

static void send_open(struct bgp_link *link)
{
	struct bgp_open open = bgp_peer_own_open(link->peer);
	uint8_t body[64];

	send_message(link, BGP_MSG_OPEN, body, bgp_open_encode(&open, body, sizeof(body)));
}

static void send_notification(struct bgp_link *link, const struct bgp_error *err)
{
	uint8_t body[BGP_ERROR_DATA_MAX + 2];

	bgp_error_format(err, link->peer->last_error_out);
	send_message(link, BGP_MSG_NOTIFICATION, body,
		     bgp_notification_encode(err, body, sizeof(body)));
}

static struct bgp_link *link_add(struct bgp_peer *peer, enum bgp_connection which,
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
	struct bgp_session *session =
		bgp_session_dial(peer->env->loop, &peer->conf->remote, &peer->conf->local,
				 &peer->conf->transport, &peer->dial_error);

	if (session)
		link_add(peer, BGP_OUTGOING, session);
}

/* The next hop of the session's own family is its address, the other is its interface's. */
static void choose_next_hops(struct bgp_peer *peer, const struct bgp_link *link)
{
	struct addr local = bgp_session_local(link->session).addr;
	struct bgp_interface interface = bgp_interface_find(&local);

	peer->ifindex = interface.index;
	peer->next_hop4 = local.family == ADDR_IPV4 ? local : interface.ipv4;
	peer->next_hop6 = local.family == ADDR_IPV6 ? local : interface.ipv6;
	if (peer->conf->next_hop4.family != ADDR_NONE)
		peer->next_hop4 = peer->conf->next_hop4;
	if (peer->conf->next_hop6.family != ADDR_NONE)
		peer->next_hop6 = peer->conf->next_hop6;
	if (!link->negotiated.ipv4)
		peer->next_hop4 = (struct addr){ 0 };
	if (!link->negotiated.ipv6)
		peer->next_hop6 = (struct addr){ 0 };
	if (link->negotiated.ipv4 && peer->next_hop4.family == ADDR_NONE)
		log_warn("peer %s: no IPv4 address to be the next hop, IPv4 is not announced",
			 peer->conf->name);
	if (link->negotiated.ipv6 && peer->next_hop6.family == ADDR_NONE)
		log_warn("peer %s: no IPv6 address to be the next hop, IPv6 is not announced",
			 peer->conf->name);
}

static void session_up(struct bgp_peer *peer, enum bgp_connection which)
{
	struct bgp_link *link = peer->current[which];
	const struct bgp_speaker_handlers *on = peer->env->handlers;
	struct adj_rib_out_session session = { .asn = peer->env->conf->asn };
	char reason[96];

	assert(link); /* machines come up by messages, which need one */
	peer->up = link;
	peer->established++;
	peer->last_down[0] = '\0';
	choose_next_hops(peer, link);
	session.four_octet = link->negotiated.four_octet_asn;
	session.enhanced_refresh = link->negotiated.enhanced_refresh;
	session.otc = bgp_role_marks(peer->conf->role);
	session.next_hop4 = peer->next_hop4;
	session.next_hop6 = peer->next_hop6;
	adj_rib_out_session_up(peer->rib, &session);
	peer->env->on_due(peer->env->speaker);
	snprintf(reason, sizeof(reason), "established, hold time %u s, %s dialled",
		 peer->fsm.connection[which].hold_time, which == BGP_INCOMING ? "peer" : "we");
	if (on->on_peer)
		on->on_peer(on->ctx, peer->index, true, reason);
}

static void session_down(struct bgp_peer *peer)
{
	const struct bgp_speaker_handlers *on = peer->env->handlers;

	peer->up = NULL;
	adj_rib_out_session_down(peer->rib);
	peer->next_hop4 = peer->next_hop6 = (struct addr){ 0 };
	/* The cause before its effect. */
	if (on->on_peer)
		on->on_peer(on->ctx, peer->index, false, peer->last_down);
	bgp_peer_forget_defaults(peer);
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
		if (ev->type != BGP_EVENT_KEEPALIVE && strcmp(text, peer->last_down) != 0)
			log_info("peer %s: %s", peer->conf->name, text);
		else
			log_debug("peer %s: %s", peer->conf->name, text);
	}
	memcpy(peer->last_down, text, sizeof(text));
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
		session_down(peer);
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
		peer->last_state = state;
		peer->state_since = ev->now;
	}
	rearm(peer);
}

static void step(struct bgp_peer *peer, enum bgp_connection which, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type, .now = clock_now() };

	bgp_peer_step(peer, which, &ev, NULL);
}

static void tcp_down(struct bgp_peer *peer, enum bgp_connection which, int error)
{
	struct bgp_event ev = { .type = BGP_EVENT_TCP_DOWN, .now = clock_now() };
	const char *text = error ? strerror(-error) : "by the peer";

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

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct bgp_peer *peer = timer->data;
	int error = peer->dial_error;

	(void)loop;
	(void)events;
	peer->dial_error = 0;
	if (error)
		tcp_down(peer, BGP_OUTGOING, error);
	receive_all(peer);
	step(peer, BGP_OUTGOING, BGP_EVENT_TICK);
}

static void on_up(void *ctx)
{
	struct bgp_link *link = ctx;

	step(link->peer, link->which, BGP_EVENT_TCP_UP);
}

static void on_down(void *ctx, int error)
{
	struct bgp_link *link = ctx;

	tcp_down(link->peer, link->which, error);
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

	step(link->peer, link->which, blocked ? BGP_EVENT_WRITE_BLOCKED : BGP_EVENT_WRITE_DONE);
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

struct bgp_peer *bgp_peer_new(const struct bgp_peer_env *env, size_t index)
{
	struct bgp_peer *peer = x_new(struct bgp_peer);
	const struct bgp_peer_conf *conf = &env->conf->peers[index];
	struct instant now = clock_now();
	struct bgp_fsm_conf fsm = { .dials = !conf->passive,
				    .hold_time = conf->hold_time,
				    .connect_retry = conf->connect_retry,
				    .seed = (uint32_t)(now.ns ^ (int64_t)(index * 7919)) };
	struct bgp_identity own = { env->conf->router_id, env->conf->asn };

	assert(conf->asn != 0 && own.asn != 0 && own.router_id != 0);
	assert(conf->hold_time == 0 || conf->hold_time >= 3);
	assert(conf->connect_retry > 0 && (conf->ipv4 || conf->ipv6));
	peer->env = env;
	peer->index = index;
	peer->conf = conf;
	if (conf->range.addr.family == ADDR_NONE)
		peer->remote = conf->remote;
	peer->rib = adj_rib_out_new();
	peer->state_since = now;
	bgp_peer_fsm_init(&peer->fsm, &fsm, &own);
	ev_init(&peer->timer, on_timer);
	peer->timer.data = peer;
	return peer;
}

void bgp_peer_free(struct bgp_peer *peer)
{
	ev_timer_stop(peer->env->loop, &peer->timer);
	while (peer->links) {
		struct bgp_link *link = peer->links;

		peer->links = link->next;
		bgp_session_abort(link->session);
		free(link);
	}
	adj_rib_out_free(peer->rib);
	free(peer);
}

void bgp_peer_start(struct bgp_peer *peer)
{
	step(peer, BGP_OUTGOING, BGP_EVENT_START);
}

/* One message into the queue; false when none is due. */
static bool queue_update(struct bgp_peer *peer)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct adj_rib_out_batch *batch = x_new(struct adj_rib_out_batch);
	size_t size = adj_rib_out_next(peer->rib, buf, sizeof(buf), batch);

	if (size == 0) {
		free(batch);
		return false;
	}
	peer->out[batch->type]++;
	bgp_session_write(peer->up->session, buf, size, batch);
	return true;
}

void bgp_peer_flush(struct bgp_peer *peer)
{
	while (peer->up && bgp_session_queued(peer->up->session) < QUEUE_MAX && queue_update(peer))
		continue;
}

void bgp_peer_stop(struct bgp_peer *peer, bool withdraw, const char *text)
{
	struct bgp_event ev = { .type = BGP_EVENT_STOP,
				.now = clock_now(),
				.error = bgp_error_cease(BGP_CEASE_SHUTDOWN, text) };

	peer->stopping = true;
	peer->dial_error = 0;
	if (withdraw) {
		adj_rib_out_withdraw_all(peer->rib);
		while (peer->up && queue_update(peer))
			continue;
	}
	bgp_peer_step(peer, BGP_OUTGOING, &ev, NULL);
}

void bgp_peer_bfd_down(struct bgp_peer *peer, struct instant at)
{
	if (peer->state_since.ns > at.ns)
		return;
	for (int which = 0; which < BGP_CONNECTIONS; which++)
		step(peer, (enum bgp_connection)which, BGP_EVENT_BFD_DOWN);
}

bool bgp_peer_is_idle(const struct bgp_peer *peer)
{
	return !peer->links;
}

bool bgp_peer_is_free(const struct bgp_peer *peer, const struct addr *from)
{
	return peer->conf->range.addr.family != ADDR_NONE && bgp_peer_is_idle(peer) &&
	       prefix_contains(&peer->conf->range, from);
}

bool bgp_peer_is_of(const struct bgp_peer *peer, const struct addr *from)
{
	return addr_equal(&peer->remote.addr, from);
}

void bgp_peer_lend(struct bgp_peer *peer, const struct addr *from)
{
	char text[ADDR_TEXT_SIZE];

	peer->remote = (struct endpoint){ .addr = *from };
	log_info("peer %s: is now %s", peer->conf->name, addr_format(from, text));
}

/*
 * What the peer asks of a connection holds for the one it dials, too. A fault of ours is one of
 * the connection; somebody who pretends to be near is not even told (RFC 5082, section 3).
 */
static bool is_welcome(struct bgp_peer *peer, int fd)
{
	const struct bgp_transport *transport = &peer->conf->transport;
	unsigned long more;

	if (bgp_transport_is_near(fd, transport))
		return bgp_transport_apply(fd, peer->conf->remote.addr.family, transport) == 0;
	snprintf(peer->last_down, sizeof(peer->last_down),
		 "a connection from further than %u hops (RFC 5082) was closed", transport->hops);
	if (bgp_log_limit_pass(&peer->far, clock_now(), &more))
		log_warn("peer %s: %s (%lu more since the last such line)", peer->conf->name,
			 peer->last_down, more);
	return false;
}

enum bgp_cease bgp_peer_accept(struct bgp_peer *peer, int fd)
{
	if (!is_welcome(peer, fd)) {
		close(fd);
		return 0;
	}
	switch (bgp_peer_fsm_accept(&peer->fsm)) {
	case BGP_REFUSE_STOPPED:
		return BGP_CEASE_REJECTED;
	case BGP_REFUSE_COLLISION:
		return BGP_CEASE_COLLISION;
	case BGP_ACCEPT_REPLACE:
		step(peer, BGP_INCOMING, BGP_EVENT_COLLISION);
		break;
	case BGP_ACCEPT:
		break;
	}
	link_add(peer, BGP_INCOMING, bgp_session_adopt(peer->env->loop, fd));
	step(peer, BGP_INCOMING, BGP_EVENT_TCP_UP);
	return 0;
}

void bgp_peer_announce(struct bgp_peer *peer, const struct prefix *prefix,
		       const struct bgp_policy *extra, bool depreferred)
{
	struct bgp_policy policy = bgp_policy_merge(&peer->conf->policy, extra);

	if (depreferred)
		policy = bgp_policy_merge(&policy, &peer->conf->deprefer);
	adj_rib_out_announce(peer->rib, prefix, &policy);
}

void bgp_peer_withdraw(struct bgp_peer *peer, const struct prefix *prefix)
{
	adj_rib_out_withdraw(peer->rib, prefix);
}

bool bgp_peer_has_sent(const struct bgp_peer *peer, const struct prefix *prefix,
		       struct bgp_policy *policy)
{
	return adj_rib_out_has_sent(peer->rib, prefix, policy);
}

static void get_session_info(const struct bgp_peer *peer, const struct bgp_link *link,
			     struct bgp_peer_info *info)
{
	const struct bgp_fsm *fsm = &peer->fsm.connection[link->which];

	info->remote_router_id = link->open.router_id;
	info->hold_time = fsm->hold_time;
	info->keepalive = fsm->keepalive_time;
	info->ipv4 = link->negotiated.ipv4;
	info->ipv6 = link->negotiated.ipv6;
	info->four_octet_asn = link->open.four_octet_asn;
	info->route_refresh = link->open.route_refresh;
	info->role = link->open.role;
	info->enhanced_refresh = link->open.enhanced_refresh;
	info->graceful_restart = link->open.graceful_restart;
	info->next_hop4 = peer->next_hop4;
	info->next_hop6 = peer->next_hop6;
	info->default_route4 = peer->default4;
	info->default_route6 = peer->default6;
	info->announced = adj_rib_out_sent_count(peer->rib);
}

void bgp_peer_info_get(const struct bgp_peer *peer, struct bgp_peer_info *info)
{
	enum bgp_connection leader = bgp_peer_fsm_leader(&peer->fsm);
	const struct bgp_link *link = peer->current[leader];

	*info = (struct bgp_peer_info){
		.name = peer->conf->name,
		.state = peer->fsm.connection[leader].state,
		.state_since = peer->state_since,
		.incoming = leader == BGP_INCOMING && link,
		.remote = peer->remote,
		.remote_asn = peer->conf->asn,
		.transport = &peer->conf->transport,
		.established = peer->established,
		.updates_malformed = peer->updates_malformed,
		.leaks = peer->leaks,
		.last_error_in = peer->last_error_in,
		.last_error_out = peer->last_error_out,
		.last_down = peer->last_down,
	};
	memcpy(info->in, peer->in, sizeof(info->in));
	memcpy(info->out, peer->out, sizeof(info->out));
	if (link && info->state >= BGP_OPEN_SENT) {
		info->local = bgp_session_local(link->session);
		info->remote = bgp_session_remote(link->session);
	}
	if (peer->up)
		get_session_info(peer, peer->up, info);
}
