/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_state.h - what the files of front share, and nobody else includes.
 */
#ifndef LB_DATAPLANE_FRONT_STATE_H
#define LB_DATAPLANE_FRONT_STATE_H

#include <net/if.h>

#include "lb/dataplane/front.h"
#include "lb/flow/half_open.h"

/* A map, shared with the program. */
struct front_mapped {
	void *at; /* NULL: it is not */
	size_t octets;
};

struct front_link {
	char interface[IF_NAMESIZE];
	int fd; /* -1: this one is free */
};

struct front {
	struct front_options options;
	char *pin; /* NULL: nothing stays */
	struct front_bpf *object;
	int program, known, probe; /* descriptors, the object's */
	int pop_slots;		   /* so, too: a map */
	struct ring_buffer *ring;
	int turn; /* packets that may still be read in it */
	unsigned processors;
	struct siphash_key key;
	struct flow_secret secret;	/* made of it */
	uint32_t buckets, half_buckets; /* of the tables, powers of two */
	struct front_link links[FRONT_INTERFACES_MAX];
	struct front_live *live;
	uint32_t *spare_tables; /* plane xdp: where a table may be written, the longest unused first
				 */
	uint32_t *tables;	/* by service: where its table begins */
	struct front_vip *vip_slots;
	struct front_pop *pops;
	struct front_origin *origins;
	struct front_asking *asking;
	struct front_chunk16 *maglev;
	struct front_tally *tallies; /* by processor */
	struct flow_bucket *flows, *half;
	struct flow_cap *cap;
	size_t swept; /* where the sweep goes on */
	struct flow_census census,
		sweeping; /* of the last walk, and of the one that is under way */
	uint64_t *networks, *places, *forwarding;
	struct front_mapped maps[16];
	size_t map_count;
};

/*
 * The kernel finds routes for a program only as for packets that it forwards. Ours are looked for
 * as if they had come in by the loopback, where forwarding is allowed for that. Where it cannot be,
 * user space is given the packets to send.
 */
void front_forwarding_allow(struct front *front);
void front_forwarding_restore(struct front *front);

/* Whether the program takes packets of that flow for a VIP's. */
bool front_has_vip(const struct front *front, const struct flow_key *key);
/* CLOCK_MONOTONIC, which the program sees, too. */
struct flow_now front_now(void);
struct flow_place front_flow_place(const struct front *front, const struct flow_key *key,
				   uint64_t *hash);

#endif
