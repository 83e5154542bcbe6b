/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * core.h - a PoP's view of all others: peers, keys, what they have told, what they are told.
 *
 * Pure: datagrams come in and go out as octets, time is an argument, chance is given at the start.
 * mesh.h puts it on sockets. Between calls it needs waking no later than mesh_core_deadline().
 *
 * PoPs are known by slots, numbers that stay theirs across reloads, so that tables elsewhere may
 * keep them. Who is new gets the lowest that is free.
 *
 * What is sent for each other PoP is bounded whatever comes: a hello each interval, one for each
 * change, replies and answers under token buckets; chunks of networks share one rate for all. An
 * answer is no longer than its question, so that nothing here amplifies.
 */
#ifndef LB_MESH_CORE_H
#define LB_MESH_CORE_H

#include "lb/mesh/networks.h"
#include "lb/mesh/peer.h"
#include "lb/mesh/seal.h"
#include "lib/addr.h"

#define MESH_POPS_MAX 512
#define MESH_VIPS_MAX 256

/* One of the others, as configured. */
struct mesh_pop_conf {
	const char *name;
	struct endpoint at; /* its mesh */
	uint8_t public_key[MESH_KEY_SIZE];
	struct mesh_keys keys; /* that we share with it */
};

struct mesh_conf {
	bool enabled; /* all else counts only then */
	uint16_t port, gue_port;
	struct mesh_timing timing;
	uint32_t reset_after_ms;
	uint8_t public_key[MESH_KEY_SIZE]; /* ours */
	/* Ours, to send from; ADDR_NONE where no other PoP needs that family. */
	struct addr address4, address6;
	size_t pop_count;
	struct mesh_pop_conf *pops; /* without ourselves */
};

/* What is of one life of this process, at random. */
struct mesh_life {
	uint64_t boot; /* not 0 */
	uint8_t salt[MESH_SALT_SIZE];
	uint32_t epoch; /* of our GUE tags */
};

struct mesh_counters {
	uint64_t sent, received; /* received: those that count */
	uint64_t forged, malformed, replayed, stale, unproven;
	uint64_t limited; /* questions beyond what one PoP may ask */
	uint64_t asked, answered, was_asked;
	uint64_t ups, downs;
};

struct mesh_pop {
	char *name;
	struct endpoint at;
	uint8_t public_key[MESH_KEY_SIZE];
	struct mesh_keys keys;
	uint8_t salt[MESH_SALT_SIZE];
	struct mesh_peer peer;
	struct mesh_counters counters;
	/* What it has told last. */
	enum mesh_word word;
	uint16_t gue_port;
	uint32_t load, epoch, epoch_before; /* epochs: 0 none */
	bool has_epoch_before;
	size_t vip_count;
	struct mesh_vip *vips;
	struct mesh_networks *networks; /* NULL: nothing */
	/* What it is to be told. */
	uint16_t vip_next;
	uint8_t chunks_due, chunks_told; /* as bits; told: ever */
	struct instant next_chunk;
	struct bucket questions;
};

/* A change of a PoP's state. */
struct mesh_change {
	enum mesh_state was, state;
	bool restarted;	    /* a new life of it, of whose flows nothing is known */
	bool removed;	    /* not in the configuration any more: the slot may be another's */
	const char *reason; /* of state; constant */
	int64_t silent_ns;  /* since it was last heard, of what ended in silence; else 0 */
};

/*
 * None may call mesh_core_reload(). All but send may be NULL; without on_ask every question is
 * answered with no.
 */
struct mesh_handlers {
	void *ctx, *send_ctx;
	void (*send)(void *send_ctx, const struct endpoint *to, const uint8_t *datagram,
		     size_t len);
	void (*on_change)(void *ctx, size_t slot, const struct mesh_change *change);
	/* To be answered with mesh_core_answer(), now or later, or not at all. */
	void (*on_ask)(void *ctx, size_t slot, uint64_t id, const uint8_t flow[MESH_FLOW_SIZE]);
	void (*on_answer)(void *ctx, size_t slot, const struct mesh_answer *answer);
	void (*on_gone)(void *ctx, size_t slot, const uint8_t flow[MESH_FLOW_SIZE]);
};

struct mesh_core {
	struct mesh_handlers handlers;
	struct mesh_life life;
	uint64_t births; /* of pops */
	struct mesh_timing timing;
	uint16_t gue_port;
	uint8_t public_key[MESH_KEY_SIZE];
	size_t slot_count;		       /* beyond the last that is taken */
	struct mesh_pop *slots[MESH_POPS_MAX]; /* NULL: free */
	uint16_t by_addr[2 * MESH_POPS_MAX];   /* slot + 1, see find() */
	uint64_t strangers;		       /* datagrams from addresses of nobody */
	/* What the others are told. */
	enum mesh_word word;
	struct instant restart_end;
	uint32_t load;
	size_t vip_count;
	struct mesh_vip vips[MESH_VIPS_MAX];
	struct mesh_served served;
};

void mesh_core_init(struct mesh_core *core, const struct mesh_life *life,
		    const struct mesh_handlers *handlers, struct instant now);
void mesh_core_fini(struct mesh_core *core);
/*
 * Go over to this configuration, the first or another. A PoP that keeps name, place and key keeps
 * all; with another key of ours all begin anew. Who goes is told so; on_change hears of it.
 */
void mesh_core_reload(struct mesh_core *core, const struct mesh_conf *conf, struct instant now);

void mesh_core_receive(struct mesh_core *core, const struct addr *from, const uint8_t *datagram,
		       size_t len, struct instant now);
void mesh_core_step(struct mesh_core *core, struct instant now);
struct instant mesh_core_deadline(const struct mesh_core *core);

/* The PoP in a slot, or NULL; also for slots that there are not. */
const struct mesh_pop *mesh_core_pop(const struct mesh_core *core, size_t slot);
bool mesh_core_is_live(const struct mesh_core *core, size_t slot);

/* From now on all are told this, now for the first time. for_ms: of MESH_RESTARTS. */
void mesh_core_say(struct mesh_core *core, enum mesh_word word, uint32_t for_ms,
		   struct instant now);
/* The same of VIPs (up to MESH_VIPS_MAX) and load; at once only if VIPs are others than before. */
void mesh_core_set_vips(struct mesh_core *core, const struct mesh_vip *vips, size_t count,
			struct instant now);
void mesh_core_set_load(struct mesh_core *core, uint32_t load);
/* What that PoP tells of the VIP with this hash, or NULL. */
const struct mesh_vip *mesh_pop_find_vip(const struct mesh_pop *pop, uint64_t hash);
/* How many PoPs, live and not about to go, announce this VIP and have it up. */
size_t mesh_core_announcers(const struct mesh_core *core, uint64_t hash);

/* False, and nothing is sent: it is not live. */
bool mesh_core_ask(struct mesh_core *core, size_t slot, uint64_t id,
		   const uint8_t flow[MESH_FLOW_SIZE]);
void mesh_core_answer(struct mesh_core *core, size_t slot, const struct mesh_answer *answer);
void mesh_core_gone(struct mesh_core *core, size_t slot, const uint8_t flow[MESH_FLOW_SIZE]);
/* A client served here; clients are 16 octets, as in networks.h. */
void mesh_core_served(struct mesh_core *core, const uint8_t client[16]);
/* Whether that PoP may have served this client's network lately. */
bool mesh_core_may_know(const struct mesh_core *core, size_t slot, const uint8_t client[16]);

#endif
