/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adj_rib_out.h - what one peer is to be told, and what it has been told (RFC 4271, section 3.2).
 *
 * Pure. The wanted set outlives sessions; what was sent is forgotten with each. Between the two
 * lies what is due: adj_rib_out_next() writes it out as UPDATEs, withdrawals first, prefixes with
 * equal attributes together, End-of-RIB once when the first round of a family is through. What
 * has not changed is not sent again. What is refreshed stands between the two marks of RFC 7313
 * where the peer knows them.
 */
#ifndef LB_BGP_ADJ_RIB_OUT_H
#define LB_BGP_ADJ_RIB_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/policy.h"
#include "lib/addr.h"

/* Prefixes in one message at most. */
#define ADJ_RIB_OUT_BATCH 256

struct adj_rib_out;

/*
 * What a session sets the stage with; a next hop of ADDR_NONE: the family is not spoken. next_hop4
 * may be IPv6 (RFC 8950). link_local, if any, goes beside every IPv6 next hop.
 */
struct adj_rib_out_session {
	uint32_t asn;
	bool four_octet, enhanced_refresh, otc;
	bool internal; /* to a peer of our own AS */
	struct addr next_hop4, next_hop6, link_local;
};

/* What a message says; an UPDATE with count 0 is End-of-RIB. */
struct adj_rib_out_batch {
	enum bgp_message_type type; /* UPDATE, or ROUTE_REFRESH: a mark */
	bool announced;		    /* else withdrawn */
	size_t count;
	struct prefix prefixes[ADJ_RIB_OUT_BATCH];
};

struct adj_rib_out_message {
	size_t size; /* 0: there is none yet */
	struct adj_rib_out_batch batch;
	uint8_t bytes[BGP_MESSAGE_MAX]; /* header included */
};

struct adj_rib_out *adj_rib_out_new(void);
void adj_rib_out_free(struct adj_rib_out *rib);

void adj_rib_out_announce(struct adj_rib_out *rib, const struct prefix *prefix,
			  const struct bgp_policy *policy);
/* Prefixes that are not announced are ignored. */
void adj_rib_out_withdraw(struct adj_rib_out *rib, const struct prefix *prefixes, size_t count);
void adj_rib_out_withdraw_all(struct adj_rib_out *rib);

/* A session is up: everything of its families is due. */
void adj_rib_out_session_up(struct adj_rib_out *rib, const struct adj_rib_out_session *session);
/* It is gone, and with it what the peer had. */
void adj_rib_out_session_down(struct adj_rib_out *rib);
/* What is wanted is not yet all: in this session End-of-RIB waits for the release. */
void adj_rib_out_hold(struct adj_rib_out *rib);
void adj_rib_out_release(struct adj_rib_out *rib);
/*
 * Everything announced in this family is due again (RFC 2918), End-of-RIB is not. To a peer that
 * knows them, the beginning and the end of it are marked (RFC 7313); End-of-RIB comes before.
 */
void adj_rib_out_refresh(struct adj_rib_out *rib, enum addr_family family);

/*
 * Write the next message, and take it as sent; false when nothing is due. message is as this
 * function, for whatever peer, has left it: what is there already is not written again.
 */
bool adj_rib_out_next(struct adj_rib_out *rib, struct adj_rib_out_message *message);

/* Prefixes that the peer has. */
size_t adj_rib_out_sent_count(const struct adj_rib_out *rib);
/* The peer has this prefix; then *policy, unless NULL, is what it was told. */
bool adj_rib_out_has_sent(const struct adj_rib_out *rib, const struct prefix *prefix,
			  struct bgp_policy *policy);

#endif
