/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/announce.h"

#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

struct decision {
	enum announce_state state;
	const struct bgp_policy *policy;
	char reason[sizeof(((struct announcement *)NULL)->reason)];
};

static void decide_by_verdict(const struct vip *vip, struct decision *out)
{
	const char *verdict = "";

	switch (vip->state) {
	case HEALTH_UNKNOWN:
		verdict = "has no verdict yet";
		break;
	case HEALTH_UP:
		verdict = "is up";
		break;
	case HEALTH_DOWN:
		verdict = "is down";
		break;
	}
	out->state = vip->state == HEALTH_UP ? ANNOUNCE_ANNOUNCED : ANNOUNCE_WITHDRAWN;
	snprintf(out->reason, sizeof(out->reason), "vip %s %s: %s", vip->conf->name, verdict,
		 vip->reason);
}

/* The lowest step that applies; origins that have not answered yet are not held against it. */
static const struct lb_step_conf *find_step(const struct vip *vip)
{
	const struct lb_step_conf *found = NULL;

	for (size_t i = 0; i < vip->conf->step_count; i++)
		if (vip->up + vip->unknown < vip->conf->ladder[i].healthy_below)
			found = &vip->conf->ladder[i];
	return found;
}

/* On top of what was told last, once: while it lasts nothing is told again. */
static void decide_drain(struct announcement *item, struct decision *out)
{
	if (item->policy != &item->drain) {
		item->drain = *out->policy;
		bgp_policy_add_community(&item->drain, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	}
	out->state = ANNOUNCE_DEPREFERRED;
	out->policy = &item->drain;
	snprintf(out->reason, sizeof(out->reason),
		 "the daemon is draining: users shall go elsewhere before it stops");
}

static void decide_preference(const struct announcement *item, struct decision *out)
{
	const struct lb_step_conf *step = NULL;
	size_t len = strlen(out->reason);

	out->policy = item->base;
	if (item->vip && out->state == ANNOUNCE_ANNOUNCED)
		step = find_step(item->vip);
	if (!step)
		return;
	out->state = ANNOUNCE_DEPREFERRED;
	out->policy = &step->policy;
	snprintf(out->reason + len, sizeof(out->reason) - len,
		 "; step %zu of its ladder: fewer than %u origins are healthy",
		 (size_t)(step - item->vip->conf->ladder) + 1, step->healthy_below);
}

/* The rules, the strongest first. */
static void decide(const struct announcer *announcer, const struct announcement *item,
		   struct decision *out)
{
	if (announcer->stopping) {
		out->state = ANNOUNCE_WITHDRAWN;
		snprintf(out->reason, sizeof(out->reason), "the daemon is stopping");
	} else if (!item->vip) {
		out->state = ANNOUNCE_ANNOUNCED;
		snprintf(out->reason, sizeof(out->reason),
			 "the identity is announced while the daemon lives");
	} else if (item->missing && vip_is_wanted(item->vip)) {
		out->state = ANNOUNCE_WITHDRAWN;
		snprintf(out->reason, sizeof(out->reason),
			 "vip %s: an address in it cannot be put on this machine",
			 item->vip->conf->name);
	} else if (item->vip->conf->announce == LB_ANNOUNCE_ALWAYS) {
		out->state = ANNOUNCE_ANNOUNCED;
		snprintf(out->reason, sizeof(out->reason),
			 "vip %s is announced while the daemon lives, whatever its verdict",
			 item->vip->conf->name);
	} else {
		decide_by_verdict(item->vip, out);
	}
}

static void add(struct announcer *announcer, const struct prefix *prefix, const struct vip *vip,
		const struct bgp_policy *policy, struct instant now)
{
	struct announcement *item = &announcer->items[announcer->count++];

	*item = (struct announcement){
		.prefix = *prefix,
		.vip = vip,
		.base = policy,
		.policy = policy,
		.since = now,
		.reason = "the daemon is starting",
	};
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
		add(announcer, &conf->identity.prefixes[i], NULL, &conf->identity.policy, now);
	for (size_t i = 0; i < conf->vip_count; i++)
		for (size_t j = 0; j < conf->vips[i].prefix_count; j++)
			add(announcer, &conf->vips[i].prefixes[j], &vips[i], &conf->vips[i].policy,
			    now);
}

void announcer_fini(struct announcer *announcer)
{
	free(announcer->items);
	*announcer = (struct announcer){ 0 };
}

void announcer_step(struct announcer *announcer, struct instant now, announce_change_fn *on_change,
		    void *ctx)
{
	for (size_t i = 0; i < announcer->count; i++) {
		struct announcement *item = &announcer->items[i];
		struct decision decision;
		bool changed;

		decide(announcer, item, &decision);
		decide_preference(item, &decision);
		if (announcer->draining && item->vip && decision.state != ANNOUNCE_WITHDRAWN)
			decide_drain(item, &decision);
		changed = decision.state != item->state || decision.policy != item->policy;
		item->state = decision.state;
		item->policy = decision.policy;
		memcpy(item->reason, decision.reason, sizeof(item->reason));
		item->changed = changed;
		if (!changed)
			continue;
		item->since = now;
		if (on_change)
			on_change(ctx, item);
	}
}

void announcer_drain(struct announcer *announcer)
{
	announcer->draining = true;
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
