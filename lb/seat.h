/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seat.h - a VIP's place on this machine: its addresses, while they are wanted and as long after
 * as packets still come for them (dataplane/presence.h).
 *
 * Addresses that a reload takes out of the configuration leave in the same way, on a list of their
 * own: users far away do not know of it yet.
 */
#ifndef LB_SEAT_H
#define LB_SEAT_H

#include "lb/conf.h"
#include "lb/dataplane/dataplane.h"
#include "lb/dataplane/presence.h"

struct lb_daemon;

struct lb_seat {
	const char *name; /* of the VIP; it and the next two are the configuration's */
	const struct addr *addresses;
	const struct prefix *prefixes;
	size_t address_count, prefix_count;
	struct presence presence;
	struct dataplane_ear *ear; /* while lingering, NULL when it could not be opened */
	bool incomplete;	   /* present, but an address could not be added */
	bool is_leaving;	   /* in no configuration any more, nor is its VIP's counter its */
};

/* A seat of what is in no configuration any more; it owns what it points to. */
struct lb_leaving {
	struct lb_leaving *next;
	struct lb_seat seat;
	char name[64];
	struct addr addresses[LB_ADDRESSES_MAX];
	struct prefix prefixes[LB_PREFIXES_MAX];
};

/* found: an address of it is here already. */
void lb_seat_init(struct lb_daemon *lb, struct lb_seat *seat, const struct lb_vip_conf *conf,
		  bool found, struct instant now);
void lb_seat_step(struct lb_daemon *lb, struct lb_seat *seat, bool wanted, struct instant now);
/* Try again to add what is missing. */
void lb_seat_complete(struct lb_daemon *lb, struct lb_seat *seat);
/* Go over to the same VIP in another configuration. If absent, none of its addresses is here. */
void lb_seat_follow(struct lb_daemon *lb, struct lb_seat *seat, const struct lb_vip_conf *conf);

/* The addresses of this seat that next has not, if they are here, begin to leave. */
void lb_seat_leave(struct lb_daemon *lb, const struct lb_seat *seat, const struct lb_conf *next);
/* The same for those of an identity, at once when the peers have been told. */
void lb_identity_leave(struct lb_daemon *lb, const struct lb_identity_conf *identity,
		       const struct lb_conf *next);
/* What is in next again does not leave. */
void lb_leaving_return(struct lb_daemon *lb, const struct lb_conf *next);
void lb_leaving_step(struct lb_daemon *lb, struct instant now);
void lb_leaving_free(struct lb_daemon *lb);

/* When to step seats next at the latest, those that leave included. */
struct instant lb_seats_deadline(const struct lb_daemon *lb, struct instant now);

#endif
