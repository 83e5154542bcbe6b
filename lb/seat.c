/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/seat.h"

#include <stdio.h>
#include <string.h>

#include "lb/daemon.h"
#include "lb/event.h"
#include "lb/rack.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define RETRY_MS 1000 /* for an address that could not be added */

/* A peer still has a route to it from us: it has not been told, or does not read. */
static bool is_still_sent(const struct lb_daemon *lb, const struct lb_seat *seat)
{
	for (size_t peer = 0; peer < bgp_speaker_peer_count(lb->speaker); peer++)
		for (size_t i = 0; i < seat->prefix_count; i++)
			if (bgp_speaker_has_sent(lb->speaker, peer, &seat->prefixes[i], NULL))
				return true;
	return false;
}

void lb_seat_complete(struct lb_daemon *lb, struct lb_seat *seat)
{
	bool incomplete = false;
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < seat->address_count; i++) {
		int err = lb->dp->ops->accept(lb->dp, &seat->addresses[i]);

		if (err && !seat->incomplete)
			log_error("vip %s: cannot add %s: %s", seat->name,
				  addr_format(&seat->addresses[i], text), strerror(-err));
		incomplete |= err != 0;
	}
	seat->incomplete = incomplete;
}

/* What front sends on, the kernel never sees. */
static int ear_open(struct lb_daemon *lb, struct lb_seat *seat)
{
	if (lb->rack && !seat->is_leaving &&
	    lb_rack_ear_open(lb->rack, seat->name, EAR_ALL, &seat->ear) == 0)
		return 0;
	return lb->dp->ops->ear_open(lb->dp, seat->addresses, seat->address_count, &seat->ear);
}

/* Do on this machine what the presence, which has changed, says. */
static void enter(struct lb_daemon *lb, struct lb_seat *seat)
{
	int err;

	dataplane_ear_close(seat->ear);
	seat->ear = NULL;
	seat->incomplete = false;
	switch (seat->presence.state) {
	case PRESENCE_PRESENT:
		lb_seat_complete(lb, seat);
		break;
	case PRESENCE_LINGERING:
		err = ear_open(lb, seat);
		if (err)
			log_warn("vip %s: cannot tell whether packets still arrive (%s): its "
				 "addresses stay until the daemon ends",
				 seat->name, strerror(-err));
		break;
	case PRESENCE_ABSENT:
		for (size_t i = 0; i < seat->address_count; i++)
			lb->dp->ops->refuse(lb->dp, &seat->addresses[i]);
		break;
	}
}

static void follow_names(struct lb_seat *seat, const struct lb_vip_conf *conf)
{
	seat->name = conf->name;
	seat->addresses = conf->addresses;
	seat->address_count = conf->address_count;
	seat->prefixes = conf->prefixes;
	seat->prefix_count = conf->prefix_count;
}

void lb_seat_init(struct lb_daemon *lb, struct lb_seat *seat, const struct lb_vip_conf *conf,
		  bool found, struct instant now)
{
	*seat = (struct lb_seat){ 0 };
	follow_names(seat, conf);
	presence_init(&seat->presence, conf->linger_ms, found, now);
	if (found)
		enter(lb, seat);
}

static bool is_same_set(const struct lb_seat *seat, const struct lb_vip_conf *conf)
{
	if (seat->address_count != conf->address_count)
		return false;
	for (size_t i = 0; i < seat->address_count; i++)
		if (!addr_equal(&seat->addresses[i], &conf->addresses[i]))
			return false;
	return true;
}

void lb_seat_follow(struct lb_daemon *lb, struct lb_seat *seat, const struct lb_vip_conf *conf)
{
	bool same = is_same_set(seat, conf);

	follow_names(seat, conf);
	seat->presence.linger_ms = conf->linger_ms;
	/* Absent there is nothing to do: what has gone is leaving, what has come is not here. */
	if (!same && seat->presence.state != PRESENCE_ABSENT)
		enter(lb, seat);
}

/* Step the presence; true when it has changed. */
static bool step(struct lb_daemon *lb, struct lb_seat *seat, bool wanted, struct instant now)
{
	bool heard = false;

	if (seat->presence.state == PRESENCE_LINGERING)
		heard = !seat->ear || dataplane_ear_heard(seat->ear) || is_still_sent(lb, seat);
	if (!presence_step(&seat->presence, wanted, heard, now))
		return false;
	enter(lb, seat);
	return true;
}

void lb_seat_step(struct lb_daemon *lb, struct lb_seat *seat, bool wanted, struct instant now)
{
	if (step(lb, seat, wanted, now))
		lb_event_presence(lb->events, now, seat->name,
				  presence_state_name(seat->presence.state));
}

/* ---- what is no longer in the configuration ---- */

static void leaving_free(struct lb_leaving **link)
{
	struct lb_leaving *gone = *link;

	*link = gone->next;
	dataplane_ear_close(gone->seat.ear);
	free(gone);
}

/* The part of seat that next does not have. */
static struct lb_leaving *leaving_new(const struct lb_seat *seat, const struct lb_conf *next)
{
	struct lb_leaving *leaving = x_new(struct lb_leaving);

	leaving->seat = *seat;
	leaving->seat.ear = NULL;
	leaving->seat.incomplete = false;
	leaving->seat.is_leaving = true;
	snprintf(leaving->name, sizeof(leaving->name), "%s", seat->name);
	leaving->seat.name = leaving->name;
	leaving->seat.addresses = leaving->addresses;
	leaving->seat.prefixes = leaving->prefixes;
	leaving->seat.address_count = leaving->seat.prefix_count = 0;
	for (size_t i = 0; i < seat->address_count; i++)
		if (!lb_conf_has_address(next, &seat->addresses[i]))
			leaving->addresses[leaving->seat.address_count++] = seat->addresses[i];
	for (size_t i = 0; i < seat->prefix_count; i++)
		if (!lb_conf_has_prefix(next, &seat->prefixes[i]))
			leaving->prefixes[leaving->seat.prefix_count++] = seat->prefixes[i];
	return leaving;
}

void lb_seat_leave(struct lb_daemon *lb, const struct lb_seat *seat, const struct lb_conf *next)
{
	struct lb_leaving *leaving = leaving_new(seat, next);

	leaving->next = lb->leaving;
	lb->leaving = leaving;
	if (leaving->seat.address_count == 0 || seat->presence.state == PRESENCE_ABSENT)
		leaving_free(&lb->leaving);
	else if (seat->presence.state == PRESENCE_LINGERING)
		enter(lb, &leaving->seat); /* with an ear of its own */
}

void lb_identity_leave(struct lb_daemon *lb, const struct lb_identity_conf *identity,
		       const struct lb_conf *next)
{
	const struct lb_seat seat = { .name = "identity",
				      .addresses = identity->addresses,
				      .address_count = identity->address_count,
				      .prefixes = identity->prefixes,
				      .prefix_count = identity->prefix_count,
				      .presence = { .state = PRESENCE_PRESENT } };

	lb_seat_leave(lb, &seat, next);
}

void lb_leaving_return(struct lb_daemon *lb, const struct lb_conf *next)
{
	struct lb_leaving **link = &lb->leaving;

	while (*link) {
		struct lb_leaving *old = *link, *rest = leaving_new(&old->seat, next);

		if (rest->seat.address_count == old->seat.address_count &&
		    rest->seat.prefix_count == old->seat.prefix_count) {
			free(rest);
			link = &old->next;
			continue;
		}
		rest->next = old->next;
		leaving_free(link);
		*link = rest;
		if (rest->seat.address_count == 0)
			leaving_free(link);
		else
			enter(lb, &rest->seat);
	}
}

void lb_leaving_step(struct lb_daemon *lb, struct instant now)
{
	struct lb_leaving **link = &lb->leaving;

	while (*link) {
		struct lb_seat *seat = &(*link)->seat;

		/* Of a VIP that is still there only an address leaves: no news of the VIP. */
		if (step(lb, seat, false, now) && !lb_conf_vip_find(lb->conf, seat->name))
			lb_event_presence(lb->events, now, seat->name,
					  presence_state_name(seat->presence.state));
		if (seat->presence.state == PRESENCE_ABSENT)
			leaving_free(link);
		else
			link = &(*link)->next;
	}
	if (lb->untidy && !lb->leaving) {
		lb->untidy = false;
		lb->dp->ops->tidy(lb->dp);
	}
}

void lb_leaving_free(struct lb_daemon *lb)
{
	while (lb->leaving)
		leaving_free(&lb->leaving);
}

struct instant lb_seats_deadline(const struct lb_daemon *lb, struct instant now)
{
	struct instant deadline = INSTANT_NEVER;

	for (size_t i = 0; i < lb->conf->vip_count; i++) {
		const struct lb_seat *seat = &lb->seats[i];

		deadline = instant_min(deadline, presence_deadline(&seat->presence, now));
		if (seat->incomplete)
			deadline = instant_min(deadline, instant_after_ms(now, RETRY_MS));
	}
	for (const struct lb_leaving *l = lb->leaving; l; l = l->next)
		deadline = instant_min(deadline, presence_deadline(&l->seat.presence, now));
	return deadline;
}
