/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/peer_conf.h"

#include <string.h>

#include "lib/text.h"

static bool is_transport_equal(const struct bgp_transport *a, const struct bgp_transport *b)
{
	return a->hops == b->hops && a->ttl_security == b->ttl_security &&
	       text_equal(a->md5_key, b->md5_key);
}

/* Who the peer is and how it is reached. */
static bool is_connection_equal(const struct bgp_peer_conf *a, const struct bgp_peer_conf *b)
{
	return addr_equal(&a->remote.addr, &b->remote.addr) && a->remote.port == b->remote.port &&
	       text_equal(a->interface, b->interface) && a->unnumbered == b->unnumbered &&
	       prefix_equal(&a->range, &b->range) && addr_equal(&a->local, &b->local) &&
	       a->passive == b->passive && is_transport_equal(&a->transport, &b->transport);
}

/* What OPEN says, and what was taken when the session came up. */
static bool is_session_equal(const struct bgp_peer_conf *a, const struct bgp_peer_conf *b)
{
	return a->asn == b->asn && a->hold_time == b->hold_time && a->role == b->role &&
	       a->role_strict == b->role_strict && a->ipv4 == b->ipv4 && a->ipv6 == b->ipv6 &&
	       a->extended_next_hop == b->extended_next_hop &&
	       a->graceful_restart.time == b->graceful_restart.time &&
	       a->graceful_restart.notification == b->graceful_restart.notification &&
	       a->default_route == b->default_route && addr_equal(&a->next_hop4, &b->next_hop4) &&
	       addr_equal(&a->next_hop6, &b->next_hop6);
}

/* What the session tells. */
static bool are_routes_equal(const struct bgp_peer_conf *a, const struct bgp_peer_conf *b)
{
	return bgp_only_equal(&a->only, &b->only) && bgp_policy_equal(&a->policy, &b->policy) &&
	       bgp_policy_equal(&a->deprefer, &b->deprefer);
}

enum bgp_peer_change bgp_peer_conf_compare(const struct bgp_peer_conf *a,
					   const struct bgp_peer_conf *b)
{
	if (!is_connection_equal(a, b) || !is_session_equal(a, b))
		return BGP_PEER_SESSION;
	if (!are_routes_equal(a, b))
		return BGP_PEER_ROUTES;
	return a->connect_retry == b->connect_retry && bgp_dump_conf_equal(&a->dump, &b->dump)
		       ? BGP_PEER_SAME
		       : BGP_PEER_QUIET;
}

size_t bgp_peer_conf_find(const struct bgp_speaker_conf *conf, const char *name)
{
	size_t i = 0;

	while (i < conf->peer_count && strcmp(conf->peers[i].name, name) != 0)
		i++;
	return i;
}
