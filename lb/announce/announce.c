/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/announce.h"

#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

struct decision {
	enum announce_state state;
	enum announce_rule rule;
	unsigned step;
	const struct bgp_policy *policy;
};

/* The lowest step that applies; origins that have not answered yet are not held against it. */
static unsigned find_step(const struct vip *vip)
{
	unsigned found = 0;

	for (size_t i = 0; i < vip->conf->step_count; i++)
		if (vip->up + vip->unknown < vip->conf->ladder[i].healthy_below)
			found = (unsigned)i + 1;
	return found;
}

/* Of hold_down.h: what the verdict asks for. */
static unsigned wanted_level(const struct vip *vip)
{
	return vip_is_wanted(vip) ? find_step(vip) : HOLD_DOWN_WITHDRAWN;
}

static void decide_by_verdict(const struct announcement *item, struct decision *out)
{
	unsigned level = item->hold_down.level, steps = (unsigned)item->vip->conf->step_count;

	out->rule = ANNOUNCE_BY_VERDICT;
	if (level == HOLD_DOWN_WITHDRAWN) {
		out->state = ANNOUNCE_WITHDRAWN;
	} else if (level == 0 || steps == 0) {
		out->state = ANNOUNCE_ANNOUNCED;
	} else { /* a ladder may have become shorter */
		out->step = level < steps ? level : steps;
		out->state = ANNOUNCE_DEPREFERRED;
		out->policy = &item->vip->conf->ladder[out->step - 1].policy;
	}
}

/* On top of what was told last, once: while it lasts nothing is told again. */
static void decide_drain(struct announcement *item, enum announcer_drain drain,
			 struct decision *out)
{
	if (drain == ANNOUNCER_WITHDRAWS) {
		out->state = ANNOUNCE_WITHDRAWN;
		out->rule = ANNOUNCE_DRAINED;
		return;
	}
	if (item->policy != &item->drain) {
		item->drain = *out->policy;
		bgp_policy_add_community(&item->drain, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	}
	out->state = ANNOUNCE_DEPREFERRED;
	out->rule = ANNOUNCE_DRAINING;
	out->policy = &item->drain;
}

/* The rules, the strongest first. */
static void decide(const struct announcer *announcer, struct announcement *item,
		   struct decision *out)
{
	*out = (struct decision){ .policy = item->base };
	if (announcer->stopping) {
		out->state = ANNOUNCE_WITHDRAWN;
		out->rule = ANNOUNCE_STOPPING;
	} else if (!item->vip) {
		out->state = ANNOUNCE_ANNOUNCED;
		out->rule = ANNOUNCE_IDENTITY;
	} else if (item->missing && vip_is_wanted(item->vip)) {
		out->state = ANNOUNCE_WITHDRAWN;
		out->rule = ANNOUNCE_MISSING;
	} else {
		decide_by_verdict(item, out);
	}
	if (announcer->drain != ANNOUNCER_PREFERS && item->vip && !announcer->stopping &&
	    out->state != ANNOUNCE_WITHDRAWN)
		decide_drain(item, announcer->drain, out);
}

static const char *verdict_text(const struct vip *vip)
{
	switch (vip->state) {
	case HEALTH_UNKNOWN:
		return "has no verdict yet";
	case HEALTH_UP:
		return "is up";
	case HEALTH_DOWN:
		return "is down";
	}
	return "";
}

static void write_verdict(struct announcement *item)
{
	const struct vip *vip = item->vip;
	const size_t size = sizeof(item->reason);
	size_t len;

	if (vip->conf->announce == LB_ANNOUNCE_ALWAYS)
		snprintf(item->reason, size,
			 "vip %s is announced while the daemon lives, whatever its verdict",
			 vip->conf->name);
	else
		snprintf(item->reason, size, "vip %s %s: %s", vip->conf->name, verdict_text(vip),
			 vip->reason);
	len = strlen(item->reason);
	if (item->step > 0 && item->hold_down.wanted == item->hold_down.level)
		snprintf(item->reason + len, size - len,
			 "; step %u of its ladder: fewer than %u origins are healthy", item->step,
			 vip->conf->ladder[item->step - 1].healthy_below);
	else if (item->step > 0)
		snprintf(item->reason + len, size - len, "; still step %u of its ladder",
			 item->step);
}

static void write_reason(struct announcement *item)
{
	switch (item->rule) {
	case ANNOUNCE_AS_NOTED:
		return;
	case ANNOUNCE_STOPPING:
		snprintf(item->reason, sizeof(item->reason), "the daemon is stopping");
		return;
	case ANNOUNCE_IDENTITY:
		snprintf(item->reason, sizeof(item->reason),
			 "the identity is announced while the daemon lives");
		return;
	case ANNOUNCE_MISSING:
		snprintf(item->reason, sizeof(item->reason),
			 "vip %s: an address in it cannot be put on this machine",
			 item->vip->conf->name);
		return;
	case ANNOUNCE_DRAINING:
		snprintf(item->reason, sizeof(item->reason),
			 "the daemon is draining: users shall go elsewhere before that is "
			 "withdrawn");
		return;
	case ANNOUNCE_DRAINED:
		snprintf(item->reason, sizeof(item->reason),
			 "the daemon is draining: users have gone elsewhere, or had the time to");
		return;
	case ANNOUNCE_BY_VERDICT:
		write_verdict(item);
		return;
	}
}

static void add(struct announcer *announcer, const struct prefix *prefix, const struct vip *vip,
		const struct lb_conf *conf, struct instant now)
{
	struct announcement *item = &announcer->items[announcer->count++];
	bool always = vip && vip->conf->announce == LB_ANNOUNCE_ALWAYS;

	*item = (struct announcement){
		.prefix = *prefix,
		.vip = vip,
		.base = vip ? &vip->conf->policy : &conf->identity.policy,
		.since = now,
		.detected = now,
		.reason = "the daemon is starting",
	};
	item->policy = item->base;
	hold_down_init(&item->hold_down, always ? 0 : HOLD_DOWN_WITHDRAWN, now);
	timeline_init(&item->timeline, conf->bgp.peer_count);
}

void announcer_init(struct announcer *announcer, const struct lb_conf *conf, const struct vip *vips,
		    struct instant now)
{
	size_t total = conf->identity.prefix_count;

	for (size_t i = 0; i < conf->vip_count; i++)
		total += conf->vips[i].prefix_count;
	*announcer = (struct announcer){ 0 };
	announcer->items = xcalloc(total ? total : 1, sizeof(*announcer->items));
	for (size_t i = 0; i < conf->identity.prefix_count; i++)
		add(announcer, &conf->identity.prefixes[i], NULL, conf, now);
	for (size_t i = 0; i < conf->vip_count; i++)
		for (size_t j = 0; j < conf->vips[i].prefix_count; j++)
			add(announcer, &conf->vips[i].prefixes[j], &vips[i], conf, now);
}

void announcer_fini(struct announcer *announcer)
{
	for (size_t i = 0; i < announcer->count; i++)
		timeline_fini(&announcer->items[i].timeline);
	free(announcer->items);
	*announcer = (struct announcer){ 0 };
}

/* Take the decision over. True when it is another one than before. */
static bool take(struct announcement *item, const struct decision *decision)
{
	bool changed = decision->state != item->state || decision->policy != item->policy;

	item->state = decision->state;
	item->rule = decision->rule;
	item->step = decision->step;
	item->policy = decision->policy;
	item->changed = changed;
	return changed;
}

static void remember(struct announcement *item)
{
	char reason[ANNOUNCE_REASON_SIZE];
	const struct timeline_entry entry = {
		.state = item->state,
		.announced = item->state != ANNOUNCE_WITHDRAWN,
		.detected = item->detected,
		.decided = item->since,
	};

	announcement_reason(item, item->since, reason);
	timeline_add(&item->timeline, &entry, reason);
}

static bool step(const struct announcer *announcer, struct announcement *item, struct instant cause,
		 struct instant now)
{
	struct hold_down *hold_down = &item->hold_down;
	unsigned before = hold_down->level;
	struct decision decision;

	if (item->vip)
		hold_down_step(hold_down, &item->vip->conf->hold_down, wanted_level(item->vip),
			       cause, now);
	decide(announcer, item, &decision);
	if (!take(item, &decision))
		return false;
	item->since = now;
	item->detected = item->rule == ANNOUNCE_BY_VERDICT && hold_down->level != before
				 ? hold_down->wanted_since
				 : cause;
	item->changes++;
	return true;
}

struct instant announcer_step(struct announcer *announcer, struct instant cause, struct instant now,
			      announce_change_fn *on_change, void *ctx)
{
	struct instant next = INSTANT_NEVER;

	for (size_t i = 0; i < announcer->count; i++) {
		struct announcement *item = &announcer->items[i];

		if (step(announcer, item, cause, now) && on_change)
			on_change(ctx, item);
		if (item->vip && !announcer->stopping)
			next = instant_min(next, hold_down_deadline(&item->hold_down,
								    &item->vip->conf->hold_down));
	}
	return next;
}

void announcer_note(struct announcer *announcer)
{
	for (size_t i = 0; i < announcer->count; i++) {
		write_reason(&announcer->items[i]);
		if (announcer->items[i].changed)
			remember(&announcer->items[i]);
	}
}

/* What is told to one peer comes in the order of prefixes, and so mostly in ours. */
const struct timeline_entry *announcer_sent(struct announcer *announcer, size_t peer,
					    const struct prefix *prefix, bool announced,
					    struct instant at)
{
	for (size_t i = 0; i < announcer->count; i++) {
		size_t index = (announcer->last_told + 1 + i) % announcer->count;
		struct announcement *item = &announcer->items[index];

		if (!prefix_equal(&item->prefix, prefix))
			continue;
		announcer->last_told = index;
		return timeline_sent(&item->timeline, peer, announced, at);
	}
	return NULL;
}

void announcer_drain(struct announcer *announcer, enum announcer_drain drain)
{
	announcer->drain = drain;
}

void announcer_stop(struct announcer *announcer)
{
	announcer->stopping = true;
}

const struct announcement *announcer_find(const struct announcer *announcer,
					  const struct prefix *prefix)
{
	for (size_t i = 0; i < announcer->count; i++)
		if (prefix_equal(&announcer->items[i].prefix, prefix))
			return &announcer->items[i];
	return NULL;
}

const struct announcement *announcer_find_held(const struct announcer *announcer,
					       const struct vip *vip)
{
	for (size_t i = 0; i < announcer->count; i++)
		if (announcer->items[i].vip == vip && announcement_is_held(&announcer->items[i]))
			return &announcer->items[i];
	return NULL;
}

bool announcement_is_held(const struct announcement *item)
{
	return item->vip && item->rule == ANNOUNCE_BY_VERDICT &&
	       hold_down_is_holding(&item->hold_down);
}

static double seconds_until(struct instant t, struct instant now)
{
	return (double)(t.ns - now.ns) / (double)NS_PER_S;
}

const char *announcement_reason(const struct announcement *item, struct instant now,
				char buf[ANNOUNCE_REASON_SIZE])
{
	const struct hold_down *h = &item->hold_down;
	size_t len = (size_t)snprintf(buf, ANNOUNCE_REASON_SIZE, "%s", item->reason);
	bool down = item->state != ANNOUNCE_ANNOUNCED && h->until.ns > now.ns;
	struct instant end;

	if (!item->vip || item->rule != ANNOUNCE_BY_VERDICT ||
	    (!down && !announcement_is_held(item)))
		return buf;
	end = announcement_is_held(item) ? hold_down_end(h, &item->vip->conf->hold_down) : h->until;
	if (end.ns > h->until.ns)
		snprintf(buf + len, ANNOUNCE_REASON_SIZE - len,
			 "; it has to stay so for another %.1f s first", seconds_until(end, now));
	else if (h->flaps > 0)
		snprintf(buf + len, ANNOUNCE_REASON_SIZE - len,
			 "; held down for another %.1f s (flap %u)", seconds_until(end, now),
			 h->flaps);
	else
		snprintf(buf + len, ANNOUNCE_REASON_SIZE - len, "; held down for another %.1f s",
			 seconds_until(end, now));
	return buf;
}

/* ---- another configuration ---- */

/* Its policy, as long as the state is the one that there is: not news. */
static void settle(const struct announcer *announcer, struct announcement *item)
{
	struct decision decision;

	decide(announcer, item, &decision);
	if (decision.state == item->state)
		item->policy = decision.policy;
}

static struct announcement *find(const struct announcer *announcer, const struct prefix *prefix)
{
	return (struct announcement *)announcer_find(announcer, prefix);
}

static bool is_same_vip(const struct vip *a, const struct vip *b)
{
	return a && b && strcmp(a->conf->name, b->conf->name) == 0;
}

static const struct announcement *find_of_vip(const struct announcer *announcer,
					      const struct vip *vip)
{
	for (size_t i = 0; i < announcer->count; i++)
		if (is_same_vip(announcer->items[i].vip, vip))
			return &announcer->items[i];
	return NULL;
}

/*
 * The verdict on its VIP is no news: what is not announced yet goes the way of another of the
 * VIP's (or NULL), or it would have to wait for min_up_ms and make the whole VIP wait. was: whose
 * it was, or NULL.
 */
static void join_vip(struct announcement *item, const struct announcement *other,
		     const struct vip *was, struct instant now)
{
	if (!item->vip || is_same_vip(was, item->vip))
		return;
	if (item->state != ANNOUNCE_WITHDRAWN) {
		/* The identity has no verdict that could have been held down. */
		if (!was)
			hold_down_init(&item->hold_down, 0, now);
		return;
	}
	if (other)
		item->hold_down = other->hold_down;
}

/* What is announced always has no verdict that could have withdrawn it. */
static void forget_withdrawal(struct announcement *item, struct instant now)
{
	if (item->vip && item->vip->conf->announce == LB_ANNOUNCE_ALWAYS &&
	    item->hold_down.level == HOLD_DOWN_WITHDRAWN)
		hold_down_init(&item->hold_down, 0, now);
}

static void carry_over(const struct announcer *before, const struct announcer *after,
		       struct announcement *item, struct instant now)
{
	const struct announcement *other = find_of_vip(before, item->vip);
	struct announcement *old = find(before, &item->prefix);
	const struct announcement fresh = *item;

	if (!old) {
		snprintf(item->reason, sizeof(item->reason), "it is new in the configuration");
		join_vip(item, other, NULL, now);
		forget_withdrawal(item, now);
		return;
	}
	timeline_fini(&item->timeline);
	*item = *old;
	old->timeline = (struct timeline){ 0 };
	item->vip = fresh.vip;
	item->base = item->policy = fresh.base;
	join_vip(item, other, old->vip, now);
	forget_withdrawal(item, now);
	settle(after, item);
}

/* Not in after: whoever was told of it hears that it is gone. */
static void take_leave(struct announcer *before, const struct announcer *after, struct instant now,
		       announce_change_fn *on_change, void *ctx)
{
	for (size_t i = 0; i < before->count; i++) {
		struct announcement *item = &before->items[i];

		if (announcer_find(after, &item->prefix) || item->state == ANNOUNCE_WITHDRAWN)
			continue;
		item->state = ANNOUNCE_WITHDRAWN;
		item->rule = ANNOUNCE_AS_NOTED;
		item->since = item->detected = now;
		snprintf(item->reason, sizeof(item->reason),
			 "it is no longer in the configuration");
		if (on_change)
			on_change(ctx, item);
	}
}

void announcer_reload(struct announcer *announcer, const struct lb_conf *conf,
		      const struct vip *vips, struct instant now, announce_change_fn *on_change,
		      void *ctx)
{
	struct announcer next;

	announcer_init(&next, conf, vips, now);
	next.drain = announcer->drain;
	next.stopping = announcer->stopping;
	for (size_t i = 0; i < next.count; i++)
		carry_over(announcer, &next, &next.items[i], now);
	take_leave(announcer, &next, now, on_change, ctx);
	announcer_fini(announcer);
	*announcer = next;
}

void announcer_renumber(struct announcer *announcer, const size_t *was, size_t count)
{
	for (size_t i = 0; i < announcer->count; i++) {
		struct timeline before = announcer->items[i].timeline;

		timeline_follow(&announcer->items[i].timeline, &before, was, count);
	}
}

bool announcer_has_vip(const struct announcer *announcer, const struct vip *vip)
{
	for (size_t i = 0; i < announcer->count; i++)
		if (announcer->items[i].vip == vip &&
		    announcer->items[i].state != ANNOUNCE_WITHDRAWN)
			return true;
	return false;
}

const char *announce_state_name(enum announce_state state)
{
	switch (state) {
	case ANNOUNCE_WITHDRAWN:
		return "withdrawn";
	case ANNOUNCE_DEPREFERRED:
		return "de-preferred";
	case ANNOUNCE_ANNOUNCED:
		return "announced";
	}
	return "";
}
