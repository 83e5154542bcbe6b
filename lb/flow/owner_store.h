/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner_store.h - the fixed memory of owner.c: flows under question, and their packets.
 *
 * Flows are found by a keyed hash. A packet belongs to the queue of one flow, or to nobody.
 */
#ifndef LB_FLOW_OWNER_STORE_H
#define LB_FLOW_OWNER_STORE_H

#include "lb/flow/owner.h"

#define OWNER_NONE UINT32_MAX

enum owner_state { OWNER_FREE, OWNER_ASKING, OWNER_SETTLED_STATE, OWNER_REFUSED_STATE };

/* What one PoP has to say about one flow. */
struct owner_voice {
	struct instant born;  /* of a yes: its connection, */
	struct instant used;  /* when its last packet came; long ago: not known */
	uint32_t asked, said; /* owner.c's ticks: last; and what it last answered no to */
	uint8_t tries;
	bool hinted, yes, no;
	bool half_open, fresh; /* of a yes; fresh: used lately */
};

struct owner_flow {
	struct flow_key key;
	enum owner_state state;
	uint32_t generation;  /* of this place */
	uint32_t next;	      /* in the chain, or of the free ones */
	uint32_t first, last; /* packets */
	unsigned queued;
	unsigned awaited; /* PoPs that have been asked and may still answer */
	bool hinted;	  /* some PoP served the client's network */
	bool refreshed;	  /* everybody has been asked once more */
	struct instant started;
	struct instant wave;   /* from then on everybody is asked */
	struct instant newest; /* packet */
	unsigned target;       /* settled */
};

struct owner_kept {
	struct instant at;
	uint32_t next;
	size_t len;
	bool is_reset, is_error, is_cut;
};

struct owner_store {
	struct flow_secret secret;
	unsigned flow_max, packet_count_max, packet_max, pops;
	/*
	 * PoPs of which something is known are below this, which only grows: voices from here on
	 * have never been touched. There is room for many more than there are, and each question
	 * would look at them all.
	 */
	unsigned known;
	unsigned flows, packets; /* in use */
	struct owner_flow *flow;
	struct instant *due;	    /* of each flow; apart, since they are looked through often */
	struct owner_voice *voices; /* pops for every flow */
	uint32_t *heads;	    /* of chains, mask + 1 of them */
	uint32_t mask;
	struct owner_kept *kept;
	uint8_t *bytes; /* packet_max for every packet */
	uint32_t free_flow, free_packet;
};

void owner_store_init(struct owner_store *store, const struct owner_conf *conf);
void owner_store_fini(struct owner_store *store);
/* NULL: none. */
struct owner_flow *owner_store_find(struct owner_store *store, const struct flow_key *key);
/* A new one, which it is not to be found yet; NULL: there is no place. */
struct owner_flow *owner_store_add(struct owner_store *store, const struct flow_key *key);
/* With its packets. */
void owner_store_remove(struct owner_store *store, struct owner_flow *flow);
uint32_t owner_store_index(const struct owner_store *store, const struct owner_flow *flow);
struct owner_voice *owner_store_voices(struct owner_store *store, const struct owner_flow *flow);
/* False: no place for it. */
bool owner_store_push(struct owner_store *store, struct owner_flow *flow,
		      const struct owner_packet *packet, struct instant at);
/* The oldest; its octets are borrowed until the next call. False: none is left. */
bool owner_store_pop(struct owner_store *store, struct owner_flow *flow,
		     struct owner_packet *packet);
/*
 * The newest that came by then and may be answered: no reset, no error. It stays, its octets are
 * borrowed. False: there is none.
 */
bool owner_store_newest(struct owner_store *store, const struct owner_flow *flow,
			struct instant until, struct owner_packet *packet);
void owner_store_drop(struct owner_store *store, struct owner_flow *flow);

#endif
