/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scenario.h - what an experiment is: an internet, its users, what breaks when.
 *
 * The in-memory form of testbed/scenarios/NAME.json, loaded whole or not at
 * all. Everything here says what the author wrote, with defaults filled in;
 * addresses, routers and wires follow from it in topology.h. Immutable after
 * loading; one arena holds it. Strings are borrowed from its JSON document.
 */
#ifndef TESTBED_SCENARIO_H
#define TESTBED_SCENARIO_H

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/geo.h"

#define SCENARIO_NETWORKS_MAX 199 /* network n owns 10.n.0.0/16 below the identities */
#define SCENARIO_ROUTERS_MAX  16  /* of one network */
#define SCENARIO_POPS_MAX     23  /* U_1 to U_23 of a variant's block */
#define SCENARIO_VARIANTS_MAX 15
#define SCENARIO_CLIENTS_MAX  256

struct place {
	const char *name; /* as written, or NULL for coordinates */
	struct geo_point point;
};

enum router_kind { ROUTER_BIRD, ROUTER_FRR };

struct scenario_network {
	const char *name;
	uint32_t asn;
	enum router_kind router;
	bool ignores_communities; /* of those who want other preferences */
	/* One router for each place. */
	struct place *places;
	size_t place_count;
};

/*
 * Of a host the lb is the edge. A rack has a router of its own before the lb, which the lb tells
 * its prefixes by iBGP.
 */
enum pop_shape { SHAPE_HOST, SHAPE_RACK };

struct scenario_pop {
	const char *name;
	struct place place;
	enum pop_shape shape;
	enum router_kind router; /* of a rack's edge */
};

/* Of both ends of a wire: what they send and ask for. */
struct scenario_bfd {
	unsigned interval_ms, multiplier;
};

/* What `from` is to `to`. */
enum relation { RELATION_CUSTOMER, RELATION_PEER, RELATION_PROVIDER };

struct scenario_link {
	const char *from, *to; /* a pop, a network or a router "<network>-<city>" */
	enum relation relation;
	double delay_ms; /* one way; negative: from the distance */
	double jitter_ms;
	double loss;		 /* share of packets, 0 to 1 */
	double rate_mbit;	 /* 0: unlimited */
	struct scenario_bfd bfd; /* between a pop and its upstream, where a variant wants it */
};

struct scenario_nameserver {
	const char *name;
	size_t network;
	double delay_ms;
};

enum traffic_kind { TRAFFIC_UDP, TRAFFIC_DNS, TRAFFIC_HTTP, TRAFFIC_SESSION };

struct scenario_traffic {
	enum traffic_kind kind;
	unsigned period_ms;
};

struct scenario_client {
	const char *name;
	size_t network;
	unsigned users;
	bool ecs;
	unsigned stretch_ttl; /* seconds; the resolver keeps nothing shorter */
	const char *cache;    /* "none", "browser", "jvm", "until_restart" */
	double access_ms;
	struct scenario_traffic *traffic;
	size_t traffic_count;
};

enum variant_mode { MODE_GEODNS, MODE_ANYCAST };

struct scenario_variant {
	const char *name;
	enum variant_mode mode;
	unsigned ttl; /* seconds */
	bool bfd;     /* announced by sessions that BFD watches, not by those of the others */
	/* Packets of connections that have come to another pop find theirs; of anycast only. */
	bool continuity;
};

enum fault_kind {
	FAULT_POP_CRASH,
	FAULT_LB_CRASH,
	FAULT_ORIGIN_FAILURE,
	FAULT_LINK_CUT,
	FAULT_CATCHMENT_SHIFT,
	FAULT_DRAIN,
};

/* What shall break. testbed/fault/fault.h says what that means. */
struct fault_order {
	enum fault_kind kind;
	const char *target;   /* a pop; of link_cut a link (topology.h) */
	bool carrier;	      /* of link_cut: both ends see it */
	unsigned deadline_ms; /* of drain: until it goes on without waiting for the users */
};

struct scenario_fault {
	struct fault_order order;
	unsigned at_ms, jitter_ms; /* after the users' start */
	unsigned undo_ms;	   /* after the fault; 0: never */
};

/* How routers pass on what they hear: at once, or as those of the internet do (profile.h). */
enum profile { PROFILE_IDEAL, PROFILE_INTERNET };

enum speaker_kind { SPEAKER_LB, SPEAKER_BIRD };

struct scenario {
	struct arena *arena;
	json_t *json;
	const char *name;
	uint64_t seed;
	unsigned trials;
	enum profile profile;
	enum speaker_kind speaker;
	unsigned hold_time; /* seconds, proposed by the pops */
	struct {
		unsigned interval_ms, timeout_ms, rise, fall;
	} checks;
	struct scenario_bfd bfd; /* of links that do not say otherwise */
	double path_stretch;	 /* of the great-circle distance */
	struct {
		double wires_late_ms, senders_late_ms;
	} limits;	      /* of a valid trial: p99 of the wires, and of the users' sends */
	unsigned ramp_ms;     /* users start within so long */
	unsigned duration_ms; /* of a trial */
	struct scenario_network *networks;
	struct scenario_pop *pops;
	struct scenario_link *links;
	struct scenario_nameserver *nameservers;
	struct scenario_client *clients;
	struct scenario_variant *variants;
	struct scenario_fault *faults;
	size_t network_count, pop_count, link_count, nameserver_count, client_count, variant_count,
		fault_count;
};

/* Takes json over on success only. NULL, and err set, when something is wrong. Pure. */
struct scenario *scenario_load(json_t *json, struct conf_error *err);
/* name is a path or a shipped scenario's name. NULL and err set when that fails. */
struct scenario *scenario_read(const char *name, struct conf_error *err);
/* The same without paths: what strangers name must be shipped. */
struct scenario *scenario_read_shipped(const char *name, struct conf_error *err);
void scenario_free(struct scenario *scenario);

/* Whether any network, or edge of a rack, has a router of this kind. */
bool scenario_has_router(const struct scenario *scenario, enum router_kind kind);
/* Why users of a pop cannot be moved to another by routing alone; NULL: they can. */
const char *scenario_shift_mistake(const struct scenario *scenario);
/* Some variant does. */
bool scenario_wants_bfd(const struct scenario *scenario);
bool scenario_wants_continuity(const struct scenario *scenario);

const char *profile_name(enum profile profile);
const char *fault_kind_name(enum fault_kind kind);
bool fault_kind_parse(enum fault_kind *out, const char *text);
/* Keys "target", and "carrier" and "deadline_ms" where the kind has them. The target may be one
 * that is not there. */
struct fault_order fault_order_load(const struct conf *object, enum fault_kind kind);
/* The part of scenario_load() that comes after the pops. */
void scenario_timeline_load(struct scenario *scenario, const struct conf *root);
const char *traffic_kind_name(enum traffic_kind kind);

#endif
