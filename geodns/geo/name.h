/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name.h - geographic names: PoPs to choose from, and the choice.
 *
 *	name ── policy ── group europe ── policy ── fra, ams
 *	              └── group america ─ policy ── nyc, sfo
 *
 * A name ranks its groups by its policy, and each group its targets (what is answered for
 * one PoP) by that of the group; a name without groups is one group. The choice is the first
 * target of this ranking that may be answered, or the first few. What may be answered:
 *
 * - never a target that a fence of the client's regions does not admit;
 * - a PoP that somebody has said to be up or down is, whatever its check finds; one that is
 *   being drained counts as dialled to 0;
 * - the first level at which there is one: healthy PoPs whose dial accepts the client's network;
 *   then healthy ones that are not dialled to 0; then any healthy one; then any. How far
 *   this goes is when_all_down: a last resort is answered in place of the second level,
 *   nothing in place of the third.
 *
 * So "none" is never one client's answer alone: resolvers take a negative answer for everybody's
 * (RFC 7871, 7.4). Data and pure functions. The structures are built once by conf_names.c, in
 * the configuration's arena, and then only read, by all threads.
 */
#ifndef GEODNS_GEO_NAME_H
#define GEODNS_GEO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/hash.h"
#include "lib/addr.h"
#include "lib/geo.h"
#include "lib/rise_fall.h"

#define GEO_NO_CHECK	UINT32_MAX
#define GEO_NO_TARGET	UINT16_MAX
#define GEO_NO_POP	UINT16_MAX /* of a last resort */
#define GEO_ANSWERS_MAX 8
#define GEO_ADDRS_MAX	16 /* of one target and family */
#define GEO_GROUPS_MAX	64
#define GEO_FENCES_MAX	64
#define GEO_WEIGHT_MAX	1000
#define GEO_DIAL_MAX	100

struct geo_pop {
	const char *name;
	struct geo_point at;
	double bias_km; /* counts as so much nearer; negative: farther */
};

/* What has been said about a PoP; auto: nothing, its check decides. */
enum geo_pop_state { GEO_POP_AUTO, GEO_POP_UP, GEO_POP_DOWN, GEO_POP_DRAIN };

/* How everything is, at one moment. */
struct geo_health {
	const uint8_t *checks; /* an enum health for each of the configuration's checks */
	const uint8_t *pops;   /* an enum geo_pop_state for each of its pops */
};

enum geo_policy {
	GEO_NEAREST,
	GEO_FAILOVER, /* in the order of the configuration */
	GEO_WEIGHTED, /* by rendezvous hash of the client's network */
	GEO_STICKY,   /* the same, all weights being 1 */
};

extern const char *const geo_policy_names[]; /* by policy; ends with NULL */

/* What a name answers for one PoP. */
struct geo_target {
	uint64_t seed;	 /* of the PoP's name, for the hashes */
	uint64_t fences; /* bit i: the name's fence i admits it */
	uint32_t check;	 /* index into the configuration's checks, or GEO_NO_CHECK */
	uint16_t pop;	 /* index into the configuration's pops, or GEO_NO_POP */
	uint16_t weight; /* 0 to GEO_WEIGHT_MAX */
	uint8_t group;
	uint8_t dial; /* percent of networks that the PoP accepts */
	/* Either a and aaaa or cname, and the same of these in all targets of a name. */
	uint8_t a_count, aaaa_count;
	const struct addr *a, *aaaa;
	const uint8_t *cname; /* in wire form, or NULL */
};

struct geo_group {
	const char *name; /* NULL: of a name without groups */
	uint64_t seed;
	uint16_t first, count; /* in targets */
	uint16_t weight;
	enum geo_policy policy;
};

enum geo_when_all_down { GEO_ALL_DOWN_ALL, GEO_ALL_DOWN_NONE, GEO_ALL_DOWN_LAST_RESORT };

/* RFC 9460: an HTTPS or SVCB record in front of whose hints these octets stand. */
struct geo_service {
	uint16_t len; /* 0: there is no such record */
	const uint8_t *data;
};

struct geo_name {
	const char *text;      /* as configured */
	const uint8_t *owner;  /* in wire form */
	uint32_t ttl, ttl_min; /* at most ttl: while a change is near */
	enum geo_policy policy;
	enum geo_when_all_down when_all_down;
	unsigned answers;		  /* 1 to GEO_ANSWERS_MAX targets; with cname 1 */
	const struct geo_target *targets; /* group by group; listed order within each */
	size_t target_count;		  /* at least 1 */
	const uint16_t *target_of_pop;	  /* by index of a pop: of targets, or GEO_NO_TARGET */
	const struct geo_group *groups;
	size_t group_count;	  /* 1 to GEO_GROUPS_MAX */
	const uint8_t *fences;	  /* by fence: the region (bit of geo_client.regions) */
	size_t fence_count;	  /* up to GEO_FENCES_MAX; each admits a target at least */
	struct geo_target resort; /* the last one, if when_all_down says so */
	struct geo_service https, svcb;
	bool has_cname;		   /* in all targets */
	bool by_place, by_network; /* see geo_name_seal() */
};

/* A client, as far as it decides. */
struct geo_client {
	const uint16_t *order; /* pop_count indices of pops, the nearest first */
	size_t pop_count;
	uint64_t regions; /* bit set of those that it is in */
	uint64_t network; /* geo_network_hash(); needed if the name is by_network */
};

/* At which the choice was made; see above. */
enum geo_level { GEO_ACCEPTING, GEO_DIALLED, GEO_HEALTHY, GEO_ANY, GEO_LAST_RESORT };

struct geo_choice {
	enum geo_level level;
	uint32_t ttl;	/* that of the name, unless the caller knows of a change that is near */
	unsigned count; /* 0: none is to be answered */
	const struct geo_target *targets[GEO_ANSWERS_MAX]; /* the best first */
};

/* Not yet known counts as healthy: a daemon that has just started must answer. */
static inline bool geo_target_is_healthy(const struct geo_target *target,
					 const struct geo_health *health)
{
	const uint8_t said = health->pops[target->pop];

	if (said == GEO_POP_UP || said == GEO_POP_DOWN)
		return said == GEO_POP_UP;
	return target->check == GEO_NO_CHECK || health->checks[target->check] != HEALTH_DOWN;
}

/* May it take new clients, as far as that does not depend on who they are? */
static inline bool geo_target_is_open(const struct geo_target *target,
				      const struct geo_health *health)
{
	return health->pops[target->pop] != GEO_POP_DRAIN && geo_target_is_healthy(target, health);
}

/*
 * Once all but these are set: by_place (the choice depends on order or regions) and by_network (on
 * the network's hash).
 */
void geo_name_seal(struct geo_name *name);
/*
 * How many bits of an address decide, of one that lies in a leaf of that length: the ECS scope. Of
 * one name they never overlap, as leaves and hashed networks both cover every address once.
 */
uint8_t geo_name_scope(const struct geo_name *name, uint8_t leaf_length, uint8_t family);
/*
 * The fences that bind a client: bit set. Those of its regions, in their order, but for one that
 * would leave no target at all beside those before it.
 */
uint64_t geo_name_fences(const struct geo_name *name, uint64_t regions);
/*
 * The targets that may be answered now, as a bit set, 0 for none (but perhaps the last resort): the
 * first of them in the ranking is the choice. For names that are the same for all clients but for
 * this ranking: up to 64 targets, no fences, not by_network.
 */
uint64_t geo_name_mask(const struct geo_name *name, const struct geo_health *health);
void geo_name_choose(struct geo_choice *out, const struct geo_name *name,
		     const struct geo_client *client, const struct geo_health *health);

#endif
