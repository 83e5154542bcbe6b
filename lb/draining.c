/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/draining.h"

#include <stdlib.h>
#include <string.h>

#include "lb/event.h"
#include "lb/mesh_link.h"
#include "lb/nameserver.h"
#include "lb/rack.h"
#include "lb/start.h"
#include "lib/alloc.h"
#include "lib/log.h"

bool lb_drain_is_on(const struct lb_daemon *lb)
{
	return lb->drain.phase != DRAIN_NONE;
}

enum drain_others lb_drain_others(const struct lb_daemon *lb, size_t vip)
{
	if (!lb->mesh)
		return DRAIN_OTHERS_UNKNOWN;
	return mesh_others_announce(lb->mesh, lb->conf->vips[vip].name) ? DRAIN_OTHERS_SOME
									: DRAIN_OTHERS_NONE;
}

const char *lb_drain_last(const struct lb_daemon *lb)
{
	for (size_t i = 0; i < lb->conf->vip_count; i++) {
		if (lb_drain_others(lb, i) == DRAIN_OTHERS_NONE)
			return lb->conf->vips[i].name;
	}
	return NULL;
}

static void ears_close(struct lb_daemon *lb)
{
	for (size_t i = 0; lb->drain_ears && i < lb->drain.count; i++)
		dataplane_ear_close(lb->drain_ears[i]);
	free(lb->drain_ears);
	lb->drain_ears = NULL;
}

static int ear_open(struct lb_daemon *lb, const struct lb_vip_conf *vip, bool only_new,
		    struct dataplane_ear **out)
{
	if (lb->rack)
		return lb_rack_ear_open(lb->rack, vip->name, only_new ? EAR_NEW : EAR_ALL, out);
	return (only_new ? lb->dp->ops->ear_open_new
			 : lb->dp->ops->ear_open)(lb->dp, vip->addresses, vip->address_count, out);
}

/* For what begins flows, or for everything. */
static void ears_open(struct lb_daemon *lb, bool only_new)
{
	ears_close(lb);
	lb->drain_ears = xcalloc(lb->drain.count + 1, sizeof(struct dataplane_ear *));
	for (size_t i = 0; i < lb->drain.count; i++) {
		const struct lb_vip_conf *vip = &lb->conf->vips[i];
		int err = ear_open(lb, vip, only_new, &lb->drain_ears[i]);

		lb->drain.flows[i].unknown = err != 0;
		if (err)
			log_warn("vip %s: cannot tell what still arrives (%s): its drain waits "
				 "for the deadline",
				 vip->name, strerror(-err));
	}
}

/* No peer has another opinion of what the VIPs announce than we. */
static bool all_told(const struct lb_daemon *lb)
{
	for (size_t i = 0; i < lb->announcer.count; i++) {
		const struct announcement *item = &lb->announcer.items[i];

		if (!item->vip || item->state != ANNOUNCE_WITHDRAWN)
			continue;
		for (size_t peer = 0; peer < bgp_speaker_peer_count(lb->speaker); peer++) {
			if (bgp_speaker_has_sent(lb->speaker, peer, &item->prefix, NULL))
				return false;
		}
	}
	return true;
}

static void timer_stop(struct lb_daemon *lb)
{
	ev_timer_stop(lb->loop, &lb->drain_timer);
	ears_close(lb);
}

static void on_phase(struct lb_daemon *lb, struct instant now)
{
	if (lb->drain.phase == DRAIN_DRAINED) {
		lb_event_drain(lb->events, now, &lb->drain);
		timer_stop(lb);
		return;
	}
	if (lb->drain_stops) {
		lb_event_drain(lb->events, now, &lb->drain);
		lb_daemon_stop(lb);
		return;
	}
	ears_open(lb, false);
	announcer_drain(&lb->announcer, ANNOUNCER_WITHDRAWS);
	lb_daemon_decide(lb, now);
	lb_event_drain(lb->events, now, &lb->drain);
}

void lb_drain_on_step(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct lb_daemon *lb = timer->data;
	uint64_t counts[LB_VIPS_MAX] = { 0 };
	struct instant now = clock_now();

	(void)loop;
	(void)revents;
	for (size_t i = 0; i < lb->drain.count; i++)
		counts[i] = lb->drain_ears[i] ? dataplane_ear_count(lb->drain_ears[i]) : 0;
	if (drain_step(&lb->drain, counts, all_told(lb), now))
		on_phase(lb, now);
}

unsigned lb_drain_grace_ms(const struct lb_conf *conf)
{
	unsigned most = 0;

	for (size_t i = 0; i < conf->vip_count; i++)
		most = conf->vips[i].linger_ms > most ? conf->vips[i].linger_ms : most;
	return most;
}

/* The ears are there before the first user leaves. */
void lb_drain_begin(struct lb_daemon *lb, unsigned deadline_ms, unsigned grace_ms, bool stops)
{
	struct instant now = clock_now();

	drain_begin(&lb->drain, lb->conf->vip_count, deadline_ms, grace_ms, now);
	lb->drain_stops = stops;
	ears_open(lb, true);
	announcer_drain(&lb->announcer, ANNOUNCER_DEPREFERS);
	lb_mesh_say(lb, MESH_DRAINING);
	lb_daemon_decide(lb, now);
	lb_nameservers_tell(lb->nameservers, true);
	lb_event_drain(lb->events, now, &lb->drain);
	ev_now_update(lb->loop);
	ev_timer_set(&lb->drain_timer, DRAIN_STEP_MS / 1e3, DRAIN_STEP_MS / 1e3);
	ev_timer_start(lb->loop, &lb->drain_timer);
}

void lb_drain_undo(struct lb_daemon *lb)
{
	struct instant now = clock_now();

	timer_stop(lb);
	drain_undo(&lb->drain);
	announcer_drain(&lb->announcer, ANNOUNCER_PREFERS);
	lb_mesh_say(lb, MESH_SERVING);
	lb_daemon_decide(lb, now);
	lb_nameservers_tell(lb->nameservers, false);
	lb_event_drain(lb->events, now, &lb->drain);
}

void lb_drain_end(struct lb_daemon *lb)
{
	timer_stop(lb);
	drain_undo(&lb->drain);
}
