/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front.h - the program in front of the kernel (front.bpf.c), loaded, fed and listened to.
 *
 * It sees packets for VIPs before the kernel does: flows that are here are delivered, flows of
 * other PoPs go there, and of what nobody here knows a copy comes to on_packet, from which the
 * flow's owner is found. What was found goes back by front_flow_learn() and front_flow_refuse().
 *
 *	front_new ── front_own_set, front_pop_set, front_vip_add ── front_attach ... front_free
 *
 * What is pinned (options.pin) goes on without the process: the program stays on its interfaces
 * and the flows in their table until the next process takes both over. Errors are -errno. One
 *thread: the loop's. Addresses are lib/addr.h's; what front_layout.h has, is as there.
 */
#ifndef LB_DATAPLANE_FRONT_H
#define LB_DATAPLANE_FRONT_H

#include <stdbool.h>
#include <stddef.h>

#include "lb/dataplane/front_layout.h"
#include "lb/flow/answerer.h"
#include "lb/flow/table.h"
#include "lib/addr.h"

struct front;

enum front_mode { FRONT_MODE_AUTO, FRONT_MODE_NATIVE, FRONT_MODE_GENERIC };

#define FRONT_INTERFACES_MAX 16

struct front_packet {
	struct flow_key key;
	enum front_kind kind;
	uint64_t at_ns; /* CLOCK_MONOTONIC: when it came in */
	uint8_t tcp_flags;
	bool is_error;	     /* an ICMP error about the flow */
	unsigned pop;	     /* FRONT_RELEASE: to; FRONT_GONE: from */
	unsigned row;	     /* of the VIP */
	const uint8_t *data; /* from the IP header on; borrowed until the callback returns */
	size_t len;
	bool is_cut; /* there was more of it: good for a question, not to be sent on */
};

struct front_options {
	enum front_plane plane;
	uint64_t flows;	   /* that the connection table is made for; 0: a million */
	uint16_t gue_port; /* host order */
	struct front_rate ask_prefix, ask_all; /* burst 0: FRONT_ASK_... */
	uint32_t half_prefix_max;	       /* SYNs of a source network in a second; 0: 1000 */
	unsigned services;		       /* plane xdp: with a Maglev table each */
	uint32_t maglev_size;		       /* entries of such a table, up to 65537 */
	bool long_way_only; /* for tests: no packet goes the program's short way */
	const char *pin; /* a directory on a bpffs, made if it is not there; NULL: nothing stays */
	void (*on_packet)(void *ctx, const struct front_packet *packet);
	void *ctx;
};

#define FRONT_ASK_PREFIX ((struct front_rate){ 4096, 8192 })
#define FRONT_ASK_ALL	 ((struct front_rate){ 32768, 32768 })

/*
 * Loads it; it is on no interface yet. *why is a reason, if that is not the system's. A table that
 * a predecessor has pinned is taken over if it is as large as wanted.
 */
int front_new(struct front **out, const struct front_options *options, const char **why);
/* keep: what is pinned stays, for a successor; else everything is as before. */
void front_free(struct front *front, bool keep);

/*
 * Puts it on an interface, in the place of a pinned predecessor's at once. AUTO: native if a
 * frame to neighbor, which is on that link, is answered; without a neighbor where the driver is
 * not veth; else generic. NATIVE: -ENETUNREACH if there is no answer. Waits up to 1 s for one.
 * *got becomes NATIVE or GENERIC.
 */
int front_attach(struct front *front, const char *interface, enum front_mode mode,
		 const struct addr *neighbor, enum front_mode *got);
/* -ENOENT: it is not there. */
int front_detach(struct front *front, const char *interface);

/* Readable when there are packets for front_read(), which calls on_packet for each. */
int front_fd(const struct front *front);
/*
 * Returns how many there were. At most so many in a turn: under a flood there are always more, and
 * what else is in the loop, checks and the mesh, has to have its turn.
 */
#define FRONT_READ_MAX 128
int front_read(struct front *front);

/* The identity's addresses: GUE to them is ours. -E2BIG: more than FRONT_OWN_MAX. */
int front_own_set(struct front *front, const struct addr *addrs, size_t count);
/*
 * Take packets for a VIP's address; row (< FRONT_VIPS_MAX): of its counters. Plane local: all
 * ports and protocols, port and proto are 0. Plane xdp: service is which Maglev table. -ENOSPC:
 * there are too many. Doing so again changes row and service.
 */
int front_vip_add(struct front *front, const struct endpoint *vip, uint8_t proto, unsigned row,
		  unsigned service);
int front_vip_remove(struct front *front, const struct endpoint *vip, uint8_t proto);
/*
 * A PoP on the mesh, by an index (< FRONT_POPS_MAX) of the caller's, which stays the same. Again
 * when an epoch has changed. NULLs: it is none any more. gue_port: theirs, in host order.
 */
int front_pop_set(struct front *front, unsigned index, const struct gue_path *in,
		  const struct gue_path *out, uint16_t gue_port);

/* ---- flows ---- */

/*
 * Whether a flow is here: of this machine's TCP, or in the table with an origin. *age_ms, unless
 * NULL: since when, as far as the table knows, else 0.
 */
bool front_flow_find(struct front *front, const struct flow_key *key, uint64_t *age_ms);
/* All that is known of it here: front_flow_find(), and how old it is and how idle. */
struct answerer_flow front_flow_look(struct front *front, const struct flow_key *key);
/*
 * The owner has been found: packets go there by themselves. False: a SYN has opened the flow here
 * meanwhile, or the table is full.
 */
bool front_flow_learn(struct front *front, const struct flow_key *key, unsigned pop);
/* Nobody has it: for a second its packets are dropped. */
void front_flow_refuse(struct front *front, const struct flow_key *key);
/* What was learnt is not so any more (FRONT_GONE said by the owner). */
void front_flow_forget(struct front *front, const struct flow_key *key);
/*
 * Everything learnt of PoPs that have gone or have a new life: those of pops[FRONT_POPS_MAX]. Walks
 * the table: 20 ms for a million flows.
 */
void front_pops_forget(struct front *front, const bool *pops);
/* Once a second: looks at a part of the table, all of which is seen in ten minutes. */
void front_sweep(struct front *front);
/* As it was seen by the last sweeps: how many flows are in which state. */
void front_census(const struct front *front, struct flow_census *out);

/*
 * Calls each for the networks of clients, as one address of it (IPv4: ::ffff:a.b.c.0), that were
 * served since the last time: those that have opened a connection, and about once a minute those
 * that use one. Of very many some are left out.
 */
void front_networks_take(struct front *front,
			 void (*each)(void *ctx, const uint8_t client[FLOW_ADDR_SIZE]), void *ctx);

/* ---- plane xdp ---- */

/* index < FRONT_ORIGINS_MAX. from: of the interface by which it is reached. */
int front_origin_set(struct front *front, unsigned index, const uint8_t mac[6], unsigned ifindex,
		     const uint8_t from[6]);
/* Its flows are given to others, which reset them. */
void front_origin_clear(struct front *front, unsigned index);
/*
 * What the caller writes down of each index, FRONT_ORIGINS_MAX words that are 0 at first: pinned
 * with the flows, which know origins by their index.
 */
uint64_t *front_places(struct front *front);
/* How many open flows each has: flows[FRONT_ORIGINS_MAX]. Walks the table: 10 ms for a million. */
void front_origin_flows(const struct front *front, uint32_t *flows);
/* table: maglev_size indices of origins. From the next packet on it is this one. */
int front_service_set(struct front *front, unsigned service, const uint16_t *table);

/* ---- what was counted ---- */

uint64_t front_count(const struct front *front, enum front_count counter);
/* "packets", "known", ... */
const char *front_count_name(enum front_count counter);
void front_vip_count(const struct front *front, unsigned row, struct front_vip_counts *out);
void front_origin_count(const struct front *front, unsigned index, struct front_origin_counts *out);

/* For tests and benches: the program itself. */
int front_program_fd(const struct front *front);

#endif
