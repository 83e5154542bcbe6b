/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/path_attr.h"

#include "lb/bgp/notification.h"

enum { ORIGIN_INCOMPLETE = 2 };
enum { AS_SET = 1, AS_SEQUENCE = 2 };

#define WELL_KNOWN	    BGP_ATTR_TRANSITIVE
#define OPTIONAL	    BGP_ATTR_OPTIONAL
#define OPTIONAL_TRANSITIVE (BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE)
#define FLAGS_CHECKED	    (BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE)

/* One attribute as it stands in the message. */
struct attr {
	const uint8_t *whole; /* from the flags on */
	size_t whole_len;
	uint8_t flags, code;
	const uint8_t *value;
	size_t len;
};

/* What is wrong with it, if anything. */
typedef enum bgp_verdict attr_get(struct bgp_attrs *out, const struct attr *attr, unsigned options);

struct attr_rule {
	const char *name; /* NULL: not known */
	uint8_t flags;
	uint16_t min, max;	/* of the value, octets */
	uint8_t multiple;	/* the value's length must be one of this; 0: any */
	enum bgp_verdict wrong; /* what a malformed one means: RFC 7606, section 7 */
	attr_get *get;		/* NULL: checked but not kept */
};

static void judge(struct bgp_attrs *out, enum bgp_verdict verdict, uint8_t code)
{
	if (verdict <= out->verdict)
		return;
	out->verdict = verdict;
	out->malformed = code;
}

static void reset(struct bgp_attrs *out, uint8_t subcode, const struct attr *attr)
{
	judge(out, BGP_UPDATE_RESET, attr ? attr->code : 0);
	if (out->error.code == 0)
		out->error = bgp_error_make(BGP_ERR_UPDATE, subcode, attr ? attr->whole : NULL,
					    attr ? attr->whole_len : 0);
}

static enum bgp_verdict get_origin(struct bgp_attrs *out, const struct attr *attr, unsigned options)
{
	(void)options;
	if (attr->value[0] > ORIGIN_INCOMPLETE)
		return BGP_UPDATE_TREAT_AS_WITHDRAW;
	out->has_origin = true;
	out->origin = attr->value[0];
	return BGP_UPDATE_OK;
}

/* Next segment's members; false at the end or, with r->failed, when malformed. */
static bool next_segment(struct wire_reader *r, bool four_octet, struct wire_reader *members)
{
	uint8_t type, count;
	const uint8_t *bytes;
	size_t len;

	if (r->failed || wire_left(r) == 0)
		return false;
	type = wire_get_u8(r);
	count = wire_get_u8(r);
	len = (size_t)count * (four_octet ? 4 : 2);
	bytes = wire_get_bytes(r, len);
	/* Confederation segments have no place on an external session (RFC 5065, section 5). */
	if (!bytes || count == 0 || (type != AS_SET && type != AS_SEQUENCE)) {
		r->failed = true;
		return false;
	}
	*members = wire_reader(bytes, len);
	return true;
}

/* A path that is not there has no bytes to point to. */
static struct wire_reader path_reader(const struct bgp_as_path *path)
{
	return path->len > 0 ? wire_reader(path->bytes, path->len) : (struct wire_reader){ 0 };
}

/* True when asn is in the path; *malformed unless NULL tells about the path as a whole. */
static bool path_find(const struct bgp_as_path *path, uint32_t asn, bool *malformed)
{
	struct wire_reader r = path_reader(path), members;
	bool found = false;

	while (next_segment(&r, path->four_octet, &members)) {
		while (wire_left(&members) > 0) {
			uint32_t member =
				path->four_octet ? wire_get_u32(&members) : wire_get_u16(&members);

			found |= member == asn;
		}
	}
	if (malformed)
		*malformed = r.failed;
	return found;
}

bool bgp_as_path_contains(const struct bgp_as_path *path, uint32_t asn)
{
	return path_find(path, asn, NULL);
}

unsigned bgp_as_path_length(const struct bgp_as_path *path)
{
	struct wire_reader r = path_reader(path), members;
	unsigned length = 0;

	while (wire_left(&r) > 0) {
		bool is_set = r.pos[0] == AS_SET;

		if (!next_segment(&r, path->four_octet, &members))
			break;
		length += is_set ? 1 : (unsigned)(wire_left(&members) / (path->four_octet ? 4 : 2));
	}
	return length;
}

static enum bgp_verdict get_as_path(struct bgp_attrs *out, const struct attr *attr,
				    unsigned options)
{
	struct bgp_as_path path = { attr->value, attr->len, options & BGP_FOUR_OCTET };
	bool malformed, has_zero = path_find(&path, 0, &malformed);

	if (malformed || has_zero) /* RFC 7607, section 2 */
		return BGP_UPDATE_TREAT_AS_WITHDRAW;
	out->has_as_path = true;
	out->as_path = path;
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_next_hop(struct bgp_attrs *out, const struct attr *attr,
				     unsigned options)
{
	(void)options;
	out->has_next_hop = true;
	out->next_hop = addr_from_bytes(ADDR_IPV4, attr->value);
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_med(struct bgp_attrs *out, const struct attr *attr, unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);

	(void)options;
	out->has_med = true;
	out->med = wire_get_u32(&r);
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_local_pref(struct bgp_attrs *out, const struct attr *attr,
				       unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);

	(void)options;
	out->has_local_pref = true;
	out->local_pref = wire_get_u32(&r);
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_originator_id(struct bgp_attrs *out, const struct attr *attr,
					  unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);

	(void)options;
	out->originator_id = wire_get_u32(&r);
	return BGP_UPDATE_OK;
}

/* AIGP_SESSION is off with all peers (RFC 7311, section 3.3). */
static enum bgp_verdict get_aigp(struct bgp_attrs *out, const struct attr *attr, unsigned options)
{
	(void)out;
	(void)attr;
	(void)options;
	return BGP_UPDATE_ATTR_DISCARDED;
}

static enum bgp_verdict get_aggregator(struct bgp_attrs *out, const struct attr *attr,
				       unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);
	bool four_octet = options & BGP_FOUR_OCTET;
	uint32_t asn = four_octet ? wire_get_u32(&r) : wire_get_u16(&r);

	(void)out;
	if (attr->len != (four_octet ? 8 : 6) || asn == 0) /* RFC 7607, section 2 */
		return BGP_UPDATE_ATTR_DISCARDED;
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_as4_aggregator(struct bgp_attrs *out, const struct attr *attr,
					   unsigned options)
{
	(void)options;
	return get_aggregator(out, attr, BGP_FOUR_OCTET);
}

/* From a peer of four octets it says nothing (RFC 6793, section 4.1). */
static enum bgp_verdict get_as4_path(struct bgp_attrs *out, const struct attr *attr,
				     unsigned options)
{
	const struct bgp_as_path path = { attr->value, attr->len, true };
	bool malformed, has_zero = path_find(&path, 0, &malformed);

	if (malformed || has_zero)
		return BGP_UPDATE_ATTR_DISCARDED;
	if (!(options & BGP_FOUR_OCTET))
		out->as4_path = path;
	return BGP_UPDATE_OK;
}

/* RFC 6793, section 4.2.3: somebody on the way has shortened AS_PATH, so it no longer fits. */
static void drop_longer_as4_path(struct bgp_attrs *attrs)
{
	if (bgp_as_path_length(&attrs->as4_path) > bgp_as_path_length(&attrs->as_path))
		attrs->as4_path = (struct bgp_as_path){ 0 };
}

static enum bgp_verdict get_communities(struct bgp_attrs *out, const struct attr *attr,
					unsigned options)
{
	(void)options;
	out->communities = attr->value;
	out->community_count = attr->len / 4;
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_large(struct bgp_attrs *out, const struct attr *attr, unsigned options)
{
	(void)options;
	out->large = attr->value;
	out->large_count = attr->len / 12;
	return BGP_UPDATE_OK;
}

static enum bgp_verdict get_otc(struct bgp_attrs *out, const struct attr *attr, unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);

	(void)options;
	out->has_otc = true;
	out->otc = wire_get_u32(&r);
	return BGP_UPDATE_OK;
}

/* RFC 4760, section 3; RFC 2545; RFC 8950, section 4. False: wrong length. */
static bool get_mp_next_hop(struct bgp_attrs *out, enum addr_family family, const uint8_t *bytes,
			    size_t len)
{
	size_t size = addr_size(family);

	if (!bytes || (len != size && !(family == ADDR_IPV6 && len == 2 * size)))
		return false;
	out->mp_next_hop = addr_from_bytes(family, bytes);
	if (len > size)
		out->mp_link_local = addr_from_bytes(family, bytes + size);
	return true;
}

static enum bgp_verdict get_mp_reach(struct bgp_attrs *out, const struct attr *attr,
				     unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);
	uint16_t afi = wire_get_u16(&r);
	enum addr_family family = bgp_afi_family(afi, wire_get_u8(&r)), hop_family;
	size_t hop_len = wire_get_u8(&r);
	const uint8_t *hop = wire_get_bytes(&r, hop_len);

	wire_get_u8(&r); /* reserved */
	if (r.failed)
		return BGP_UPDATE_RESET;
	out->has_mp_reach = true;
	if (family == ADDR_NONE)
		return BGP_UPDATE_OK; /* never negotiated: none of our business */
	hop_family = family;
	if (options & BGP_EXTENDED_NEXT_HOP && hop_len != addr_size(ADDR_IPV4))
		hop_family = ADDR_IPV6;
	if (!get_mp_next_hop(out, hop_family, hop, hop_len))
		return BGP_UPDATE_RESET;
	out->mp_reach = (struct bgp_nlri){ family, r.pos, wire_left(&r) };
	return bgp_nlri_valid(&out->mp_reach) ? BGP_UPDATE_OK : BGP_UPDATE_RESET;
}

static enum bgp_verdict get_mp_unreach(struct bgp_attrs *out, const struct attr *attr,
				       unsigned options)
{
	struct wire_reader r = wire_reader(attr->value, attr->len);
	uint16_t afi = wire_get_u16(&r);
	enum addr_family family = bgp_afi_family(afi, wire_get_u8(&r));

	(void)options;
	if (r.failed)
		return BGP_UPDATE_RESET;
	out->has_mp_unreach = true;
	out->mp_unreach = (struct bgp_nlri){ family, r.pos, wire_left(&r) };
	return bgp_nlri_valid(&out->mp_unreach) ? BGP_UPDATE_OK : BGP_UPDATE_RESET;
}

#define ANY_LEN	 UINT16_MAX
#define WITHDRAW BGP_UPDATE_TREAT_AS_WITHDRAW
#define DISCARD	 BGP_UPDATE_ATTR_DISCARDED

/* clang-format off */
static const struct attr_rule rules[BGP_ATTR_CODES] = {
	[BGP_ATTR_ORIGIN] = { "ORIGIN", WELL_KNOWN, 1, 1, 0, WITHDRAW, get_origin },
	[BGP_ATTR_AS_PATH] = { "AS_PATH", WELL_KNOWN, 0, ANY_LEN, 0, WITHDRAW, get_as_path },
	[BGP_ATTR_NEXT_HOP] = { "NEXT_HOP", WELL_KNOWN, 4, 4, 0, WITHDRAW, get_next_hop },
	[BGP_ATTR_MED] = { "MULTI_EXIT_DISC", OPTIONAL, 4, 4, 0, WITHDRAW, get_med },
	[BGP_ATTR_LOCAL_PREF] = { "LOCAL_PREF", WELL_KNOWN, 4, 4, 0, WITHDRAW, get_local_pref },
	[BGP_ATTR_ATOMIC_AGGREGATE] = { "ATOMIC_AGGREGATE", WELL_KNOWN, 0, 0, 0, DISCARD, NULL },
	[BGP_ATTR_AGGREGATOR] = { "AGGREGATOR", OPTIONAL_TRANSITIVE, 6, 8, 2, DISCARD, get_aggregator },
	[BGP_ATTR_COMMUNITIES] = { "COMMUNITIES", OPTIONAL_TRANSITIVE, 4, ANY_LEN, 4, WITHDRAW,
			       get_communities },
	[BGP_ATTR_ORIGINATOR_ID] = { "ORIGINATOR_ID", OPTIONAL, 4, 4, 0, WITHDRAW, get_originator_id },
	[BGP_ATTR_CLUSTER_LIST] = { "CLUSTER_LIST", OPTIONAL, 4, ANY_LEN, 4, WITHDRAW, NULL },
	[BGP_ATTR_MP_REACH] = { "MP_REACH_NLRI", OPTIONAL, 0, ANY_LEN, 0, BGP_UPDATE_RESET,
				get_mp_reach },
	[BGP_ATTR_MP_UNREACH] = { "MP_UNREACH_NLRI", OPTIONAL, 0, ANY_LEN, 0, BGP_UPDATE_RESET,
				  get_mp_unreach },
	[BGP_ATTR_EXT_COMMUNITIES] = { "EXTENDED_COMMUNITIES", OPTIONAL_TRANSITIVE, 8, ANY_LEN, 8,
				   WITHDRAW, NULL },
	[BGP_ATTR_AS4_PATH] = { "AS4_PATH", OPTIONAL_TRANSITIVE, 6, ANY_LEN, 2, DISCARD,
			  get_as4_path },
	[BGP_ATTR_AS4_AGGREGATOR] = { "AS4_AGGREGATOR", OPTIONAL_TRANSITIVE, 8, 8, 0, DISCARD,
				get_as4_aggregator },
	[BGP_ATTR_IPV6_EXT_COMMUNITIES] = { "IPV6_EXTENDED_COMMUNITIES", OPTIONAL_TRANSITIVE, 20, ANY_LEN,
					20, WITHDRAW, NULL },
	[BGP_ATTR_AIGP] = { "AIGP", OPTIONAL, 0, ANY_LEN, 0, DISCARD, get_aigp },
	[BGP_ATTR_LARGE_COMMUNITIES] = { "LARGE_COMMUNITIES", OPTIONAL_TRANSITIVE, 12, ANY_LEN, 12,
				     WITHDRAW, get_large },
	[BGP_ATTR_OTC] = { "OTC", OPTIONAL_TRANSITIVE, 4, 4, 0, WITHDRAW, get_otc },
};
/* clang-format on */

/* Which codes have been met in this message. */
struct seen {
	uint8_t bits[256 / 8];
};

static bool seen_before(struct seen *seen, uint8_t code)
{
	uint8_t bit = (uint8_t)(1U << (code % 8));
	bool before = seen->bits[code / 8] & bit;

	seen->bits[code / 8] |= bit;
	return before;
}

/* RFC 7606, section 7: what only a peer of the own AS may send. */
static bool is_internal_only(uint8_t code)
{
	return code == BGP_ATTR_LOCAL_PREF || code == BGP_ATTR_ORIGINATOR_ID ||
	       code == BGP_ATTR_CLUSTER_LIST || code == BGP_ATTR_AIGP;
}

static void take_known(struct bgp_attrs *out, const struct attr *attr, const struct attr_rule *rule,
		       unsigned options)
{
	enum bgp_verdict verdict;

	/* Whatever its flags, length and value. */
	if (is_internal_only(attr->code) && !(options & BGP_INTERNAL)) {
		judge(out, DISCARD, attr->code);
		return;
	}
	/*
	 * RFC 7606, section 3 (c). Wrong flags say nothing about the value: MP_REACH still tells
	 * what to withdraw.
	 */
	if ((attr->flags & FLAGS_CHECKED) != rule->flags)
		judge(out, WITHDRAW, attr->code);
	if (attr->len < rule->min || attr->len > rule->max ||
	    (rule->multiple && attr->len % rule->multiple != 0)) {
		judge(out, rule->wrong, attr->code);
		return;
	}
	verdict = rule->get ? rule->get(out, attr, options) : BGP_UPDATE_OK;
	if (verdict == BGP_UPDATE_RESET)
		reset(out, BGP_UPDATE_OPTIONAL_ATTR, attr);
	else
		judge(out, verdict, attr->code);
}

static void take(struct bgp_attrs *out, const struct attr *attr, struct seen *seen,
		 unsigned options)
{
	const struct attr_rule *rule =
		attr->code < BGP_ATTR_CODES && rules[attr->code].name ? &rules[attr->code] : NULL;

	if (seen_before(seen, attr->code)) {
		/* RFC 7606, section 3 (g): the first counts, unless it carries routes. */
		if (attr->code == BGP_ATTR_MP_REACH || attr->code == BGP_ATTR_MP_UNREACH)
			reset(out, BGP_UPDATE_MALFORMED_LIST, NULL);
		else
			judge(out, BGP_UPDATE_ATTR_DISCARDED, attr->code);
		return;
	}
	if (rule)
		take_known(out, attr, rule, options);
	else if (!(attr->flags & BGP_ATTR_OPTIONAL))
		reset(out, BGP_UPDATE_UNKNOWN_WELL_KNOWN, attr);
}

const char *bgp_attr_name(uint8_t code)
{
	return code < BGP_ATTR_CODES && rules[code].name ? rules[code].name : "attribute";
}

void bgp_attrs_decode(struct bgp_attrs *attrs, const uint8_t *bytes, size_t len, unsigned options)
{
	struct wire_reader r = wire_reader(bytes, len);
	struct seen seen = { { 0 } };

	*attrs = (struct bgp_attrs){ .verdict = BGP_UPDATE_OK };
	while (wire_left(&r) > 0) {
		struct attr attr = { .whole = r.pos };

		attr.flags = wire_get_u8(&r);
		attr.code = wire_get_u8(&r);
		attr.len = attr.flags & BGP_ATTR_EXTENDED ? wire_get_u16(&r) : wire_get_u8(&r);
		attr.value = wire_get_bytes(&r, attr.len);
		/* The list ends in the middle: RFC 7606, section 4. */
		if (r.failed) {
			judge(attrs, BGP_UPDATE_TREAT_AS_WITHDRAW, attr.code);
			return;
		}
		attr.whole_len = (size_t)(r.pos - attr.whole);
		take(attrs, &attr, &seen, options);
	}
	drop_longer_as4_path(attrs);
}

bool bgp_nlri_next(struct wire_reader *r, enum addr_family family, struct prefix *prefix)
{
	uint8_t raw[16] = { 0 };
	const uint8_t *bytes;
	struct addr addr;
	uint8_t len;

	if (r->failed || wire_left(r) == 0)
		return false;
	len = wire_get_u8(r);
	bytes = len <= addr_bits(family) ? wire_get_bytes(r, (len + 7U) / 8) : NULL;
	if (!bytes) {
		r->failed = true;
		return false;
	}
	memcpy(raw, bytes, (len + 7U) / 8);
	addr = addr_from_bytes(family, raw);
	*prefix = (struct prefix){ .addr = addr_mask(&addr, len), .len = len };
	return true;
}

bool bgp_nlri_valid(const struct bgp_nlri *nlri)
{
	struct wire_reader r = wire_reader(nlri->bytes, nlri->len);
	struct prefix prefix;

	if (nlri->family == ADDR_NONE)
		return true;
	while (bgp_nlri_next(&r, nlri->family, &prefix))
		continue;
	return !r.failed;
}
