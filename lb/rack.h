/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rack.h - plane xdp: the origins on this PoP's LAN, and which of them the flows of a VIP go to.
 *
 *	vip's services ──> front: take packets
 *	checks, weights, drains ──> Maglev table of the VIP: where new flows go
 *	kernel's neighbours ──> MAC addresses: how frames get there
 *
 * A shell between front, neighbours and the verdicts. New flows go to origins that are up, take
 * users (vip.h) and have a MAC address. The flows of one that is down stay with it as long as its
 * machine answers on the link: what has gone then resets them itself, and what is only slow serves
 * them. Those of a machine that does not answer go to the others, which reset them.
 */
#ifndef LB_RACK_H
#define LB_RACK_H

#include "lb/daemon.h"
#include "lb/dataplane/ear.h"
#include "lb/dataplane/front.h"
#include "lb/dataplane/neighbor.h"

struct lb_rack;

/* VIPs that a rack has room for, beside those of the configuration that it begins with. */
#define LB_RACK_SPARE 16

/* How many Maglev tables front is to be made with. */
unsigned lb_rack_services(const struct lb_conf *conf);
/* Tells front of everything. Sets *out, or returns -errno. front must outlive it. */
int lb_rack_start(struct lb_rack **out, struct lb_daemon *lb, struct front *front);
/* NULL is fine. keep: what the kernel was asked for stays, for a successor. */
void lb_rack_free(struct lb_rack *rack, bool keep);

bool lb_rack_has_room(const struct lb_rack *rack, const struct lb_conf *next);
/* The daemon has another configuration, and the old one still exists. */
void lb_rack_reload(struct lb_rack *rack);
/* Verdicts or shares may be different. NULL is fine. */
void lb_rack_step(struct lb_rack *rack);
/* Its check says that it is down: is the machine still there? NULL is fine. */
void lb_rack_probe(struct lb_rack *rack, size_t origin);

/* dataplane_ear, for packets that the kernel does not see. -ENOENT: it is no VIP. */
int lb_rack_ear_open(struct lb_rack *rack, const char *vip, enum ear_kind kind,
		     struct dataplane_ear **out);
/* Whether flows of the VIP of that row are asked for at other PoPs. */
bool lb_rack_continues(const struct lb_rack *rack, unsigned row);

/* An origin of a VIP, by their indices in the configuration. */
struct lb_rack_origin {
	const struct neighbor *neighbor;
	struct front_origin_counts counts;
	uint32_t flows; /* open ones, as they were a second ago at most */
};

void lb_rack_origin(struct lb_rack *rack, size_t vip, size_t i, struct lb_rack_origin *out);
void lb_rack_vip_count(const struct lb_rack *rack, size_t vip, struct front_vip_counts *out);

#endif
