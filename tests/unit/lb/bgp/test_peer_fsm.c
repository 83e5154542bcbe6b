/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two speakers over a network that delays, retransmits and breaks, in virtual time. */
#include <criterion/criterion.h>

#include "lb/bgp/peer_fsm.h"

enum kind { SYN, SYN_ACK, OPEN, KEEPALIVE, NOTIFICATION, FIN };

struct packet {
	int64_t at;
	uint64_t order; /* of posting, where times are equal */
	int to, tcp;
	enum kind kind;
};

#define TCPS_MAX    2000
#define PACKETS_MAX 200

struct network {
	struct bgp_peer_fsm side[2];
	int slot[2][BGP_CONNECTIONS]; /* the TCP connection that a machine has, -1 none */
	int dialled_by[TCPS_MAX];
	int64_t last[TCPS_MAX][2]; /* TCP delivers in order */
	int tcps;
	struct packet packets[PACKETS_MAX];
	int packet_count;
	uint64_t order;
	uint32_t random;
	int64_t now;
	bool rough; /* losses and resets */
	int ups, downs;
};

static uint32_t next_random(struct network *net, uint32_t below)
{
	net->random = net->random * 1664525U + 1013904223U;
	return (net->random >> 8) % below;
}

static void post(struct network *net, int from, int tcp, enum kind kind)
{
	int64_t delay = (int64_t)(1 + next_random(net, 150)) * NS_PER_MS;
	int64_t at = net->now + delay;

	if (net->rough && next_random(net, 100) < 15) /* lost: retransmitted */
		at += kind == SYN ? NS_PER_S : 200 * NS_PER_MS;
	if (at < net->last[tcp][1 - from])
		at = net->last[tcp][1 - from];
	net->last[tcp][1 - from] = at;
	cr_assert_lt(net->packet_count, PACKETS_MAX);
	net->packets[net->packet_count++] =
		(struct packet){ at, net->order++, 1 - from, tcp, kind };
}

static void carry_out(struct network *net, int side, enum bgp_connection which, unsigned set)
{
	int *slot = &net->slot[side][which];

	if (set & BGP_SEND_OPEN)
		post(net, side, *slot, OPEN);
	if (set & BGP_SEND_KEEPALIVE)
		post(net, side, *slot, KEEPALIVE);
	if (set & BGP_SEND_NOTIFICATION)
		post(net, side, *slot, NOTIFICATION);
	net->ups += !!(set & BGP_SESSION_UP);
	net->downs += !!(set & BGP_SESSION_DOWN);
	if (set & BGP_TCP_CLOSE && *slot >= 0) {
		post(net, side, *slot, FIN);
		*slot = -1;
	}
	if (set & BGP_TCP_CONNECT) {
		cr_assert_lt(net->tcps, TCPS_MAX);
		*slot = net->tcps++;
		net->dialled_by[*slot] = side;
		post(net, side, *slot, SYN);
	}
}

static void step(struct network *net, int side, enum bgp_connection which, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type, .now = { net->now }, .hold_time = 9 };
	struct bgp_identity remote = net->side[1 - side].own;
	struct bgp_peer_actions act = bgp_peer_fsm_step(&net->side[side], which, &ev, &remote);

	carry_out(net, side, act.first, act.connection[act.first].set);
	carry_out(net, side, !act.first, act.connection[!act.first].set);
}

static void accept_tcp(struct network *net, int side, int tcp)
{
	enum bgp_accept verdict = bgp_peer_fsm_accept(&net->side[side]);

	post(net, side, tcp, SYN_ACK);
	if (verdict == BGP_REFUSE_COLLISION || verdict == BGP_REFUSE_STOPPED) {
		post(net, side, tcp, NOTIFICATION);
		post(net, side, tcp, FIN);
		return;
	}
	if (verdict == BGP_ACCEPT_REPLACE)
		step(net, side, BGP_INCOMING, BGP_EVENT_COLLISION);
	net->slot[side][BGP_INCOMING] = tcp;
	step(net, side, BGP_INCOMING, BGP_EVENT_TCP_UP);
}

static void deliver(struct network *net, const struct packet *p)
{
	static const enum bgp_event_type events[] = {
		[SYN_ACK] = BGP_EVENT_TCP_UP,	   [OPEN] = BGP_EVENT_OPEN,
		[KEEPALIVE] = BGP_EVENT_KEEPALIVE, [NOTIFICATION] = BGP_EVENT_NOTIFICATION,
		[FIN] = BGP_EVENT_TCP_DOWN,
	};
	enum bgp_connection which = net->dialled_by[p->tcp] == p->to ? BGP_OUTGOING : BGP_INCOMING;

	if (p->kind == SYN)
		accept_tcp(net, p->to, p->tcp);
	else if (net->slot[p->to][which] == p->tcp)
		step(net, p->to, which, events[p->kind]);
}

static int earliest(const struct network *net)
{
	int best = -1;

	for (int i = 0; i < net->packet_count; i++) {
		if (best < 0 || net->packets[i].at < net->packets[best].at ||
		    (net->packets[i].at == net->packets[best].at &&
		     net->packets[i].order < net->packets[best].order))
			best = i;
	}
	return best;
}

static void run_until(struct network *net, int64_t end)
{
	while (true) {
		struct instant timer = instant_min(bgp_peer_fsm_deadline(&net->side[0]),
						   bgp_peer_fsm_deadline(&net->side[1]));
		int i = earliest(net);
		struct packet p;

		if (i < 0 || timer.ns < net->packets[i].at) {
			if (timer.ns > end)
				break;
			if (timer.ns > net->now)
				net->now = timer.ns;
			for (int side = 0; side < 2; side++)
				step(net, side, BGP_OUTGOING, BGP_EVENT_TICK);
			continue;
		}
		if (net->packets[i].at > end)
			break;
		p = net->packets[i];
		net->packets[i] = net->packets[--net->packet_count];
		net->now = p.at;
		deliver(net, &p);
		if (net->rough && next_random(net, 1000) < 20)
			post(net, 1 - p.to, p.tcp, FIN); /* reset by something on the way */
	}
	net->now = end;
}

static void begin(struct network *net, uint32_t seed, bool passive)
{
	*net = (struct network){ .random = seed, .slot = { { -1, -1 }, { -1, -1 } } };
	for (int side = 0; side < 2; side++) {
		struct bgp_fsm_conf conf = { .dials = side == 0 || !passive,
					     .hold_time = 9,
					     .connect_retry = 5,
					     .seed = seed * 2 + (uint32_t)side };
		struct bgp_identity own = { 1 + (seed + (uint32_t)side) % 2,
					    64500 + (uint32_t)side };

		bgp_peer_fsm_init(&net->side[side], &conf, &own);
	}
	for (int side = 0; side < 2; side++)
		step(net, side, BGP_OUTGOING, BGP_EVENT_START);
}

/* The one TCP connection on which this side is Established; -1 none, -2 two of them. */
static int established_on(const struct network *net, int side)
{
	int tcp = -1;

	for (int which = 0; which < BGP_CONNECTIONS; which++) {
		if (net->side[side].connection[which].state == BGP_ESTABLISHED)
			tcp = tcp == -1 ? net->slot[side][which] : -2;
	}
	return tcp;
}

Test(bgp_peer_fsm, both_dial_and_one_session_survives)
{
	static struct network net;
	int downs;

	for (uint32_t seed = 1; seed <= 400; seed++) {
		begin(&net, seed, seed % 4 == 0);
		net.rough = seed % 2;
		run_until(&net, 60 * NS_PER_S);
		net.rough = false;
		run_until(&net, 100 * NS_PER_S);
		cr_assert_geq(established_on(&net, 0), 0, "seed %u: %d", seed,
			      established_on(&net, 0));
		cr_assert_eq(established_on(&net, 0), established_on(&net, 1), "seed %u", seed);
		downs = net.downs;
		run_until(&net, 500 * NS_PER_S);
		cr_assert_eq(net.downs, downs, "seed %u: it did not last", seed);
		cr_assert_eq(net.ups - net.downs, 2, "seed %u", seed);
	}
}

/* Without losses it takes no time at all, and no second try. */
Test(bgp_peer_fsm, both_dial_at_once_on_a_good_link)
{
	static struct network net;
	unsigned late = 0;

	for (uint32_t seed = 1; seed <= 200; seed++) {
		begin(&net, seed, false);
		run_until(&net, 2 * NS_PER_S);
		late += established_on(&net, 0) < 0 ||
			established_on(&net, 0) != established_on(&net, 1);
	}
	cr_expect_leq(late, 10, "%u of 200 needed another try", late);
}

/* The peer vanishes without a word: its old session is found dead, and the new one takes over. */
Test(bgp_peer_fsm, peer_restarts_silently)
{
	static struct network net;

	for (uint32_t seed = 1; seed <= 50; seed++) {
		struct bgp_fsm_conf conf = {
			.dials = true, .hold_time = 9, .connect_retry = 5, .seed = seed
		};

		begin(&net, seed, false);
		run_until(&net, 30 * NS_PER_S);
		cr_assert_geq(established_on(&net, 1), 0);
		net.packet_count = 0;
		net.slot[1][0] = net.slot[1][1] = -1;
		bgp_peer_fsm_init(&net.side[1], &conf, &net.side[1].own);
		step(&net, 1, BGP_OUTGOING, BGP_EVENT_START);
		run_until(&net, 60 * NS_PER_S);
		cr_assert_geq(established_on(&net, 0), 0, "seed %u", seed);
		cr_assert_eq(established_on(&net, 0), established_on(&net, 1), "seed %u", seed);
	}
}

Test(bgp_peer_fsm, stop_is_final)
{
	static struct network net;

	begin(&net, 7, false);
	run_until(&net, 10 * NS_PER_S);
	step(&net, 0, BGP_OUTGOING, BGP_EVENT_STOP);
	run_until(&net, 100 * NS_PER_S);
	cr_expect_eq(established_on(&net, 0), -1);
	cr_expect_eq(established_on(&net, 1), -1);
	cr_expect_eq(bgp_peer_fsm_accept(&net.side[0]), BGP_REFUSE_STOPPED);
	step(&net, 0, BGP_OUTGOING, BGP_EVENT_START);
	run_until(&net, 130 * NS_PER_S);
	cr_expect_geq(established_on(&net, 0), 0);
}

/* What must hold of one connection's step, whatever the event. */
static void check_step(enum bgp_state before, enum bgp_state after, unsigned set)
{
	bool connected = before >= BGP_OPEN_SENT || set & BGP_SEND_OPEN;

	cr_assert_eq(!!(set & BGP_SESSION_UP),
		     before != BGP_ESTABLISHED && after == BGP_ESTABLISHED);
	cr_assert_eq(!!(set & BGP_SESSION_DOWN),
		     before == BGP_ESTABLISHED && after != BGP_ESTABLISHED);
	cr_assert(connected || !(set & (BGP_SEND_KEEPALIVE | BGP_SEND_NOTIFICATION)));
	cr_assert(before < BGP_OPEN_SENT || after >= BGP_OPEN_SENT || set & BGP_TCP_CLOSE);
	cr_assert(!(set & BGP_SEND_NOTIFICATION) || set & BGP_TCP_CLOSE);
}

/* Any events in any order, as if the network had gone mad. */
Test(bgp_peer_fsm, random_walk)
{
	static struct network net;

	begin(&net, 3, false);
	for (int i = 0; i < 200000; i++) {
		struct bgp_peer_fsm *peer = &net.side[0];
		enum bgp_connection which = next_random(&net, 2);
		struct bgp_event ev = { .type = next_random(&net, BGP_EVENTS),
					.now = { net.now },
					.hold_time = next_random(&net, 4) ? 9 : 0 };
		struct bgp_identity remote = net.side[1].own;
		enum bgp_state before[2] = { peer->connection[0].state, peer->connection[1].state };
		struct bgp_peer_actions act;

		if (ev.type == BGP_EVENT_STOP && next_random(&net, 4))
			ev.type = BGP_EVENT_KEEPALIVE;
		ev.error = bgp_error_cease(BGP_CEASE_SHUTDOWN, NULL);
		act = bgp_peer_fsm_step(peer, which, &ev, &remote);
		for (int c = 0; c < BGP_CONNECTIONS; c++)
			check_step(before[c], peer->connection[c].state, act.connection[c].set);
		cr_assert(peer->connection[0].state < BGP_OPEN_CONFIRM ||
				  peer->connection[1].state < BGP_OPEN_CONFIRM,
			  "both past OpenSent at step %d", i);
		net.now += next_random(&net, 3000) * NS_PER_MS;
	}
}
