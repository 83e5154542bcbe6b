/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Graceful restart of a peer, whose default routes are kept while it is gone, and our own, for
 * which End-of-RIB waits until all is said.
 */
#include "lb/bgp/peer_state.h"
#include "lib/log.h"

static bool is_kept(const struct bgp_peer *peer)
{
	return peer->kept4 || peer->kept6;
}

static void start_timer(struct bgp_peer *peer, ev_timer *timer, uint16_t seconds)
{
	ev_timer_stop(peer->env->loop, timer);
	ev_now_update(peer->env->loop);
	ev_timer_set(timer, seconds, 0);
	ev_timer_start(peer->env->loop, timer);
}

static void forget(struct bgp_peer *peer, enum addr_family family, const char *why)
{
	const struct addr none = { 0 };

	if (!*(family == ADDR_IPV6 ? &peer->kept6 : &peer->kept4))
		return;
	log_info("peer %s: its %s default route is not kept any longer: %s", peer->conf->name,
		 family == ADDR_IPV6 ? "IPv6" : "IPv4", why);
	bgp_peer_set_default(peer, family, &none);
	if (!is_kept(peer))
		ev_timer_stop(peer->env->loop, &peer->patience);
}

void bgp_peer_forget_kept(struct bgp_peer *peer, const char *why)
{
	forget(peer, ADDR_IPV4, why);
	forget(peer, ADDR_IPV6, why);
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct bgp_peer *peer = timer->data;

	(void)loop;
	(void)events;
	bgp_peer_forget_kept(peer, peer->up ? "it has not said End-of-RIB" : "it is not back");
}

static void release(struct bgp_peer *peer)
{
	ev_timer_stop(peer->env->loop, &peer->release);
	adj_rib_out_release(peer->rib);
	peer->env->on_due(peer->env->speaker);
}

static void on_release(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	release(timer->data);
}

void bgp_peer_restart_init(struct bgp_peer *peer)
{
	ev_init(&peer->patience, on_patience_over);
	ev_init(&peer->release, on_release);
	peer->patience.data = peer->release.data = peer;
}

void bgp_peer_restart_fini(struct bgp_peer *peer)
{
	ev_timer_stop(peer->env->loop, &peer->patience);
	ev_timer_stop(peer->env->loop, &peer->release);
}

struct bgp_restart bgp_peer_own_restart(const struct bgp_peer *peer)
{
	const struct bgp_restart_conf *conf = &peer->conf->graceful_restart;
	const struct bgp_peer_env *env = peer->env;
	struct bgp_restart own = { .time = conf->time, .notification = conf->notification };
	struct instant over = instant_after_s(env->started, conf->time);

	if (conf->time == 0)
		return own;
	own.ipv4 = peer->conf->ipv4;
	own.ipv6 = peer->conf->ipv6;
	/* The daemon is back, for this peer, until there has been a session. */
	own.restarting =
		env->restarted && peer->established == 0 && !instant_reached(over, clock_now());
	/* What only the session has lost was never gone. */
	own.ipv4_kept = own.ipv4 && (env->restarted || peer->established > 0);
	own.ipv6_kept = own.ipv6 && (env->restarted || peer->established > 0);
	return own;
}

static enum bgp_loss loss_of(const struct bgp_link *link, const struct bgp_event *ev)
{
	switch (ev->type) {
	case BGP_EVENT_TCP_DOWN:
		return BGP_LOSS_CLOSED;
	case BGP_EVENT_NOTIFICATION:
		return link->hard_reset ? BGP_LOSS_FINAL : BGP_LOSS_NOTIFICATION;
	case BGP_EVENT_TICK:
	case BGP_EVENT_BAD_MESSAGE:
	case BGP_EVENT_OPEN:
	case BGP_EVENT_KEEPALIVE:
	case BGP_EVENT_UPDATE:
	case BGP_EVENT_ROUTE_REFRESH:
		return BGP_LOSS_NOTIFICATION;
	case BGP_EVENT_START:
	case BGP_EVENT_STOP:
	case BGP_EVENT_TCP_UP:
	case BGP_EVENT_COLLISION:
	case BGP_EVENT_WRITE_BLOCKED:
	case BGP_EVENT_WRITE_DONE:
	case BGP_EVENT_BFD_DOWN:
		break;
	}
	return BGP_LOSS_FINAL;
}

void bgp_peer_restart_lost(struct bgp_peer *peer, const struct bgp_link *link,
			   const struct bgp_event *ev)
{
	const struct bgp_restart *theirs = &link->open.restart;
	bool agreed = link->negotiated.graceful_restart && theirs->time > 0;
	bool notify = link->negotiated.restart_notification;
	enum bgp_loss loss = loss_of(link, ev);
	const struct addr none = { 0 };

	ev_timer_stop(peer->env->loop, &peer->release);
	/* One kept over the last loss and not heard of since is not kept over this one, too. */
	peer->kept4 = !peer->kept4 && peer->default4.family != ADDR_NONE &&
		      bgp_restart_keeps(loss, agreed && theirs->ipv4, notify);
	peer->kept6 = !peer->kept6 && peer->default6.family != ADDR_NONE &&
		      bgp_restart_keeps(loss, agreed && theirs->ipv6, notify);
	if (!peer->kept4)
		bgp_peer_set_default(peer, ADDR_IPV4, &none);
	if (!peer->kept6)
		bgp_peer_set_default(peer, ADDR_IPV6, &none);
	if (!is_kept(peer))
		return;
	log_info("peer %s: its default routes are kept for %u s (RFC 4724)", peer->conf->name,
		 theirs->time);
	start_timer(peer, &peer->patience, theirs->time);
}

/* RFC 4724, section 4.2: what it has not kept itself is gone; the rest until End-of-RIB. */
void bgp_peer_restart_back(struct bgp_peer *peer, const struct bgp_link *link, bool moved)
{
	const struct bgp_restart *theirs = &link->open.restart;
	bool agreed = link->negotiated.graceful_restart;

	if (moved || !agreed || !link->negotiated.ipv4 || !theirs->ipv4_kept)
		forget(peer, ADDR_IPV4, "its packets have not flowed on");
	if (moved || !agreed || !link->negotiated.ipv6 || !theirs->ipv6_kept)
		forget(peer, ADDR_IPV6, "its packets have not flowed on");
	if (is_kept(peer))
		start_timer(peer, &peer->patience, peer->conf->graceful_restart.time);
	if (!agreed || !peer->env->restarted || peer->env->converged)
		return;
	adj_rib_out_hold(peer->rib);
	start_timer(peer, &peer->release, peer->conf->graceful_restart.time);
}

void bgp_peer_restart_end_of_rib(struct bgp_peer *peer, enum addr_family family)
{
	if (family != ADDR_NONE)
		forget(peer, family, "it has it no more");
}

void bgp_peer_converged(struct bgp_peer *peer)
{
	if (ev_is_active(&peer->release))
		release(peer);
}
