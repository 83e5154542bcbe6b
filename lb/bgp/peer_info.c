/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be known of a peer, as plain values. */
#include <string.h>

#include "lb/bgp/peer_state.h"

static void get_established(const struct bgp_peer *peer, const struct bgp_link *link,
			    struct bgp_peer_info *info)
{
	const struct bgp_fsm *fsm = &peer->fsm.connection[link->which];

	info->remote_router_id = link->open.router_id;
	info->hold_time = fsm->hold_time;
	info->keepalive = fsm->keepalive_time;
	info->negotiated = link->negotiated;
	info->received = link->open;
	info->next_hop4 = peer->next_hop4;
	info->next_hop6 = peer->next_hop6;
	info->announced = adj_rib_out_sent_count(peer->rib);
}

static void get_counters(const struct bgp_peer *peer, struct bgp_peer_info *info)
{
	info->established = peer->established;
	info->downs = peer->downs;
	info->updates_malformed = peer->updates_malformed;
	info->leaks = peer->leaks;
	memcpy(info->in, peer->in, sizeof(info->in));
	memcpy(info->out, peer->out, sizeof(info->out));
	info->has_dump = peer->dump;
	if (peer->dump)
		info->dump = bgp_dump_info_get(peer->dump);
}

static void get_errors(const struct bgp_peer *peer, struct bgp_peer_info *info)
{
	info->last_error_in = peer->last_error_in;
	info->last_error_out = peer->last_error_out;
	info->last_down = peer->last_down;
	info->last_error_in_at = peer->last_error_in_at;
	info->last_error_out_at = peer->last_error_out_at;
	info->last_down_at = peer->last_down_at;
}

static void get_timers(const struct bgp_fsm *fsm, struct bgp_peer_info *info)
{
	info->next_hold = fsm->hold;
	info->next_keepalive = fsm->keepalive;
	info->next_connect_retry = fsm->connect_retry;
	info->next_idle_hold = fsm->idle_hold;
	info->next_send_hold = fsm->send_hold;
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
		.conf = peer->conf,
		.offered = bgp_peer_own_open(peer),
	};
	get_counters(peer, info);
	get_errors(peer, info);
	get_timers(&peer->fsm.connection[leader], info);
	if (link && info->state >= BGP_OPEN_SENT) {
		info->local = bgp_session_local(link->session);
		info->remote = bgp_session_remote(link->session);
		info->queued = bgp_session_queued(link->session);
	}
	info->default_route4 = peer->default4;
	info->default_route6 = peer->default6;
	info->default_kept = peer->kept4 || peer->kept6;
	if (peer->up)
		get_established(peer, peer->up, info);
}
