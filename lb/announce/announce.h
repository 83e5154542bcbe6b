/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce.h - which prefixes the world shall hear of from here, and why.
 *
 * Pure. One announcement per prefix of the configuration. The decision is a
 * function of what the prefix belongs to, that VIP's verdict and how many
 * origins it has left, whether its addresses are there, and whether the daemon
 * is stopping; it is told to the caller only when it changes, so that a peer
 * never hears of what has not changed. The caller carries it out.
 *
 *	announced -> de-preferred, step by step of the VIP's ladder -> withdrawn
 */
#ifndef LB_ANNOUNCE_ANNOUNCE_H
#define LB_ANNOUNCE_ANNOUNCE_H

#include "lb/vip.h"

enum announce_state { ANNOUNCE_WITHDRAWN, ANNOUNCE_DEPREFERRED, ANNOUNCE_ANNOUNCED };

struct announcement {
	struct prefix prefix;
	const struct vip *vip;		 /* NULL: the identity's */
	const struct bgp_policy *base;	 /* when nothing is amiss */
	const struct bgp_policy *policy; /* now: base, that of a step of the ladder, or drain */
	struct bgp_policy drain;
	bool missing; /* an address in it is not on this machine; the caller's to set */
	bool changed; /* by the last step */
	enum announce_state state;
	struct instant since; /* when state, or its step, began */
	char reason[320];     /* of state, kept up to date while it lasts */
};

struct announcer {
	size_t count;
	struct announcement *items; /* the identity's first, then in the VIPs' order */
	bool draining, stopping;
};

typedef void announce_change_fn(void *ctx, const struct announcement *item);

/* All withdrawn. vips: as many as the configuration has, in its order; both outlive the announcer.
 */
void announcer_init(struct announcer *announcer, const struct lb_conf *conf, const struct vip *vips,
		    struct instant now);
void announcer_fini(struct announcer *announcer);
/* Decide everything anew; on_change (may be NULL) hears of each changed state, in order. */
void announcer_step(struct announcer *announcer, struct instant now, announce_change_fn *on_change,
		    void *ctx);
/* From now on what the VIPs announce is de-preferred, as RFC 8326 has it. Takes effect as below. */
void announcer_drain(struct announcer *announcer);
/* From now on nothing is announced. Takes effect with the next step. */
void announcer_stop(struct announcer *announcer);
const struct announcement *announcer_find(const struct announcer *announcer,
					  const struct prefix *prefix);
/* Whether any prefix of this VIP is announced; the identity's if NULL. */
bool announcer_has_vip(const struct announcer *announcer, const struct vip *vip);
const char *
announce_state_name(enum announce_state state); /* "withdrawn", "de-preferred", "announced" */

#endif
