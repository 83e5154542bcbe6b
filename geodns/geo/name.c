/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each level walks the ranking anew: only when all PoPs are down is there more than one walk, and
 * no list of candidates has to be kept.
 */
#include "geodns/geo/name.h"

const char *const geo_policy_names[] = {
	[GEO_NEAREST] = "nearest",
	[GEO_FAILOVER] = "failover",
	[GEO_WEIGHTED] = "weighted",
	[GEO_STICKY] = "sticky",
	NULL,
};

struct choosing {
	const struct geo_name *name;
	const struct geo_client *client;
	const struct geo_health *health;
	uint64_t fences; /* that bind */
	struct geo_choice *out;
};

static bool is_full(const struct choosing *c)
{
	return c->out->count == c->name->answers;
}

static bool is_admitted(const struct choosing *c, const struct geo_target *t)
{
	return (t->fences & c->fences) == c->fences;
}

static bool is_candidate(const struct choosing *c, const struct geo_target *t)
{
	if (!is_admitted(c, t))
		return false;
	switch (c->out->level) {
	case GEO_ACCEPTING:
		return geo_target_is_open(t, c->health) &&
		       (t->dial == GEO_DIAL_MAX ||
			geo_dial_accepts(c->client->network, t->seed, t->dial));
	case GEO_DIALLED:
		return geo_target_is_open(t, c->health) && t->dial > 0;
	case GEO_HEALTHY:
		return geo_target_is_healthy(t, c->health);
	case GEO_ANY:
		return true;
	case GEO_LAST_RESORT:
		break;
	}
	return false;
}

static void nearest_pick(const struct choosing *c, const struct geo_group *group)
{
	const struct geo_client *client = c->client;

	for (size_t i = 0; i < client->pop_count && !is_full(c); i++) {
		unsigned index = c->name->target_of_pop[client->order[i]];

		/* GEO_NO_TARGET is behind every group. */
		if (index - group->first < group->count &&
		    is_candidate(c, &c->name->targets[index]))
			c->out->targets[c->out->count++] = &c->name->targets[index];
	}
}

static void failover_pick(const struct choosing *c, const struct geo_group *group)
{
	for (unsigned i = 0; i < group->count && !is_full(c); i++) {
		const struct geo_target *t = &c->name->targets[group->first + i];

		if (is_candidate(c, t))
			c->out->targets[c->out->count++] = t;
	}
}

/* The best of the group, as many as there is room for, sorted as they come. */
static void weighted_pick(const struct choosing *c, const struct geo_group *group)
{
	const struct geo_target **best = c->out->targets + c->out->count;
	struct geo_score scores[GEO_ANSWERS_MAX];
	unsigned room = c->name->answers - c->out->count, count = 0;

	for (unsigned i = 0; i < group->count; i++) {
		const struct geo_target *t = &c->name->targets[group->first + i];
		struct geo_score score = { .weight = t->weight };
		unsigned at = count;

		if (!is_candidate(c, t))
			continue;
		score.cost = geo_cost(c->client->network, t->seed);
		while (at > 0 && geo_score_wins(&score, &scores[at - 1]))
			at--;
		if (at == room)
			continue;
		count += count < room;
		for (unsigned k = count - 1; k > at; k--) {
			best[k] = best[k - 1];
			scores[k] = scores[k - 1];
		}
		best[at] = t;
		scores[at] = score;
	}
	c->out->count += count;
}

static void group_pick(const struct choosing *c, const struct geo_group *group)
{
	switch (group->policy) {
	case GEO_NEAREST:
		nearest_pick(c, group);
		return;
	case GEO_FAILOVER:
		failover_pick(c, group);
		return;
	case GEO_WEIGHTED:
	case GEO_STICKY:
		weighted_pick(c, group);
		return;
	}
}

/* A group is as near as its nearest PoP, be that healthy or not: its clients stay with it. */
static void nearest_groups_pick(const struct choosing *c)
{
	const struct geo_client *client = c->client;
	uint64_t done = 0;

	for (size_t i = 0; i < client->pop_count && !is_full(c); i++) {
		uint16_t index = c->name->target_of_pop[client->order[i]];
		const struct geo_target *t;

		if (index == GEO_NO_TARGET)
			continue;
		t = &c->name->targets[index];
		if (done >> t->group & 1 || !is_admitted(c, t))
			continue;
		done |= UINT64_C(1) << t->group;
		group_pick(c, &c->name->groups[t->group]);
	}
}

static struct geo_score group_score(const struct choosing *c, size_t group)
{
	const struct geo_group *g = &c->name->groups[group];

	return (struct geo_score){ geo_cost(c->client->network, g->seed), g->weight };
}

/* Nearly always the best group is enough, so the others are not sorted before they are needed. */
static void weighted_groups_pick(const struct choosing *c)
{
	uint64_t done = 0;

	for (size_t n = 0; n < c->name->group_count && !is_full(c); n++) {
		struct geo_score best_score;
		size_t best = 0;

		while (done >> best & 1)
			best++;
		best_score = group_score(c, best);
		for (size_t i = best + 1; i < c->name->group_count; i++) {
			struct geo_score score = group_score(c, i);

			if (!(done >> i & 1) && geo_score_wins(&score, &best_score)) {
				best = i;
				best_score = score;
			}
		}
		done |= UINT64_C(1) << best;
		group_pick(c, &c->name->groups[best]);
	}
}

static void name_pick(const struct choosing *c)
{
	const struct geo_name *name = c->name;

	if (name->group_count == 1) {
		group_pick(c, name->groups);
		return;
	}
	switch (name->policy) {
	case GEO_NEAREST:
		nearest_groups_pick(c);
		return;
	case GEO_FAILOVER:
		for (size_t i = 0; i < name->group_count && !is_full(c); i++)
			group_pick(c, &name->groups[i]);
		return;
	case GEO_WEIGHTED:
	case GEO_STICKY:
		weighted_groups_pick(c);
		return;
	}
}

static bool fences_admit_any(const struct geo_name *name, uint64_t fences)
{
	for (size_t i = 0; i < name->target_count; i++) {
		if ((name->targets[i].fences & fences) == fences)
			return true;
	}
	return false;
}

uint64_t geo_name_fences(const struct geo_name *name, uint64_t regions)
{
	uint64_t fences = 0;

	for (size_t i = 0; i < name->fence_count; i++) {
		uint64_t fence = UINT64_C(1) << i;

		/* The first one admits a target: conf_names.c has seen to that. */
		if (regions >> name->fences[i] & 1 &&
		    (fences == 0 || fences_admit_any(name, fences | fence)))
			fences |= fence;
	}
	return fences;
}

static const enum geo_level last_level[] = {
	[GEO_ALL_DOWN_ALL] = GEO_ANY,
	[GEO_ALL_DOWN_NONE] = GEO_DIALLED,
	[GEO_ALL_DOWN_LAST_RESORT] = GEO_ACCEPTING,
};

uint64_t geo_name_mask(const struct geo_name *name, const struct geo_health *health)
{
	static const struct geo_client anybody;
	struct geo_choice choice;
	const struct choosing c = {
		.name = name, .client = &anybody, .health = health, .out = &choice
	};
	uint64_t mask = 0;

	for (choice.level = GEO_ACCEPTING; choice.level <= last_level[name->when_all_down] && !mask;
	     choice.level++) {
		for (size_t i = 0; i < name->target_count; i++)
			mask |= (uint64_t)is_candidate(&c, &name->targets[i]) << i;
	}
	return mask;
}

void geo_name_choose(struct geo_choice *out, const struct geo_name *name,
		     const struct geo_client *client, const struct geo_health *health)
{
	const struct choosing c = { .name = name,
				    .client = client,
				    .health = health,
				    .fences = geo_name_fences(name, client->regions),
				    .out = out };

	out->ttl = name->ttl;
	out->count = 0;
	for (out->level = GEO_ACCEPTING; out->level <= last_level[name->when_all_down];
	     out->level++) {
		name_pick(&c);
		if (out->count > 0)
			return;
	}
	out->level = GEO_LAST_RESORT;
	if (name->when_all_down == GEO_ALL_DOWN_LAST_RESORT)
		out->targets[out->count++] = &name->resort;
}

static bool is_hashing(enum geo_policy policy)
{
	return policy == GEO_WEIGHTED || policy == GEO_STICKY;
}

void geo_name_seal(struct geo_name *name)
{
	bool resort = name->when_all_down == GEO_ALL_DOWN_LAST_RESORT;
	bool many = name->target_count > 1;

	/* A name that answers all it has still says in which order. */
	name->by_place = many && (name->fence_count > 0 ||
				  (name->group_count > 1 && name->policy == GEO_NEAREST));
	name->by_network = name->group_count > 1 && is_hashing(name->policy);
	for (size_t i = 0; i < name->group_count; i++) {
		const struct geo_group *g = &name->groups[i];

		name->by_place |= g->count > 1 && g->policy == GEO_NEAREST;
		name->by_network |= g->count > 1 && is_hashing(g->policy);
	}
	for (size_t i = 0; i < name->target_count; i++) {
		uint8_t dial = name->targets[i].dial;

		/* 0 and 100 are the same for every network; and one PoP alone is answered anyhow.
		 */
		name->by_network |= dial > 0 && dial < GEO_DIAL_MAX && (many || resort);
	}
}

uint8_t geo_name_scope(const struct geo_name *name, uint8_t leaf_length, uint8_t family)
{
	uint8_t scope = name->by_place ? leaf_length : 0;

	if (name->by_network && scope < geo_network_length(family))
		scope = geo_network_length(family);
	return scope;
}
