/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a peer says to us: decode, let the machine judge, then use it. */
#include "lb/bgp/notification.h"
#include "lb/bgp/peer_state.h"
#include "lb/bgp/update.h"
#include "lib/log.h"

static void step(struct bgp_link *link, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type, .now = clock_now() };

	bgp_peer_step(link->peer, link->which, &ev, NULL);
}

static void step_bad(struct bgp_link *link, const struct bgp_error *err)
{
	struct bgp_event ev = { .type = BGP_EVENT_BAD_MESSAGE, .now = clock_now(), .error = *err };

	bgp_peer_step(link->peer, link->which, &ev, NULL);
}

static enum bgp_state state_of(const struct bgp_link *link)
{
	return link->peer->fsm.connection[link->which].state;
}

static void take_open(struct bgp_link *link, const struct bgp_frame *frame)
{
	struct bgp_open own = bgp_peer_own_open(link->peer), open;
	struct bgp_negotiated negotiated;
	struct bgp_event ev = { .type = BGP_EVENT_OPEN, .now = clock_now() };
	struct bgp_identity remote;
	struct bgp_error err = bgp_open_decode(&open, frame->body, frame->body_len);

	if (state_of(link) != BGP_OPEN_SENT) {
		step(link, BGP_EVENT_OPEN);
		return;
	}
	if (err.code == BGP_ERR_NONE)
		err = bgp_open_negotiate(&negotiated, &own, &open, link->peer->conf->asn);
	if (err.code != BGP_ERR_NONE) {
		step_bad(link, &err);
		return;
	}
	link->open = open;
	link->negotiated = negotiated;
	ev.hold_time = open.hold_time;
	remote = (struct bgp_identity){ open.router_id, open.asn };
	bgp_peer_step(link->peer, link->which, &ev, &remote);
}

void bgp_peer_set_default(struct bgp_peer *peer, enum addr_family family, const struct addr *hop)
{
	struct addr *kept = family == ADDR_IPV6 ? &peer->default6 : &peer->default4;
	const struct bgp_speaker_handlers *on = peer->env->handlers;

	*(family == ADDR_IPV6 ? &peer->stale6 : &peer->stale4) = false;
	*(family == ADDR_IPV6 ? &peer->kept6 : &peer->kept4) = false;
	if (addr_equal(kept, hop))
		return;
	*kept = *hop;
	if (on->on_default_route)
		on->on_default_route(on->ctx, peer->index, family,
				     hop->family != ADDR_NONE ? hop : NULL, peer->ifindex);
}

/* RFC 9234, section 5: a route that must not have come this way. */
static bool is_leak(struct bgp_peer *peer, const struct bgp_update *update)
{
	const struct bgp_attrs *attrs = &update->attrs;
	unsigned long more;

	if (!attrs->has_otc || !bgp_role_is_leak(peer->conf->role, attrs->otc, peer->up->open.asn))
		return false;
	peer->leaks++;
	if (bgp_log_limit_pass(&peer->leak, clock_now(), &more))
		log_warn("peer %s: a default route with OTC %u is a leak (RFC 9234) and not taken "
			 "(%lu more since the last such line)",
			 peer->conf->name, (unsigned)attrs->otc, more);
	return true;
}

/* RFC 4456, section 8: a route reflector sends us back what was ours. */
static bool is_own(const struct bgp_peer *peer, const struct bgp_update *update)
{
	return update->attrs.originator_id == peer->env->conf->router_id;
}

/*
 * Of two next hops the link-local one, if the session is over such: the other may be of a subnet
 * that is not ours.
 */
static void prefer_link_local(const struct bgp_peer *peer, const struct bgp_attrs *attrs,
			      struct addr *hop)
{
	struct addr local = bgp_session_local(peer->up->session).addr;

	if (addr_equal(hop, &attrs->mp_next_hop) && addr_is_link_local(&attrs->mp_link_local) &&
	    addr_is_link_local(&local))
		*hop = attrs->mp_link_local;
}

static void import_default(struct bgp_peer *peer, enum addr_family family,
			   const struct bgp_update *update)
{
	struct prefix all = { .addr = { .family = (uint8_t)family } };
	struct addr hop = { 0 };

	int found = bgp_update_find(update, &all, peer->env->conf->asn, &hop);

	if (found > 0 && (is_leak(peer, update) || is_own(peer, update)))
		hop = (struct addr){ 0 };
	else if (found > 0)
		prefer_link_local(peer, &update->attrs, &hop);
	if (found != 0)
		bgp_peer_set_default(peer, family, &hop);
}

static void note_malformed(struct bgp_peer *peer, enum bgp_verdict verdict, uint8_t attribute)
{
	unsigned long more;

	peer->updates_malformed++;
	if (bgp_log_limit_pass(&peer->malformed, clock_now(), &more))
		log_warn("peer %s: malformed %s (%u) in UPDATE: %s, RFC 7606 (%lu more malformed "
			 "UPDATEs since the last such line)",
			 peer->conf->name, bgp_attr_name(attribute), attribute,
			 verdict == BGP_UPDATE_TREAT_AS_WITHDRAW ? "treated as withdraw"
								 : "attribute discarded",
			 more);
}

static unsigned options_of(const struct bgp_link *link)
{
	return (link->negotiated.four_octet_asn ? BGP_FOUR_OCTET : 0) |
	       (bgp_peer_is_internal(link->peer) ? BGP_INTERNAL : 0) |
	       (link->negotiated.extended_next_hop ? BGP_EXTENDED_NEXT_HOP : 0);
}

static void take_update(struct bgp_link *link, const struct bgp_frame *frame)
{
	struct bgp_peer *peer = link->peer;
	struct bgp_update update;
	enum bgp_verdict verdict;

	if (state_of(link) != BGP_ESTABLISHED) {
		step(link, BGP_EVENT_UPDATE);
		return;
	}
	verdict = bgp_update_decode(&update, frame->body, frame->body_len, options_of(link));
	if (verdict == BGP_UPDATE_RESET) {
		step_bad(link, &update.attrs.error);
		return;
	}
	if (verdict != BGP_UPDATE_OK)
		note_malformed(peer, verdict, update.attrs.malformed);
	step(link, BGP_EVENT_UPDATE);
	if (!peer->conf->default_route)
		return;
	if (link->negotiated.ipv4)
		import_default(peer, ADDR_IPV4, &update);
	if (link->negotiated.ipv6)
		import_default(peer, ADDR_IPV6, &update);
	bgp_peer_restart_end_of_rib(peer, update.end_of_rib);
}

static void take_notification(struct bgp_link *link, const struct bgp_frame *frame)
{
	struct bgp_error err = bgp_notification_decode(frame->body, frame->body_len);

	link->hard_reset = bgp_notification_is_hard_reset(frame->body, frame->body_len);
	bgp_error_format(&err, link->peer->last_error_in);
	link->peer->last_error_in_at = clock_now();
	step(link, BGP_EVENT_NOTIFICATION);
}

/* The peer begins, or ends, to say again all that it has for us (RFC 7313, section 4.2). */
static void take_mark(struct bgp_peer *peer, const struct bgp_refresh *refresh)
{
	bool *stale = refresh->family == ADDR_IPV6 ? &peer->stale6 : &peer->stale4;
	const struct addr none = { 0 };

	if (refresh->kind == BGP_REFRESH_BEGIN)
		*stale = true;
	else if (refresh->kind == BGP_REFRESH_END && *stale)
		bgp_peer_set_default(peer, refresh->family, &none);
}

static void take_refresh(struct bgp_link *link, const struct bgp_frame *frame)
{
	struct bgp_peer *peer = link->peer;
	struct bgp_refresh refresh;
	struct bgp_error err;

	if (!bgp_refresh_decode(&refresh, frame->body, frame->body_len)) {
		err = bgp_refresh_bad_length(frame->body, frame->body_len,
					     link->negotiated.enhanced_refresh);
		step_bad(link, &err);
		return;
	}
	step(link, BGP_EVENT_ROUTE_REFRESH);
	if (peer->up != link || refresh.family == ADDR_NONE)
		return;
	if (refresh.kind == BGP_REFRESH_REQUEST) {
		adj_rib_out_refresh(peer->rib, refresh.family);
		peer->env->on_due(peer->env->speaker);
	} else if (link->negotiated.enhanced_refresh) {
		take_mark(peer, &refresh);
	}
}

void bgp_peer_input(struct bgp_link *link, const struct bgp_frame *frame)
{
	link->peer->in[frame->type]++;
	/* In the buffer it came in, its header stands before the body. */
	bgp_peer_dump_message(link, false, frame->body - BGP_HEADER_SIZE, frame->size);
	switch (frame->type) {
	case BGP_MSG_OPEN:
		take_open(link, frame);
		break;
	case BGP_MSG_UPDATE:
		take_update(link, frame);
		break;
	case BGP_MSG_NOTIFICATION:
		take_notification(link, frame);
		break;
	case BGP_MSG_KEEPALIVE:
		step(link, BGP_EVENT_KEEPALIVE);
		break;
	case BGP_MSG_ROUTE_REFRESH:
		take_refresh(link, frame);
		break;
	}
}
