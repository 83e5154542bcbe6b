/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/peer.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "lb/bgp/peer_state.h"
#include "lib/alloc.h"
#include "lib/log.h"

/*
 * A peer that does not read gets no more than this queued: what changes meanwhile is then told
 * once, not as often as it changed.
 */
#define QUEUE_MAX ((size_t)64 * 1024)
#define SETTLED_S 5 /* a session is then not the work of two that dial at once */

struct bgp_peer *bgp_peer_new(const struct bgp_peer_env *env, size_t index)
{
	struct bgp_peer *peer = x_new(struct bgp_peer);

	peer->env = env;
	peer->rib = adj_rib_out_new();
	bgp_peer_take_conf(peer, index);
	bgp_peer_restart_init(peer);
	ev_init(&peer->timer, bgp_peer_on_timer);
	peer->timer.data = peer;
	return peer;
}

void bgp_peer_free(struct bgp_peer *peer)
{
	bgp_discovery_free(peer->discovery);
	bgp_peer_restart_fini(peer);
	ev_timer_stop(peer->env->loop, &peer->timer);
	while (peer->links) {
		struct bgp_link *link = peer->links;

		peer->links = link->next;
		bgp_session_abort(link->session);
		free(link);
	}
	adj_rib_out_free(peer->rib);
	bgp_dump_free(peer->dump);
	free(peer);
}

static bool is_connected(const struct bgp_peer *peer)
{
	return peer->fsm.connection[BGP_OUTGOING].state >= BGP_OPEN_SENT ||
	       peer->fsm.connection[BGP_INCOMING].state >= BGP_OPEN_SENT;
}

/* Somebody is at the other end of the interface. Who is spoken to already stays the peer. */
static void on_router(void *ctx, const struct addr *from)
{
	struct bgp_peer *peer = ctx;

	if (is_connected(peer) || bgp_peer_is_of(peer, from))
		return;
	bgp_peer_lend(peer, from);
	bgp_peer_fsm_hasten(&peer->fsm, clock_now());
	bgp_peer_event(peer, BGP_OUTGOING, BGP_EVENT_TICK);
}

void bgp_peer_discover(struct bgp_peer *peer)
{
	bgp_discovery_free(peer->discovery);
	peer->discovery = NULL;
	if (peer->conf->unnumbered)
		peer->discovery =
			bgp_discovery_new(peer->env->loop, peer->conf->interface, on_router, peer);
}

/* To dial before the peer has closed the connection of the last session is a collision to it. */
void bgp_peer_start(struct bgp_peer *peer)
{
	peer->start_when_idle = !peer->conf->passive && peer->links;
	if (peer->start_when_idle)
		return;
	bgp_peer_discover(peer);
	bgp_peer_event(peer, BGP_OUTGOING, BGP_EVENT_START);
}

/* One message into the queue; false when none is due. */
static bool queue_update(struct bgp_peer *peer, struct adj_rib_out_message *message)
{
	const struct adj_rib_out_batch *batch = &message->batch;

	if (!adj_rib_out_next(peer->rib, message))
		return false;
	peer->out[batch->type]++;
	/* Of its prefixes only those that there are: a peer that does not read has many such. */
	bgp_session_write(peer->up->session, message->bytes, message->size,
			  xmemdup(batch, offsetof(struct adj_rib_out_batch, prefixes) +
						 batch->count * sizeof(batch->prefixes[0])));
	bgp_peer_dump_message(peer->up, true, message->bytes, message->size);
	return true;
}

void bgp_peer_flush(struct bgp_peer *peer, struct adj_rib_out_message *message)
{
	while (peer->up && bgp_session_queued(peer->up->session) < QUEUE_MAX &&
	       queue_update(peer, message))
		continue;
}

void bgp_peer_stop(struct bgp_peer *peer, bool withdraw, const char *text)
{
	struct bgp_event ev = { .type = BGP_EVENT_STOP,
				.now = clock_now(),
				.error = bgp_error_cease(BGP_CEASE_SHUTDOWN, text) };

	peer->stopping = true;
	bgp_discovery_free(peer->discovery);
	peer->discovery = NULL;
	peer->start_when_idle = false;
	peer->dial_error = 0;
	if (withdraw) {
		struct adj_rib_out_message message;

		message.size = 0;
		adj_rib_out_withdraw_all(peer->rib);
		while (peer->up && queue_update(peer, &message))
			continue;
	}
	bgp_peer_step(peer, BGP_OUTGOING, &ev, NULL);
	bgp_peer_forget_kept(peer, "we stop");
}

void bgp_peer_bfd_down(struct bgp_peer *peer, struct instant at)
{
	if (peer->state_since.ns > at.ns)
		return;
	bgp_peer_forget_kept(peer, "the path to it is dead");
	for (int which = 0; which < BGP_CONNECTIONS; which++)
		bgp_peer_event(peer, (enum bgp_connection)which, BGP_EVENT_BFD_DOWN);
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

bool bgp_peer_is_at(const struct bgp_peer *peer, const struct addr *from, unsigned ifindex)
{
	const char *interface = peer->conf->interface;

	if (interface && (ifindex == 0 || ifindex != if_nametoindex(interface)))
		return false;
	return bgp_peer_is_of(peer, from) || (peer->conf->unnumbered && !is_connected(peer));
}

bool bgp_peer_is_of(const struct bgp_peer *peer, const struct addr *from)
{
	return addr_equal(&peer->remote.addr, from);
}

void bgp_peer_lend(struct bgp_peer *peer, const struct addr *from)
{
	char text[ADDR_TEXT_SIZE];

	peer->remote = (struct endpoint){ *from, peer->conf->remote.port };
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
	peer->last_down_at = clock_now();
	if (bgp_log_limit_pass(&peer->far, clock_now(), &more))
		log_warn("peer %s: %s (%lu more since the last such line)", peer->conf->name,
			 peer->last_down, more);
	return false;
}

/*
 * RFC 4724, section 4.2: a peer that has restarted unseen dials anew, and its old session counts as
 * closed. Not one that has just come up, which both sides may have dialled at once.
 */
static bool is_replaced(const struct bgp_peer *peer)
{
	return peer->up && peer->up->negotiated.graceful_restart &&
	       instant_reached(instant_after_s(peer->state_since, SETTLED_S), clock_now());
}

enum bgp_cease bgp_peer_accept(struct bgp_peer *peer, int fd)
{
	if (!is_welcome(peer, fd)) {
		close(fd);
		return 0;
	}
	if (is_replaced(peer))
		bgp_peer_tcp_down(peer, peer->up->which, -ECONNRESET);
	switch (bgp_peer_fsm_accept(&peer->fsm)) {
	case BGP_REFUSE_STOPPED:
		return BGP_CEASE_REJECTED;
	case BGP_REFUSE_COLLISION:
		return BGP_CEASE_COLLISION;
	case BGP_ACCEPT_REPLACE:
		bgp_peer_event(peer, BGP_INCOMING, BGP_EVENT_COLLISION);
		break;
	case BGP_ACCEPT:
		break;
	}
	bgp_peer_link_add(peer, BGP_INCOMING, bgp_session_adopt(peer->env->loop, fd));
	bgp_peer_event(peer, BGP_INCOMING, BGP_EVENT_TCP_UP);
	return 0;
}

void bgp_peer_announce(struct bgp_peer *peer, const struct prefix *prefix,
		       const struct bgp_policy *extra, bool depreferred)
{
	struct bgp_policy policy = bgp_policy_merge(&peer->conf->policy, extra);

	if (!bgp_only_allows(&peer->conf->only, prefix)) {
		adj_rib_out_withdraw(peer->rib, prefix, 1); /* it may have been told before */
		return;
	}
	if (depreferred)
		policy = bgp_policy_merge(&policy, &peer->conf->deprefer);
	if (bgp_peer_is_internal(peer)) /* which sees an empty path (RFC 4271, section 5.1.2) */
		policy.prepend = 0;
	adj_rib_out_announce(peer->rib, prefix, &policy);
}

void bgp_peer_withdraw(struct bgp_peer *peer, const struct prefix *prefixes, size_t count)
{
	adj_rib_out_withdraw(peer->rib, prefixes, count);
}

bool bgp_peer_has_sent(const struct bgp_peer *peer, const struct prefix *prefix,
		       struct bgp_policy *policy)
{
	return adj_rib_out_has_sent(peer->rib, prefix, policy);
}
