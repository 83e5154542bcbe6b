/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf.h - the configuration of catchment-lb, as docs/lb.md describes it.
 *
 * Loaded whole or not at all, then never changed. Names are resolved: a VIP
 * knows its origins by index. Everything lives as long as the struct lb_conf
 * and is freed with it.
 */
#ifndef LB_CONF_H
#define LB_CONF_H

#include "lb/announce/hold_down.h"
#include "lb/bfd/bfd.h"
#include "lb/bgp/speaker.h"
#include "lb/mesh/core.h"
#include "lib/check.h"
#include "lib/http.h"

#define LB_PREFIXES_MAX	   16
#define LB_ADDRESSES_MAX   64
#define LB_ORIGINS_MAX	   256
#define LB_KEY_MAX	   255 /* as long as the token of a nameserver may be */
#define LB_VIPS_MAX	   256
#define LB_PEERS_MAX	   256 /* with the slots of ranges */
#define LB_LISTEN_MAX	   8
#define LB_COMMUNITIES_MAX 16 /* of one policy; several may meet in a route (bgp/policy.h) */
#define LB_PREPEND_MAX	   16 /* so, too */
#define LB_LADDER_MAX	   8
#define LB_SERVICES_MAX	   16	/* of a VIP */
#define LB_SLOTS_MAX	   2048 /* services on addresses, of all VIPs */
#define LB_WEIGHT_DEFAULT  100

struct lb_origin_conf {
	const char *name;
	const char *check_name;
	struct check_spec check; /* with the origin's address as target */
};

/* A step of the ladder from announced to withdrawn: less wanted with each origin that is lost. */
struct lb_step_conf {
	unsigned healthy_below;	  /* applies while fewer origins are healthy */
	struct bgp_policy policy; /* the VIP's with the step's on top */
};

/* What plane xdp takes packets of, to a VIP's addresses. */
struct lb_service_conf {
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;
};

enum lb_announce_mode { LB_ANNOUNCE_VERDICT, LB_ANNOUNCE_ALWAYS };

struct lb_vip_conf {
	const char *name;
	size_t prefix_count, address_count, origin_count; /* at least 1 each */
	struct prefix *prefixes;
	struct addr *addresses; /* inside prefixes */
	size_t *origins;	/* indices into lb_conf.origins, each once */
	uint32_t *weights;	/* by these, 0 to MAGLEV_WEIGHT_MAX; NULL: all the default */
	size_t service_count;	/* 0 but in plane xdp */
	struct lb_service_conf *services;
	enum lb_announce_mode announce;
	unsigned min_healthy; /* 1 to origin_count */
	unsigned linger_ms;
	bool continuity; /* where the data plane has it */
	struct hold_down_conf hold_down;
	struct bgp_policy policy;
	size_t step_count;
	struct lb_step_conf *ladder; /* the one that asks for most origins first */
};

/* Absent: prefix_count 0. */
struct lb_identity_conf {
	size_t prefix_count, address_count;
	struct prefix *prefixes;
	struct addr *addresses;
	uint16_t port;
	struct bgp_policy policy;
};

/* A session for each BGP peer that has one, by the peer's index; without one its name is NULL. */
struct lb_bfd_conf {
	size_t count; /* sessions */
	struct bfd_spec *specs;
};

#define LB_INTERFACES_MAX 16

/* By which packets for the VIPs come in. */
struct lb_interface_conf {
	const char *name;
	struct addr neighbor; /* on that link, for the test of its driver; ADDR_NONE: none */
};

/* The program in front of the kernel. interface_count 0: off; never so in plane xdp. */
struct lb_continuity_conf {
	size_t interface_count;
	struct lb_interface_conf *interfaces;
	unsigned mode; /* enum front_mode */
	uint32_t flows;
	const char *pin; /* a directory on a bpffs; NULL: none */
	uint16_t mtu;	 /* octets that an IP packet between PoPs may have */
};

enum lb_plane { LB_PLANE_LOCAL, LB_PLANE_XDP };

struct lb_dataplane_conf {
	enum lb_plane plane;
	const char *interface;
	bool routes;
	uint32_t metric; /* of default routes */
	struct lb_continuity_conf continuity;
};

#define LB_GEODNS_MAX 16

/* A nameserver that is told when we drain. */
struct lb_geodns_conf {
	const char *api;       /* as configured: unix:PATH or ADDRESS:PORT */
	const char *unix_path; /* or NULL, and at counts */
	struct endpoint at;
	const char *token; /* NULL: none */
	const char *pop;   /* what we are called there */
};

struct lb_conf {
	const char *pop;
	bool has_api;
	struct http_options api;
	struct lb_identity_conf identity;
	size_t origin_count, vip_count;
	struct lb_origin_conf *origins;
	struct lb_vip_conf *vips;
	struct bgp_speaker_conf bgp;
	struct lb_bfd_conf bfd;
	struct mesh_conf mesh;
	struct lb_dataplane_conf dataplane;
	size_t geodns_count;
	struct lb_geodns_conf *geodns;

	/* What the above borrows from. */
	json_t *document;
	struct arena *arena;
	char *token;
};

/*
 * Load a document, which is taken over also on failure (NULL is one: the read's error is already
 * in err). NULL, and err set, on the first mistake.
 */
struct lb_conf *lb_conf_load(json_t *document, struct conf_error *err);
void lb_conf_free(struct lb_conf *conf);

/* The vip of this name, or NULL. */
const struct lb_vip_conf *lb_conf_vip_find(const struct lb_conf *conf, const char *name);
/* Whether it is one of a VIP or of the identity. */
bool lb_conf_has_prefix(const struct lb_conf *conf, const struct prefix *prefix);
bool lb_conf_has_address(const struct lb_conf *conf, const struct addr *addr);

/* Parts of the loader, for its files. All leave *out usable on a mistake. */
void lb_policy_load(const struct conf *object, const char *key, struct bgp_policy *out);
/*
 * The first line of the file that this names, 1 to max (<= LB_KEY_MAX) bytes, in the arena; ""
 * on a mistake. What it is stays out of messages: they end up in logs.
 */
const char *lb_key_load(const struct conf *at, struct arena *arena, size_t max);
/* Once the identity and the VIPs have been loaded. */
void lb_bgp_conf_load(const struct conf *root, struct lb_conf *conf);
/* What this peer is told of: its "vips" and "identity". */
void lb_only_conf_load(const struct conf *peer, const struct lb_conf *conf, struct bgp_only *out);
/* Of the peers in bgp, which has been loaded. */
void lb_bfd_conf_load(const struct conf *root, struct arena *arena,
		      const struct bgp_speaker_conf *bgp, struct lb_bfd_conf *out);
/* Of nameservers, in geodns. */
void lb_drain_conf_load(const struct conf *root, struct lb_conf *conf);
/* Once the identity and the VIPs have been loaded. */
void lb_mesh_conf_load(const struct conf *root, struct lb_conf *conf);
/* Once the VIPs and the mesh have been loaded. */
void lb_dataplane_conf_load(const struct conf *root, struct lb_conf *conf);
/* The name of item i of an array of objects; a mistake if an earlier item has it too. */
const char *lb_conf_unique_name(const struct conf *array, size_t i, const struct conf *item);

#endif
