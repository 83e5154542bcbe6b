/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vip.h - the verdict on a VIP: is it worth sending users here?
 *
 * Pure. A VIP is up while at least min_healthy of its origins are. As long as
 * origins that have not answered yet could still make it up, and it has no
 * verdict so far, it is unknown, which nobody may take for up. Only a reload that gives a VIP
 * other origins while it is up leaves it up until they have answered.
 *
 * Up is an origin that would take a new user: one that drains, or has no weight, does not.
 */
#ifndef LB_VIP_H
#define LB_VIP_H

#include "lb/conf.h"
#include "lib/clock.h"

/* What is known of an origin. */
struct lb_origin {
	const struct lb_origin_conf *conf;
	enum health state;
	char reason[120]; /* of the last failure, "" after a success */
	/* Why the data plane cannot bring packets to it, whatever it says of itself; else NULL. */
	const char *obstacle;
	bool is_settling; /* that may be over in a moment: it is not down, but not known */
};

/* How much of a VIP's flows an origin gets: at first as configured, then as it has been told. */
struct vip_share {
	uint32_t weight; /* beside the others' */
	bool drain;	 /* no new flows; those that it has stay */
};

struct vip {
	const struct lb_vip_conf *conf;
	enum health state;
	struct instant since; /* when state began */
	size_t up;	      /* origins that are */
	size_t unknown;	      /* origins that have not answered yet */
	bool kept;	      /* up since before a reload, and what is up now is not enough */
	/* "1 of 2 origins up, 1 needed", then "; origin web1: connection refused" of the first
	 * down; as last noted. */
	char reason[240];
	struct vip_share shares[LB_ORIGINS_MAX]; /* by its origins' order in conf */
};

void vip_init(struct vip *vip, const struct lb_vip_conf *conf, const struct lb_origin *origins,
	      struct instant now);
/*
 * Take over from the VIP that it was in another configuration, with its history. vip_step() is to
 * follow.
 */
void vip_follow(struct vip *vip, const struct lb_vip_conf *conf, const struct vip *before);
/*
 * Before that step: what before's shares have been told to be since it was configured, where they
 * are configured as they were there.
 */
void vip_shares_keep(struct vip *vip, const struct lb_conf *conf, const struct vip *before,
		     const struct lb_conf *before_conf);
/* Its prefix was another VIP's, and announced: unknown it counts as up until it has a verdict. */
void vip_presume(struct vip *vip, struct instant now);
/* Look at the origins (all of the configuration, by index) again. True when state has changed. */
bool vip_step(struct vip *vip, const struct lb_origin *origins, struct instant now);
/* Write down why. To follow each step, once what follows from it is on its way. */
void vip_note(struct vip *vip, const struct lb_origin *origins);
/* Users shall come here: it is up, or announced whatever its verdict. */
bool vip_is_wanted(const struct vip *vip);
bool vip_has_origin(const struct vip *vip, size_t origin);
/* What the origin is to users, the way to it included. */
enum health lb_origin_health(const struct lb_origin *origin);
/* New flows may go to the VIP's i-th origin, if that is up. */
bool vip_share_takes(const struct vip_share *share);

#endif
