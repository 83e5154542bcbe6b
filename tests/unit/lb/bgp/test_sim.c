/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two speakers in virtual time over a link that delays, loses, is cut and breaks connections, while
 * routes change, processes die, freeze and are stopped. Once all that is over they must find each
 * other, on one connection, and each must have heard what the other wants it to know.
 *
 * BGP_SIM_SEED=N build/unit --filter bgp_sim/two_speakers\*: one seed alone, told step by step.
 * BGP_SIM_SEEDS=N: that many.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_speaker.h"

#define SEEDS	     2000
#define STEPS_MAX    200000 /* of one seed: it ends */
#define QUIET_S	     100    /* how long nothing may happen in the end */
#define OPEN_SENT_S  240    /* RFC 4271, 8.2.2: how long a peer that says nothing is waited for */
#define TIME_TO_MEET 60	    /* hold time, connect_retry, retransmissions, each more than once */
#define DOOMED_S     35	    /* what is lost already may not have been noticed before */

struct world {
	uint64_t seed;
	struct sim_tcp *tcp;
	struct sim_speaker side[2];
	struct sim_speaker_conf conf[2];
	struct instant now;
	struct instant back[2]; /* a dead process starts, a stopped one is started */
	bool dead[2], is_stopped[2];
	unsigned steps;
	struct sim_counts total;
};

static uint32_t dice(struct world *w, uint32_t limit)
{
	return sim_tcp_random(w->tcp, limit);
}

static bool is_running(const struct world *w, int host)
{
	return !w->dead[host];
}

static void on_accept(void *ctx, int host, int conn)
{
	struct world *w = ctx;

	sim_speaker_accept(&w->side[host], conn);
}

static void on_up(void *ctx, int host, int conn)
{
	struct world *w = ctx;

	sim_speaker_tcp_up(&w->side[host], conn);
}

static void on_data(void *ctx, int host, int conn, const uint8_t *bytes, size_t len)
{
	struct world *w = ctx;

	sim_speaker_data(&w->side[host], conn, bytes, len);
}

static void on_down(void *ctx, int host, int conn)
{
	struct world *w = ctx;

	sim_speaker_tcp_down(&w->side[host], conn);
}

static void on_room(void *ctx, int host, int conn)
{
	struct world *w = ctx;

	sim_speaker_room(&w->side[host], conn);
}

/* Both keep to the rules, but are as different as they may be. */
static struct sim_speaker_conf any_conf(struct world *w, int host)
{
	static const uint16_t hold_times[] = { 3, 9, 30 };
	struct sim_speaker_conf conf = { .dials = true };

	conf.open.asn = host == 0 ? 64500 : dice(w, 2) ? 65101 : 4200000001;
	conf.open.router_id = 1 + (uint32_t)((w->seed + (uint64_t)host) % 2);
	conf.open.hold_time = hold_times[dice(w, 3)];
	conf.open.ipv4 = dice(w, 8) > 0;
	conf.open.ipv6 = !conf.open.ipv4 || dice(w, 4) > 0;
	conf.open.four_octet_asn = conf.open.asn > UINT16_MAX || dice(w, 8) > 0;
	conf.open.route_refresh = true;
	conf.open.enhanced_refresh = dice(w, 2);
	conf.connect_retry = (uint16_t)(1 + dice(w, 10));
	conf.seed = dice(w, UINT32_MAX);
	return conf;
}

static void begin(struct world *w, uint64_t seed, bool is_traced)
{
	struct sim_tcp_app app = { w, on_accept, on_up, on_data, on_down, on_room };
	struct sim_link *link;

	*w = (struct world){ .seed = seed, .tcp = sim_tcp_new(&app, seed) };
	link = sim_tcp_link(w->tcp);
	link->delay_min = (int64_t)(1 + dice(w, 50)) * NS_PER_MS / 10;
	link->delay_max = link->delay_min + (int64_t)dice(w, 150) * NS_PER_MS;
	link->loss = dice(w, 4) ? dice(w, 200) : 0;
	for (int host = 0; host < 2; host++)
		w->conf[host] = any_conf(w, host);
	if (!(w->conf[0].open.ipv4 && w->conf[1].open.ipv4))
		w->conf[0].open.ipv6 = w->conf[1].open.ipv6 = true;
	if (dice(w, 4) == 0)
		w->conf[dice(w, 2)].dials = false;
	for (int host = 0; host < 2; host++) {
		struct sim_speaker *s = &w->side[host];

		s->host = host;
		s->tcp = w->tcp;
		s->is_traced = is_traced;
		s->peer_asn = w->conf[!host].open.asn;
		sim_speaker_init(s, &w->conf[host]);
	}
}

static void end(struct world *w)
{
	for (int host = 0; host < 2; host++) {
		const struct sim_counts *c = &w->side[host].counts;

		if (is_running(w, host))
			sim_speaker_fini(&w->side[host]);
		w->total.ups += c->ups;
		w->total.downs += c->downs;
		w->total.collisions += c->collisions;
		w->total.hold_expired += c->hold_expired;
		w->total.blocked += c->blocked;
		w->total.refreshes += c->refreshes;
	}
	sim_tcp_free(w->tcp);
}

static void set_now(struct world *w, struct instant now)
{
	w->now = now;
	sim_tcp_set_now(w->tcp, now);
	w->side[0].now = w->side[1].now = now;
}

/* A frozen process wakes when it is thawed. */
static struct instant wakes_at(struct world *w, int host)
{
	struct instant at = sim_speaker_deadline(&w->side[host]);
	struct instant thawed = sim_tcp_link(w->tcp)->frozen[host];

	if (!is_running(w, host))
		return w->back[host];
	if (at.ns < thawed.ns)
		at = thawed;
	return w->is_stopped[host] ? w->back[host] : at;
}

static void wake(struct world *w, int host)
{
	struct sim_speaker *s = &w->side[host];

	if (!is_running(w, host)) {
		w->dead[host] = false;
		w->back[host] = INSTANT_NEVER;
		sim_speaker_init(s, &w->conf[host]);
	} else if (w->is_stopped[host]) {
		w->is_stopped[host] = false;
		w->back[host] = INSTANT_NEVER;
		sim_speaker_event(s, BGP_EVENT_START);
	} else {
		sim_speaker_event(s, BGP_EVENT_TICK);
	}
}

/* What has arrived counts before a timer does, as in peer.c. */
static void run_until(struct world *w, struct instant until)
{
	while (w->steps < STEPS_MAX) {
		struct instant arrival = sim_tcp_deadline(w->tcp);
		struct instant wakes[2] = { wakes_at(w, 0), wakes_at(w, 1) };
		struct instant next = instant_min(arrival, instant_min(wakes[0], wakes[1]));

		if (next.ns > until.ns)
			break;
		w->steps++;
		set_now(w, next.ns > w->now.ns ? next : w->now);
		if (instant_reached(arrival, w->now))
			sim_tcp_step(w->tcp);
		else
			wake(w, instant_reached(wakes[0], w->now) ? 0 : 1);
	}
	set_now(w, until);
}

static struct instant soon(struct world *w, uint32_t seconds)
{
	return instant_after_ms(w->now, 1 + dice(w, 1000 * seconds));
}

static void change_route(struct world *w)
{
	int host = (int)dice(w, 2), policy = (int)dice(w, 2 * SIM_POLICIES);

	if (is_running(w, host))
		sim_speaker_set(&w->side[host], dice(w, SIM_PREFIXES),
				policy < SIM_POLICIES ? policy : -1);
}

static void crash(struct world *w, int host)
{
	if (!is_running(w, host))
		return;
	w->dead[host] = true;
	w->is_stopped[host] = false;
	w->back[host] = sim_tcp_link(w->tcp)->dead[host] = soon(w, 15);
	sim_tcp_crash(w->tcp, host);
	sim_speaker_fini(&w->side[host]);
}

static void stop(struct world *w, int host)
{
	if (!is_running(w, host) || w->is_stopped[host])
		return;
	w->is_stopped[host] = true;
	w->back[host] = soon(w, 5);
	sim_speaker_event(&w->side[host], BGP_EVENT_STOP);
}

static void cut(struct world *w)
{
	struct sim_link *link = sim_tcp_link(w->tcp);
	struct instant until = soon(w, dice(w, 2) ? 2 : 20);
	uint32_t which = 1 + dice(w, 3); /* one way, the other, both */

	if (which & 1)
		link->cut[0] = until;
	if (which & 2)
		link->cut[1] = until;
}

static void mischief(struct world *w)
{
	int host = (int)dice(w, 2);

	switch (dice(w, 12)) {
	case 0:
		cut(w);
		break;
	case 1: /* half of a connection */
		sim_tcp_reset_any(w->tcp, host);
		break;
	case 2:
		if (sim_tcp_reset_any(w->tcp, 0))
			sim_tcp_reset_any(w->tcp, 1);
		break;
	case 3:
		crash(w, host);
		break;
	case 4:
		sim_tcp_link(w->tcp)->frozen[host] = soon(w, 12);
		break;
	case 5:
		stop(w, host);
		break;
	case 6:
		if (is_running(w, host) && !w->is_stopped[host])
			sim_speaker_event(&w->side[host], BGP_EVENT_BFD_DOWN);
		break;
	case 7:
		if (is_running(w, host))
			sim_speaker_ask_refresh(&w->side[host]);
		break;
	default:
		change_route(w);
		break;
	}
}

static void make_good(struct world *w)
{
	struct sim_link *link = sim_tcp_link(w->tcp);

	link->loss = 0;
	for (int host = 0; host < 2; host++) {
		link->cut[host] = link->dead[host] = link->frozen[host] = w->now;
		if (!is_running(w, host) || w->is_stopped[host])
			w->back[host] = w->now;
	}
}

/* Established on both sides, and on the same connection. */
static bool is_together(const struct world *w)
{
	const struct sim_speaker *a = &w->side[0], *b = &w->side[1];

	return a->up >= 0 && b->up >= 0 && a->link[a->up].conn == b->link[b->up].conn;
}

/* NULL, or what side host does not know, or knows wrongly, of the other's routes. */
static const char *misheard(const struct world *w, int host)
{
	const struct sim_speaker *s = &w->side[host], *peer = &w->side[!host];
	const struct bgp_negotiated *n = &s->link[s->up].negotiated;
	static char text[80];

	if (s->end_of_rib[0] != n->ipv4 || s->end_of_rib[1] != n->ipv6)
		return "no End-of-RIB";
	for (unsigned i = 0; i < SIM_PREFIXES; i++) {
		bool spoken = i % 2 ? n->ipv6 : n->ipv4;

		if (s->heard[i] == (spoken ? peer->wanted[i] : 0))
			continue;
		snprintf(text, sizeof(text), "host %d has heard %u of prefix %u, not %u", host,
			 s->heard[i], i, peer->wanted[i]);
		return text;
	}
	return NULL;
}

static const char *verdict(const struct world *w)
{
	for (int host = 0; host < 2; host++)
		if (w->side[host].fault[0])
			return w->side[host].fault;
	if (w->steps >= STEPS_MAX)
		return "it does not end";
	if (!is_together(w))
		return "not established";
	return misheard(w, 0) ? misheard(w, 0) : misheard(w, 1);
}

/* NULL, or what is wrong with this seed; *w is ended by the caller. */
static const char *life(struct world *w)
{
	bool both_dial = w->conf[0].dials && w->conf[1].dials;
	struct instant chaos = instant_after_s(w->now, 20 + dice(w, 100)), limit;
	unsigned downs;

	while (w->now.ns < chaos.ns) {
		mischief(w);
		run_until(w, soon(w, dice(w, 3) ? 2 : 10));
	}
	make_good(w);
	run_until(w, instant_after_s(w->now, DOOMED_S));
	limit = instant_after_s(w->now, both_dial ? TIME_TO_MEET : OPEN_SENT_S + TIME_TO_MEET);
	while (!is_together(w) && w->now.ns < limit.ns && w->steps < STEPS_MAX)
		run_until(w, instant_after_s(w->now, 1));
	run_until(w, instant_after_s(w->now, 10));
	if (verdict(w))
		return verdict(w);
	/* And it lasts, and what changes now is heard. */
	downs = w->side[0].counts.downs + w->side[1].counts.downs;
	for (int i = 0; i < 5; i++)
		change_route(w);
	run_until(w, instant_after_s(w->now, QUIET_S));
	if (w->side[0].counts.downs + w->side[1].counts.downs != downs)
		return "it did not last";
	return verdict(w);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

Test(bgp_sim, two_speakers_end_established_and_of_one_mind)
{
	static struct world w;
	uint64_t alone = from_environment("BGP_SIM_SEED", 0);
	uint64_t first = alone ? alone : 1;
	uint64_t last = alone ? alone : from_environment("BGP_SIM_SEEDS", SEEDS);
	struct sim_counts total = { 0 };
	unsigned rejected = 0;

	for (uint64_t seed = first; seed <= last; seed++) {
		const char *wrong;

		begin(&w, seed, alone != 0);
		wrong = life(&w);
		cr_expect_null(wrong, "BGP_SIM_SEED=%llu: %s", (unsigned long long)seed, wrong);
		rejected += sim_tcp_rejected(w.tcp);
		end(&w);
		total.downs += w.total.downs;
		total.collisions += w.total.collisions;
		total.hold_expired += w.total.hold_expired;
		total.blocked += w.total.blocked;
		total.refreshes += w.total.refreshes;
	}
	if (alone)
		return;
	/* It has all been there. */
	cr_expect_gt(total.downs, last, "%u sessions lost", total.downs);
	cr_expect_gt(total.collisions, last / 10, "%u collisions", total.collisions);
	cr_expect_gt(total.hold_expired, last / 10, "%u hold timers", total.hold_expired);
	cr_expect_gt(total.blocked, last / 100, "%u queues full", total.blocked);
	cr_expect_gt(total.refreshes, last / 10, "%u refreshes", total.refreshes);
	cr_expect_gt(rejected, last / 10, "%u half-open connections", rejected);
}
