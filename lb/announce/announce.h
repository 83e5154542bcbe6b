/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce.h - which prefixes the world shall hear of from here, and why.
 *
 * Pure. One announcement per prefix of the configuration. The decision is a
 * function of what the prefix belongs to, that VIP's verdict and how many
 * origins it has left, how often that has changed of late (hold_down.h), whether
 * its addresses are there, and whether the daemon is stopping; it is told to the
 * caller only when it changes, so that a peer never hears of what has not
 * changed. The caller carries it out.
 *
 *	announced -> de-preferred, step by step of the VIP's ladder -> withdrawn
 */
#ifndef LB_ANNOUNCE_ANNOUNCE_H
#define LB_ANNOUNCE_ANNOUNCE_H

#include "lb/announce/hold_down.h"
#include "lb/announce/timeline.h"
#include "lb/vip.h"

#define ANNOUNCE_REASON_SIZE 400

enum announce_state { ANNOUNCE_WITHDRAWN, ANNOUNCE_DEPREFERRED, ANNOUNCE_ANNOUNCED };

/* What has decided about a prefix; the strongest first. */
enum announce_rule {
	ANNOUNCE_AS_NOTED, /* no rule yet, or none any more: its reason stands already */
	ANNOUNCE_STOPPING,
	ANNOUNCE_IDENTITY,
	ANNOUNCE_MISSING,
	ANNOUNCE_DRAINED,
	ANNOUNCE_DRAINING,
	ANNOUNCE_BY_VERDICT, /* state follows hold_down */
};

struct announcement {
	struct prefix prefix;
	const struct vip *vip;		 /* NULL: the identity's */
	const struct bgp_policy *base;	 /* when nothing is amiss */
	const struct bgp_policy *policy; /* now: base, that of a step of the ladder, or drain */
	struct bgp_policy drain;
	bool missing; /* an address in it is not on this machine; the caller's to set */
	bool changed; /* by the last step */
	enum announce_state state;
	struct instant since;	    /* when state, or its step, was decided */
	struct instant detected;    /* when that was seen which led to it */
	char reason[320];	    /* of state, as last noted; see below */
	struct hold_down hold_down; /* of the verdict; of a VIP's only */
	enum announce_rule rule;
	unsigned step;	  /* of the VIP's ladder, from 1; 0: none */
	uint64_t changes; /* of state or step */
	struct timeline timeline;
};

/* What is told of the VIPs, whatever their verdicts, when users shall go elsewhere. */
enum announcer_drain { ANNOUNCER_PREFERS, ANNOUNCER_DEPREFERS, ANNOUNCER_WITHDRAWS };

struct announcer {
	size_t count;
	struct announcement *items; /* the identity's first, then in the VIPs' order */
	size_t last_told;	    /* where announcer_sent() begins to look */
	enum announcer_drain drain;
	bool stopping;
};

typedef void announce_change_fn(void *ctx, const struct announcement *item);

/* All withdrawn. vips: as many as the configuration has, in its order; both outlive the announcer.
 */
void announcer_init(struct announcer *announcer, const struct lb_conf *conf, const struct vip *vips,
		    struct instant now);
void announcer_fini(struct announcer *announcer);
/*
 * Go over to another configuration and its vips; until the return both of each are there. A prefix
 * that stays keeps its state and history, whatever VIP it belongs to now, and the next step decides
 * about it; one that comes to a VIP is held down as long as the VIP's others are, no longer; of one
 * that goes, on_change hears once more, as withdrawn.
 */
void announcer_reload(struct announcer *announcer, const struct lb_conf *conf,
		      const struct vip *vips, struct instant now, announce_change_fn *on_change,
		      void *ctx);
/* Before that, as timeline_follow() has it. */
void announcer_renumber(struct announcer *announcer, const size_t *was, size_t count);
/*
 * Decide everything anew; on_change (may be NULL) hears of each changed state, in order. cause, no
 * later than now, is when that happened for which it is asked. Returns the instant no later than
 * which it must be asked again even if nothing happens: INSTANT_NEVER when nothing waits.
 */
struct instant announcer_step(struct announcer *announcer, struct instant cause, struct instant now,
			      announce_change_fn *on_change, void *ctx);
/*
 * Write down why, and what has changed since when. To follow each step, once what it has decided is
 * on its way: these texts take as long as telling fifty peers.
 */
void announcer_note(struct announcer *announcer);
/*
 * The UPDATE with this prefix is on its way to this peer. Returns the change that it tells of, as
 * in timeline.h, or NULL.
 */
const struct timeline_entry *announcer_sent(struct announcer *announcer, size_t peer,
					    const struct prefix *prefix, bool announced,
					    struct instant at);
/*
 * From now on what the VIPs announce is de-preferred, as RFC 8326 has it, or withdrawn, or again
 * what their verdicts say. Takes effect with the next step.
 */
void announcer_drain(struct announcer *announcer, enum announcer_drain drain);
/* From now on nothing is announced. Takes effect with the next step. */
void announcer_stop(struct announcer *announcer);
const struct announcement *announcer_find(const struct announcer *announcer,
					  const struct prefix *prefix);
/* An announcement of this VIP that waits, though the verdict is for it, or NULL. */
const struct announcement *announcer_find_held(const struct announcer *announcer,
					       const struct vip *vip);
/* Something better than what is told is wanted and has to wait. */
bool announcement_is_held(const struct announcement *item);
/* Its reason with how much longer it is held down as of now. Returns buf. */
const char *announcement_reason(const struct announcement *item, struct instant now,
				char buf[ANNOUNCE_REASON_SIZE]);
/* Whether any prefix of this VIP is announced; the identity's if NULL. */
bool announcer_has_vip(const struct announcer *announcer, const struct vip *vip);
const char *
announce_state_name(enum announce_state state); /* "withdrawn", "de-preferred", "announced" */

#endif
