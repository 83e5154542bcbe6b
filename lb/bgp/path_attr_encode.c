/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/open.h"
#include "lb/bgp/path_attr.h"

enum { ORIGIN_IGP = 0 };
enum { AS_SEQUENCE = 2 };

#define WELL_KNOWN	    BGP_ATTR_TRANSITIVE
#define OPTIONAL	    BGP_ATTR_OPTIONAL
#define OPTIONAL_TRANSITIVE (BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE)

void bgp_nlri_put(struct wire_writer *w, const struct prefix *prefix)
{
	wire_put_u8(w, prefix->len);
	wire_put_bytes(w, prefix->addr.bytes, (prefix->len + 7U) / 8);
}

size_t bgp_attr_begin(struct wire_writer *w, uint8_t flags, uint8_t code)
{
	wire_put_u8(w, flags | BGP_ATTR_EXTENDED);
	wire_put_u8(w, code);
	wire_put_u16(w, 0);
	return wire_offset(w);
}

void bgp_attr_end(struct wire_writer *w, size_t start)
{
	wire_patch_u16(w, start - 2, (uint16_t)(wire_offset(w) - start));
}

static void put_head(struct wire_writer *w, uint8_t flags, uint8_t code, size_t len)
{
	wire_put_u8(w, len > UINT8_MAX ? flags | BGP_ATTR_EXTENDED : flags);
	wire_put_u8(w, code);
	if (len > UINT8_MAX)
		wire_put_u16(w, (uint16_t)len);
	else
		wire_put_u8(w, (uint8_t)len);
}

/*
 * One AS_SEQUENCE of the own ASN; at most BGP_PREPEND_MAX + 1 members, so that their number fits
 * one octet. Inside the AS the path is empty (RFC 4271, section 5.1.2).
 */
static void put_path(struct wire_writer *w, uint8_t flags, uint8_t code,
		     const struct bgp_route_attrs *attrs, bool four_octet)
{
	uint8_t count = (uint8_t)(attrs->policy.prepend + 1);

	if (attrs->internal) {
		put_head(w, flags, code, 0);
		return;
	}
	put_head(w, flags, code, 2 + (size_t)count * (four_octet ? 4 : 2));
	wire_put_u8(w, AS_SEQUENCE);
	wire_put_u8(w, count);
	for (unsigned i = 0; i < count; i++) {
		if (four_octet)
			wire_put_u32(w, attrs->asn);
		else
			wire_put_u16(w,
				     attrs->asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)attrs->asn);
	}
}

/* RFC 8326, section 4: 0 for what is about to go. */
static void put_local_pref(struct wire_writer *w, const struct bgp_policy *policy)
{
	uint32_t local_pref = BGP_LOCAL_PREF;

	if (bgp_policy_has_community(policy, BGP_COMMUNITY_GRACEFUL_SHUTDOWN))
		local_pref = 0;
	put_head(w, WELL_KNOWN, BGP_ATTR_LOCAL_PREF, 4);
	wire_put_u32(w, local_pref);
}

static void put_communities(struct wire_writer *w, const struct bgp_policy *policy)
{
	if (policy->community_count == 0)
		return;
	put_head(w, OPTIONAL_TRANSITIVE, BGP_ATTR_COMMUNITIES, (size_t)policy->community_count * 4);
	for (size_t i = 0; i < policy->community_count; i++)
		wire_put_u32(w, policy->communities[i]);
}

static void put_large(struct wire_writer *w, const struct bgp_policy *policy)
{
	if (policy->large_count == 0)
		return;
	put_head(w, OPTIONAL_TRANSITIVE, BGP_ATTR_LARGE_COMMUNITIES,
		 (size_t)policy->large_count * 12);
	for (size_t i = 0; i < policy->large_count; i++) {
		wire_put_u32(w, policy->large[i].asn);
		wire_put_u32(w, policy->large[i].data1);
		wire_put_u32(w, policy->large[i].data2);
	}
}

void bgp_attrs_encode(struct wire_writer *w, const struct bgp_route_attrs *attrs)
{
	const struct bgp_policy *policy = &attrs->policy;

	put_head(w, WELL_KNOWN, BGP_ATTR_ORIGIN, 1);
	wire_put_u8(w, ORIGIN_IGP);
	put_path(w, WELL_KNOWN, BGP_ATTR_AS_PATH, attrs, attrs->four_octet);
	if (attrs->next_hop.family == ADDR_IPV4) {
		put_head(w, WELL_KNOWN, BGP_ATTR_NEXT_HOP, 4);
		wire_put_bytes(w, attrs->next_hop.bytes, 4);
	}
	if (policy->has_med) {
		put_head(w, OPTIONAL, BGP_ATTR_MED, 4);
		wire_put_u32(w, policy->med);
	}
	if (attrs->internal)
		put_local_pref(w, policy);
	put_communities(w, policy);
	/* RFC 6793, section 4.2.2: a peer of two octets gets the true path beside. */
	if (!attrs->internal && !attrs->four_octet && attrs->asn > UINT16_MAX)
		put_path(w, OPTIONAL_TRANSITIVE, BGP_ATTR_AS4_PATH, attrs, true);
	put_large(w, policy);
	if (attrs->otc) {
		put_head(w, OPTIONAL_TRANSITIVE, BGP_ATTR_OTC, 4);
		wire_put_u32(w, attrs->asn);
	}
}
