/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer_conf.h - what differs between two configurations of one peer, by what it costs.
 *
 * Pure. Every key of a peer stands in one of the comparisons: what only changes what the peer is
 * told of routes must not end its session, and what OPEN or the connection were made from cannot
 * change without that.
 */
#ifndef LB_BGP_PEER_CONF_H
#define LB_BGP_PEER_CONF_H

#include "lb/bgp/speaker.h"

/* The dearer the later. */
enum bgp_peer_change {
	BGP_PEER_SAME,
	BGP_PEER_QUIET,	  /* nothing that the peer could notice: when we dial, what is dumped */
	BGP_PEER_ROUTES,  /* UPDATEs of the session that there is */
	BGP_PEER_SESSION, /* it has to begin anew */
};

/* All but the name, by which a peer is known. */
enum bgp_peer_change bgp_peer_conf_compare(const struct bgp_peer_conf *a,
					   const struct bgp_peer_conf *b);
/* Index of the peer of this name, or conf->peer_count. */
size_t bgp_peer_conf_find(const struct bgp_speaker_conf *conf, const char *name);

#endif
