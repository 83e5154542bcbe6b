/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rrsig.h - signing the RRsets of a reply as they are written (RFC 4034, 3; RFC 4035, 2.2).
 *
 * What is signed is read back from the reply, so that whoever writes an RRset only has
 * to say where it begins. A signature is a function of the RRset, the key and the
 * time: validity is cut into halves, each RRset with a phase of its own, and all questions
 * within one half get the same octets, whoever answers them. What is left is never less
 * than half of the validity. It begins an hour early, for clocks that are slow.
 */
#ifndef GEODNS_DNSSEC_RRSIG_H
#define GEODNS_DNSSEC_RRSIG_H

#include <stdbool.h>
#include <stdint.h>

#include "geodns/dns/reply.h"
#include "geodns/dnssec/keys.h"
#include "geodns/dnssec/signer.h"

#define RRSIG_EARLY_S 3600

/* How one reply is signed. */
struct rrsig_signing {
	const struct dnssec_keys *keys; /* NULL: not at all */
	const uint8_t *apex;
	struct dnssec_signer *signer; /* NULL: nothing is remembered and there is no budget */
	uint32_t now;		      /* seconds since 1970 */
	uint32_t per_s;		      /* see dnssec_signer_allow() */
	const uint8_t *invented;      /* the owner's name if the client has made it up, or NULL */
	bool chosen;		      /* the RRset is one of many, as the client's network has it */
	bool alone;		      /* the signature takes the place of what it signs */
	unsigned count, made;	      /* signatures written; of these, new ones */
	bool refused;		      /* the budget was used up */
};

/* The fields of an RRSIG in front of the signer's name. */
struct rrsig_head {
	uint16_t type;
	uint8_t labels;
	uint32_t ttl; /* the original one */
	uint32_t expiration, inception;
	uint16_t tag;
};

/*
 * Write the signature of the RRset that has been written since the mark (one record at least, all
 * of that owner). ttl: the zone's, which the one written may be below. False, and nothing is
 * written, when it does not fit or would be one too many.
 */
bool rrsig_put(struct rrsig_signing *s, struct dns_reply *reply, enum dns_section section,
	       const uint8_t *owner, const struct dns_reply_mark *since, uint32_t ttl);

/* What remains pure of it, for tests. The records are those between start and end of message. */
struct rrsig_rrset {
	const uint8_t *message, *start, *end;
	const uint8_t *owner; /* in the case that was asked, or any other */
};
void rrsig_digest(const struct rrsig_rrset *set, const struct rrsig_head *head, const uint8_t *apex,
		  uint8_t digest[P256_SIZE]);
void rrsig_times(uint32_t now, uint32_t validity_s, const uint8_t *owner, struct rrsig_head *head);

#endif
