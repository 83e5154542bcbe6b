/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * path_attr.h - path attributes of an UPDATE (RFC 4271, section 4.3), and what to do about
 * malformed ones (RFC 7606).
 *
 * Decoding borrows slices of the input and keeps what a speaker needs that takes a default
 * route only; every attribute that it knows is checked nonetheless. Pure.
 */
#ifndef LB_BGP_PATH_ATTR_H
#define LB_BGP_PATH_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/bgp/error.h"
#include "lb/bgp/policy.h"
#include "lib/addr.h"
#include "lib/wire.h"

/* Of the session that a message has come by: what its bytes mean. To be joined by "|". */
enum bgp_session_option {
	BGP_FOUR_OCTET = 1 << 0,	/* RFC 6793 was negotiated */
	BGP_INTERNAL = 1 << 1,		/* the peer is of our own AS */
	BGP_EXTENDED_NEXT_HOP = 1 << 2, /* RFC 8950 was: IPv4 prefixes with IPv6 next hops */
};

/* From harmless to worst; of several mistakes in one message the worst counts. */
enum bgp_verdict {
	BGP_UPDATE_OK,
	BGP_UPDATE_ATTR_DISCARDED,    /* used, less the malformed attribute */
	BGP_UPDATE_TREAT_AS_WITHDRAW, /* what it announces counts as withdrawn */
	BGP_UPDATE_RESET,	      /* the session ends, with an error to send */
};

/* Prefixes in their wire form, known to be well-formed. */
struct bgp_nlri {
	enum addr_family family; /* ADDR_NONE: not there, or not a family of ours */
	const uint8_t *bytes;
	size_t len;
};

struct bgp_as_path {
	const uint8_t *bytes;
	size_t len;
	bool four_octet;
};

struct bgp_attrs {
	enum bgp_verdict verdict;
	struct bgp_error error; /* with BGP_UPDATE_RESET */
	uint8_t malformed;	/* code of the attribute, there or missing, for the log */
	bool has_origin, has_as_path, has_next_hop, has_mp_reach, has_mp_unreach, has_med;
	bool has_otc, has_local_pref;
	uint8_t origin;
	struct bgp_as_path as_path;
	/*
	 * What a peer of two octets passes on of a path whose ASNs need four (RFC 6793, section
	 * 4.2.3); of no length where there is none, or it is longer than AS_PATH.
	 */
	struct bgp_as_path as4_path;
	uint32_t med, otc, local_pref;
	uint32_t originator_id; /* 0: no route reflector has passed it on (RFC 4456) */
	struct addr next_hop;
	struct addr mp_next_hop, mp_link_local; /* the second from a next hop of 32 octets */
	struct bgp_nlri mp_reach, mp_unreach;
	const uint8_t *communities; /* NULL or community_count numbers in network order */
	size_t community_count;
	const uint8_t *large; /* NULL or large_count times twelve octets, also so */
	size_t large_count;
};

/* Never fails: the verdict is in *attrs. options: of enum bgp_session_option. */
void bgp_attrs_decode(struct bgp_attrs *attrs, const uint8_t *bytes, size_t len, unsigned options);
/* As the RFCs have it, "attribute" when there is no rule for it here. */
const char *bgp_attr_name(uint8_t code);
/* The own ASN in a path means a loop (RFC 4271, section 9.1.2). */
bool bgp_as_path_contains(const struct bgp_as_path *path, uint32_t asn);
/* RFC 4271, section 9.1.2.2 (a): a set counts as one. */
unsigned bgp_as_path_length(const struct bgp_as_path *path);

#define BGP_LOCAL_PREF 100 /* as everybody's default */

/* What an announcement carries besides its prefixes. */
struct bgp_route_attrs {
	uint32_t asn; /* own: 1 + policy.prepend times in AS_PATH */
	bool four_octet;
	bool internal; /* to a peer of our own AS: an empty AS_PATH, and LOCAL_PREF */
	bool otc;      /* goes only to customers from here (RFC 9234) */
	/*
	 * Of the prefixes' family, or IPv6 for both (RFC 8950); then link_local, unless of no
	 * family, goes beside it (RFC 2545, section 3).
	 */
	struct addr next_hop, link_local;
	struct bgp_policy policy;
};

/* All but MP_REACH; NEXT_HOP only when the next hop is IPv4. */
void bgp_attrs_encode(struct wire_writer *w, const struct bgp_route_attrs *attrs);
/* Enough for whatever bgp_attrs_encode() writes. */
#define BGP_ATTRS_SIZE_MAX 1536

/* One prefix in wire form, for NLRI of its family. */
void bgp_nlri_put(struct wire_writer *w, const struct prefix *prefix);
/* The next prefix; false at the end or when malformed (then r->failed). Stray bits are cleared. */
bool bgp_nlri_next(struct wire_reader *r, enum addr_family family, struct prefix *prefix);
/* All of it is well-formed. */
bool bgp_nlri_valid(const struct bgp_nlri *nlri);

/* Head of an attribute whose value's length, below 65536, is filled in by bgp_attr_end(). */
size_t bgp_attr_begin(struct wire_writer *w, uint8_t flags, uint8_t code);
void bgp_attr_end(struct wire_writer *w, size_t start);

enum bgp_attr_flag {
	BGP_ATTR_OPTIONAL = 0x80,
	BGP_ATTR_TRANSITIVE = 0x40,
	BGP_ATTR_PARTIAL = 0x20,
	BGP_ATTR_EXTENDED = 0x10,
};
enum bgp_attr_code {
	BGP_ATTR_ORIGIN = 1,
	BGP_ATTR_AS_PATH = 2,
	BGP_ATTR_NEXT_HOP = 3,
	BGP_ATTR_MED = 4,
	BGP_ATTR_LOCAL_PREF = 5,
	BGP_ATTR_ATOMIC_AGGREGATE = 6,
	BGP_ATTR_AGGREGATOR = 7,
	BGP_ATTR_COMMUNITIES = 8,
	BGP_ATTR_ORIGINATOR_ID = 9,
	BGP_ATTR_CLUSTER_LIST = 10,
	BGP_ATTR_MP_REACH = 14,
	BGP_ATTR_MP_UNREACH = 15,
	BGP_ATTR_EXT_COMMUNITIES = 16,
	BGP_ATTR_AS4_PATH = 17,
	BGP_ATTR_AS4_AGGREGATOR = 18,
	BGP_ATTR_IPV6_EXT_COMMUNITIES = 25,
	BGP_ATTR_AIGP = 26,
	BGP_ATTR_LARGE_COMMUNITIES = 32,
	BGP_ATTR_OTC = 35,
	BGP_ATTR_CODES = 36, /* of those known, and one */
};

#endif
