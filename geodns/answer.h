/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answer.h - from a query to its answer (RFC 1034, 4.3.2; RFC 4035, 3.1; RFC 7871; RFC 9824).
 *
 * answer() is one pure function of a snapshot, the query, who sent it and when. Any thread may call
 * it; it keeps nothing, allocates nothing and reads no clock. The request's signer alone is
 * changed: it remembers signatures, which are functions of the same, and how many more may be made
 * (making one allocates for a moment).
 */
#ifndef GEODNS_ANSWER_H
#define GEODNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geodns/dns/cookie.h"
#include "geodns/dns/query.h"
#include "geodns/dns/rr.h"
#include "geodns/dnssec/signer.h"
#include "geodns/rate_limit.h"
#include "geodns/snapshot.h"
#include "lib/addr.h"

/* The longest message: what TCP can carry. */
#define ANSWER_SIZE_MAX 65535

struct answer_request {
	const uint8_t *packet;
	size_t len;
	struct addr client; /* the packet's source: usually a resolver */
	bool tcp;
	bool encrypted; /* nobody else can read the reply; its length is to tell nothing either */
	enum rate_verdict rate;
	uint32_t unix_time; /* seconds since 1970, for cookies and the validity of signatures */
	/* The thread's; NULL: signatures are made anew each time, and as many as are wanted. */
	struct dnssec_signer *signer;
};

/* Whose place decides: the query's client subnet, or else the resolver (RFC 7871, 7.2.1). */
struct answer_client {
	struct addr addr;
	bool is_subnet;	      /* the answer is valid for its network, otherwise for everybody */
	struct geo_leaf leaf; /* in the snapshot's map; the caller's to look up */
};

/* A query that has been read, and for whom it is. */
struct answer_question {
	struct dns_query query;
	struct answer_client client;
};

/* What came of it, for the counters. */
struct answer_result {
	size_t len; /* of the reply; 0: none is to be sent */
	enum dns_rcode rcode;
	bool geographic; /* an address of a geographic name */
	/* Then: which one, the last of a chain, and the best of what it has been answered with. */
	const struct geo_name *name;
	const struct geo_target *target;
	bool ecs; /* the query had a client subnet */
	bool truncated;
	unsigned signatures;	  /* written */
	unsigned signatures_made; /* of these, not remembered from before */
	bool signatures_refused;  /* the budget was used up, so it is truncated */
	bool limited;		  /* it was not answered whole because of the request's rate */
	enum dns_cookie_state cookie;
};

/* out: at least DNS_UDP_SIZE_MAX octets for UDP; for TCP, size bounds the reply. */
struct answer_result answer(const struct snapshot *snap, const struct answer_request *req,
			    uint8_t *out, size_t size);
/* Of a query that has been read; without the leaf. */
void answer_client(struct answer_client *out, const struct dns_query *query,
		   const struct addr *resolver);
/* As answer(), where dns_query_decode() has read the query already. It is used up. */
void answer_decoded(struct answer_result *result, const struct snapshot *snap,
		    const struct answer_request *req, struct answer_question *question,
		    uint8_t *out, size_t size);

#endif
