/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order that matters, here and in start.c: an address is there before its
 * prefix is announced, and stays until every peer has been told that it is
 * withdrawn.
 */
#include "lb/daemon.h"

#include <errno.h>
#include <string.h>

#include "lb/draining.h"
#include "lb/event.h"
#include "lb/mesh_link.h"
#include "lb/rack.h"
#include "lb/start.h"
#include "lib/alloc.h"
#include "lib/log.h"

static bool is_wanted(const struct lb_daemon *lb, size_t vip)
{
	/*
	 * A daemon that stops removes its addresses at its very end, see lb_daemon_free(), and one
	 * that drains keeps those that it has: there may be idle connections to them.
	 */
	return lb->stopping || vip_is_wanted(&lb->vips[vip]) ||
	       (lb_drain_is_on(lb) && lb->seats[vip].presence.state == PRESENCE_PRESENT);
}

void lb_daemon_on_announce_change(void *ctx, const struct announcement *item)
{
	struct lb_daemon *lb = ctx;

	switch (item->state) {
	case ANNOUNCE_ANNOUNCED:
		bgp_speaker_announce(lb->speaker, &item->prefix, item->policy);
		break;
	case ANNOUNCE_DEPREFERRED:
		bgp_speaker_deprefer(lb->speaker, &item->prefix, item->policy);
		break;
	case ANNOUNCE_WITHDRAWN:
		bgp_speaker_withdraw(lb->speaker, &item->prefix);
		break;
	}
}

/* Peers are told before anybody else is: each line that is logged would be time until they know. */
static struct instant announce(struct lb_daemon *lb, struct instant cause, struct instant now)
{
	struct instant next =
		announcer_step(&lb->announcer, cause, now, lb_daemon_on_announce_change, lb);

	bgp_speaker_flush(lb->speaker);
	return next;
}

static void tell_announcements(struct lb_daemon *lb)
{
	for (size_t i = 0; i < lb->announcer.count; i++) {
		const struct announcement *item = &lb->announcer.items[i];

		if (item->changed)
			lb_event_announcement(lb->events, item);
	}
}

/* deadline: the announcer's. */
static void arm_linger(struct lb_daemon *lb, struct instant now, struct instant deadline)
{
	deadline = instant_min(deadline, lb_seats_deadline(lb, now));
	ev_timer_stop(lb->loop, &lb->linger);
	if (deadline.ns == INSTANT_NEVER.ns)
		return;
	ev_timer_set(&lb->linger, instant_wait_s(deadline, now), 0);
	ev_timer_start(lb->loop, &lb->linger);
}

/* A prefix must not lead here as long as one of its addresses is nobody's. */
static void look_for_missing(struct lb_daemon *lb)
{
	for (size_t i = 0; i < lb->announcer.count; i++) {
		struct announcement *item = &lb->announcer.items[i];
		const struct lb_vip_conf *conf = item->vip ? item->vip->conf : NULL;

		item->missing = false;
		for (size_t j = 0; conf && j < conf->address_count; j++)
			item->missing |= prefix_contains(&item->prefix, &conf->addresses[j]) &&
					 !lb->dp->ops->is_accepted(lb->dp, &conf->addresses[j]);
	}
}

static void note_vips(struct lb_daemon *lb)
{
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		vip_note(&lb->vips[i], lb->origins);
}

/* What has led here, for those who want to know. */
struct news {
	const struct lb_origin *origin;
	const bool *vips; /* whose state has changed */
};

static void tell_news(struct lb_daemon *lb, const struct news *news, struct instant at)
{
	if (!news)
		return;
	note_vips(lb);
	if (news->origin)
		lb_event_check(lb->events, at, news->origin);
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		if (news->vips[i])
			lb_event_vip(lb->events, at, &lb->vips[i]);
}

/* What is now not announced is not meant to be: peers need not keep a predecessor's. */
static void look_for_convergence(struct lb_daemon *lb)
{
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		if (lb->vips[i].state == HEALTH_UNKNOWN)
			return;
	lb->converged = true;
	bgp_speaker_set_converged(lb->speaker);
}

/* Good news is told before it is acted on; with bad news there is no time for that. */
static void decide(struct lb_daemon *lb, const struct news *news, bool good, struct instant cause)
{
	struct instant now = clock_now(), next;

	if (good) {
		tell_news(lb, news, cause);
		lb_rack_step(lb->rack);
	}
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		if (is_wanted(lb, i))
			lb_seat_step(lb, &lb->seats[i], true, now);
	look_for_missing(lb);
	next = announce(lb, cause, now);
	if (!lb->converged && next.ns == INSTANT_NEVER.ns)
		look_for_convergence(lb);
	if (!good) {
		lb_rack_step(lb->rack);
		tell_news(lb, news, cause);
	}
	announcer_note(&lb->announcer);
	tell_announcements(lb);
	lb_mesh_tell(lb);
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		if (!is_wanted(lb, i))
			lb_seat_step(lb, &lb->seats[i], false, now);
	lb_leaving_step(lb, now);
	arm_linger(lb, now, next);
}

void lb_daemon_decide(struct lb_daemon *lb, struct instant cause)
{
	decide(lb, NULL, true, cause);
}

void lb_daemon_revise(struct lb_daemon *lb)
{
	bool vips[LB_VIPS_MAX] = { false };
	const struct news news = { NULL, vips };
	struct instant now = clock_now();

	if (lb->stopping)
		return;
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		vips[i] = vip_step(&lb->vips[i], lb->origins, now);
	decide(lb, &news, false, now);
}

void lb_daemon_on_linger(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct lb_daemon *lb = timer->data;
	struct instant now = clock_now();

	(void)loop;
	(void)revents;
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		if (lb->seats[i].incomplete)
			lb_seat_complete(lb, &lb->seats[i]);
	lb_daemon_decide(lb, now);
}

void lb_daemon_on_check(void *ctx, struct check *check, const struct check_result *result)
{
	struct lb_origin_check *oc = ctx;
	struct lb_daemon *lb = oc->lb;
	struct lb_origin *origin = &lb->origins[oc->origin];
	bool vips[LB_VIPS_MAX] = { false };
	/* Not result->changed: after a reload a check may be younger than what is known. */
	bool changed = origin->state != result->state;
	const struct news news = { changed ? origin : NULL, vips };

	(void)check;
	oc->results++;
	oc->failures += !result->success;
	if (!changed && strcmp(origin->reason, result->reason) == 0)
		return;
	origin->state = result->state;
	snprintf(origin->reason, sizeof(origin->reason), "%s", result->reason);
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		vips[i] = vip_has_origin(&lb->vips[i], oc->origin) &&
			  vip_step(&lb->vips[i], lb->origins, result->at);
	decide(lb, &news, origin->state == HEALTH_UP, result->at);
	/* Also when it is down for another reason than before: its machine may have gone by now. */
	if (origin->state == HEALTH_DOWN)
		lb_rack_probe(lb->rack, oc->origin);
}

void lb_daemon_on_peer(void *ctx, size_t peer, bool up, const char *reason)
{
	struct lb_daemon *lb = ctx;

	lb_event_peer(lb->events, clock_now(), lb->conf->bgp.peers[peer].name, up, reason);
}

void lb_daemon_on_bfd(void *ctx, size_t peer, const struct bfd_change *change)
{
	struct lb_daemon *lb = ctx;

	lb_event_bfd(lb->events, lb->conf->bgp.peers[peer].name, change);
	/*
	 * RFC 5882, sections 3.2 and 4.1: what has never been up cannot fail, and neither our nor
	 * the peer's administrator says that the path is dead.
	 */
	if (change->was == BFD_UP && change->state == BFD_DOWN &&
	    change->remote_state != BFD_ADMIN_DOWN)
		bgp_speaker_bfd_down(lb->speaker, peer, change->at);
}

void lb_daemon_on_default_route(void *ctx, size_t peer, enum addr_family family,
				const struct addr *next_hop, unsigned ifindex)
{
	struct lb_daemon *lb = ctx;
	const char *name = lb->conf->bgp.peers[peer].name;
	int err;

	lb_event_default_route(lb->events, clock_now(), name, family, next_hop);
	err = lb->dp->ops->default_route(lb->dp, lb->numbers[peer], next_hop, family, ifindex);
	if (err == -EEXIST)
		log_error("peer %s: a default route of somebody else has metric %u: choose "
			  "another dataplane.metric",
			  name, (unsigned)lb->conf->dataplane.metric);
	else if (err)
		log_error("peer %s: cannot install its default route: %s", name, strerror(-err));
}

void lb_daemon_on_sent(void *ctx, size_t peer, const struct prefix *prefix, bool announced,
		       struct instant at)
{
	struct lb_daemon *lb = ctx;
	const struct timeline_entry *change =
		announcer_sent(&lb->announcer, peer, prefix, announced, at);

	lb_event_sent(lb->events, at, lb->conf->bgp.peers[peer].name, prefix, announced, change);
}

void lb_daemon_on_stopped(void *ctx)
{
	struct lb_daemon *lb = ctx;

	/* After BGP, so that nobody takes our end for a failure meanwhile. */
	if (lb->bfd)
		bfd_admin_down(lb->bfd);
	lb_mesh_say(lb, MESH_STOPS);
	ev_break(lb->loop, EVBREAK_ALL);
}

/* Begun here, or gone on with until its deadline; false when there is nothing to wait for. */
static bool drain(struct lb_daemon *lb)
{
	if (lb->conf->bgp.drain_ms == 0 || lb->drain.phase > DRAIN_DEPREFERRED ||
	    (lb->drain.phase == DRAIN_DEPREFERRED && lb->drain_stops))
		return false;
	lb->drain_stops = true;
	if (!lb_drain_is_on(lb))
		lb_drain_begin(lb, lb->conf->bgp.drain_ms, lb_drain_grace_ms(lb->conf), true);
	return true;
}

void lb_daemon_stop(struct lb_daemon *lb)
{
	struct instant now = clock_now();

	if (lb->stopping)
		return;
	/* Both signals in one turn of the loop: who wants it to end means it. */
	if (lb->restarts) {
		lb->restarts = false;
		ev_break(lb->loop, EVBREAK_CANCEL);
	}
	if (drain(lb))
		return;
	lb_drain_end(lb);
	lb->stopping = true;
	lb_event_stopping(lb->events, now);
	for (size_t i = 0; i < lb->conf->origin_count; i++) {
		check_free(lb->checks[i].check);
		lb->checks[i].check = NULL;
	}
	announcer_stop(&lb->announcer);
	announce(lb, now, now);
	announcer_note(&lb->announcer);
	tell_announcements(lb);
	bgp_speaker_stop(lb->speaker, BGP_STOP_WITHDRAW, lb->conf->bgp.shutdown_text);
	lb_mesh_tell(lb);
	lb_mesh_say(lb, MESH_DRAINING);
	ev_timer_stop(lb->loop, &lb->linger);
}
