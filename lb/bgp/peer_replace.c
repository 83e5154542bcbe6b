/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A peer and its configuration: taking one, going over to another, being no longer in it. */
#include <assert.h>

#include "lb/bgp/peer_state.h"

static void take_index(struct bgp_peer *peer, size_t index)
{
	peer->index = index;
	peer->conf = &peer->env->conf->peers[index];
	peer->dump = bgp_dump_follow(peer->dump, peer->conf->name, &peer->conf->dump);
}

/* A slot stays whose it was as long as he is in the range. */
static void choose_remote(struct bgp_peer *peer)
{
	const struct prefix *range = &peer->conf->range;
	bool is_range = range->addr.family != ADDR_NONE;

	if (!is_range && !peer->conf->unnumbered)
		peer->remote = peer->conf->remote;
	else if (!is_range || !prefix_contains(range, &peer->remote.addr))
		peer->remote = (struct endpoint){ 0 };
}

void bgp_peer_take_conf(struct bgp_peer *peer, size_t index)
{
	const struct bgp_speaker_conf *all = peer->env->conf;
	const struct bgp_peer_conf *conf = &all->peers[index];
	struct instant now = clock_now();
	struct bgp_fsm_conf fsm = { .dials = !conf->passive,
				    .hold_time = conf->hold_time,
				    .connect_retry = conf->connect_retry,
				    .seed = (uint32_t)(now.ns ^ (int64_t)(index * 7919)) };
	struct bgp_identity own = { all->router_id, all->asn };

	assert(own.asn != 0 && own.router_id != 0);
	assert(conf->hold_time == 0 || conf->hold_time >= 3);
	assert(conf->connect_retry > 0 && (conf->ipv4 || conf->ipv6));
	take_index(peer, index);
	choose_remote(peer);
	peer->last_state = BGP_IDLE;
	peer->state_since = now;
	bgp_peer_fsm_init(&peer->fsm, &fsm, &own);
}

void bgp_peer_follow(struct bgp_peer *peer, size_t index)
{
	take_index(peer, index);
	for (int which = 0; which < BGP_CONNECTIONS; which++)
		peer->fsm.connection[which].conf.connect_retry = peer->conf->connect_retry;
}

static void end(struct bgp_peer *peer, enum bgp_cease why)
{
	struct bgp_event ev = { .type = BGP_EVENT_STOP,
				.now = clock_now(),
				.error = bgp_error_cease(why, NULL) };

	peer->start_when_idle = false;
	peer->dial_error = 0;
	bgp_discovery_free(peer->discovery);
	peer->discovery = NULL;
	bgp_peer_step(peer, BGP_OUTGOING, &ev, NULL);
	/* What it was to come back with is another configuration's. */
	bgp_peer_forget_kept(peer, "the peer is configured otherwise now");
	bgp_peer_restart_fini(peer);
}

void bgp_peer_reset(struct bgp_peer *peer)
{
	end(peer, BGP_CEASE_CONFIG_CHANGE);
}

void bgp_peer_remove(struct bgp_peer *peer)
{
	end(peer, BGP_CEASE_DECONFIGURED);
	bgp_dump_free(peer->dump);
	peer->dump = NULL;
	peer->conf = NULL;
}
