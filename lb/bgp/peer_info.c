/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lb/bgp/peer_state.h"

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
	info->extended_next_hop = link->open.extended_next_hop;
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
