/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said between us and a peer, and what becomes of the session, for its dump. */
#include "lb/bgp/mrt.h"
#include "lb/bgp/peer_state.h"

static struct timespec wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

/* link may be NULL: nobody is connected. */
static struct mrt_session session_of(const struct bgp_peer *peer, const struct bgp_link *link)
{
	struct mrt_session session = {
		.peer_asn = peer->conf->asn,
		.local_asn = peer->env->conf->asn,
		.peer = peer->remote.addr,
		.local = peer->conf->local,
		.four_octet = true,
	};

	if (link)
		session.local = bgp_session_local(link->session).addr;
	/* Not known before the peer's OPEN; in messages until then it makes no difference. */
	if (link && link->open.asn != 0) {
		session.peer_asn = link->open.asn;
		session.four_octet = link->negotiated.four_octet_asn;
	}
	return session;
}

void bgp_peer_dump_message(const struct bgp_link *link, bool sent, const uint8_t *bytes, size_t len)
{
	const struct mrt_message message = { sent, bytes, len };
	const struct bgp_peer *peer = link->peer;
	struct mrt_session session;
	uint8_t record[MRT_RECORD_MAX];

	if (!peer->dump)
		return;
	session = session_of(peer, link);
	bgp_dump_write(
		peer->dump, record,
		mrt_message_encode(&session, wall_clock(), &message, record, sizeof(record)));
}

void bgp_peer_dump_state(const struct bgp_peer *peer, enum bgp_state was, enum bgp_state is)
{
	enum bgp_connection leader = bgp_peer_fsm_leader(&peer->fsm);
	struct mrt_session session;
	uint8_t record[MRT_RECORD_MAX];

	/* A slot of a range that nobody has had yet has no address. */
	if (!peer->dump || peer->remote.addr.family == ADDR_NONE)
		return;
	session = session_of(peer, peer->current[leader]);
	bgp_dump_write(peer->dump, record,
		       mrt_state_encode(&session, wall_clock(), was, is, record, sizeof(record)));
}
