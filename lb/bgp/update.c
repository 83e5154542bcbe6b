/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/update.h"

#include "lb/bgp/notification.h"

/*
 * Without ORIGIN, AS_PATH or a next hop there is no route (RFC 7606, section 3 (d)). The code of
 * the first that is missing, 0: none is.
 */
static uint8_t missing_mandatory(const struct bgp_update *update)
{
	const struct bgp_attrs *a = &update->attrs;

	if (update->reach.len == 0 && !a->has_mp_reach)
		return 0;
	if (!a->has_origin)
		return BGP_ATTR_ORIGIN;
	if (!a->has_as_path)
		return BGP_ATTR_AS_PATH;
	return update->reach.len > 0 && !a->has_next_hop ? BGP_ATTR_NEXT_HOP : 0;
}

static void judge_missing(struct bgp_update *update)
{
	uint8_t missing = missing_mandatory(update);

	if (missing == 0 || update->attrs.verdict >= BGP_UPDATE_TREAT_AS_WITHDRAW)
		return;
	update->attrs.verdict = BGP_UPDATE_TREAT_AS_WITHDRAW;
	update->attrs.malformed = missing;
}

static enum addr_family end_of_rib(const struct bgp_update *update, size_t attrs_len)
{
	const struct bgp_attrs *a = &update->attrs;

	if (update->withdrawn.len > 0 || update->reach.len > 0)
		return ADDR_NONE;
	if (attrs_len == 0)
		return ADDR_IPV4;
	/* Only MP_UNREACH, and nothing in it: flags, code, length, AFI, SAFI. */
	if (a->has_mp_unreach && a->mp_unreach.len == 0 && attrs_len <= 7)
		return a->mp_unreach.family;
	return ADDR_NONE;
}

static enum bgp_verdict refuse(struct bgp_update *update, uint8_t subcode)
{
	update->attrs.verdict = BGP_UPDATE_RESET;
	update->attrs.error = bgp_error_make(BGP_ERR_UPDATE, subcode, NULL, 0);
	return BGP_UPDATE_RESET;
}

enum bgp_verdict bgp_update_decode(struct bgp_update *update, const uint8_t *body, size_t len,
				   unsigned options)
{
	struct wire_reader r = wire_reader(body, len);
	const uint8_t *withdrawn, *attrs;
	size_t withdrawn_len, attrs_len;

	*update = (struct bgp_update){ 0 };
	withdrawn_len = wire_get_u16(&r);
	withdrawn = wire_get_bytes(&r, withdrawn_len);
	attrs_len = wire_get_u16(&r);
	attrs = wire_get_bytes(&r, attrs_len);
	if (r.failed)
		return refuse(update, BGP_UPDATE_MALFORMED_LIST);
	bgp_attrs_decode(&update->attrs, attrs, attrs_len, options);
	if (update->attrs.verdict == BGP_UPDATE_RESET)
		return BGP_UPDATE_RESET;
	update->withdrawn = (struct bgp_nlri){ ADDR_IPV4, withdrawn, withdrawn_len };
	update->reach = (struct bgp_nlri){ ADDR_IPV4, r.pos, wire_left(&r) };
	if (!bgp_nlri_valid(&update->withdrawn) || !bgp_nlri_valid(&update->reach))
		return refuse(update, BGP_UPDATE_BAD_NETWORK);
	judge_missing(update);
	update->end_of_rib = end_of_rib(update, attrs_len);
	return update->attrs.verdict;
}

static bool contains(const struct bgp_nlri *nlri, const struct prefix *prefix)
{
	struct wire_reader r;
	struct prefix p;

	if (nlri->len == 0 || nlri->family != (enum addr_family)prefix->addr.family)
		return false;
	r = wire_reader(nlri->bytes, nlri->len);
	while (bgp_nlri_next(&r, nlri->family, &p)) {
		if (prefix_equal(&p, prefix))
			return true;
	}
	return false;
}

/* Neither unspecified, loopback nor multicast. */
static bool is_unicast(const struct addr *addr)
{
	static const uint8_t zero[15];

	if (addr->family == ADDR_IPV4)
		return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 224;
	if (memcmp(addr->bytes, zero, sizeof(zero)) == 0 && addr->bytes[15] <= 1)
		return false;
	return addr->bytes[0] != 0xff;
}

/* Of two IPv6 next hops the global one, unless the peer has none and says "::". */
static struct addr mp_next_hop(const struct bgp_attrs *a)
{
	return is_unicast(&a->mp_next_hop) || a->mp_link_local.family == ADDR_NONE
		       ? a->mp_next_hop
		       : a->mp_link_local;
}

int bgp_update_find(const struct bgp_update *update, const struct prefix *prefix, uint32_t own_asn,
		    struct addr *next_hop)
{
	const struct bgp_attrs *a = &update->attrs;
	struct addr hop = { 0 };

	if (contains(&update->reach, prefix))
		hop = a->next_hop;
	else if (contains(&a->mp_reach, prefix))
		hop = mp_next_hop(a);
	else
		return contains(&update->withdrawn, prefix) || contains(&a->mp_unreach, prefix) ? -1
												: 0;
	if (a->verdict >= BGP_UPDATE_TREAT_AS_WITHDRAW || hop.family == ADDR_NONE ||
	    !is_unicast(&hop) || bgp_as_path_contains(&a->as_path, own_asn) ||
	    bgp_as_path_contains(&a->as4_path, own_asn))
		return -1;
	*next_hop = hop;
	return 1;
}

/* As many prefixes as fit before limit, an offset of the writer. */
static size_t put_prefixes(struct wire_writer *w, const struct prefix *prefixes, size_t count,
			   size_t limit)
{
	size_t n = 0;

	while (n < count && wire_offset(w) + 1 + (prefixes[n].len + 7U) / 8 <= limit)
		bgp_nlri_put(w, &prefixes[n++]);
	if (n == 0)
		w->failed = true;
	return w->failed ? 0 : n;
}

static size_t writer_size(const struct wire_writer *w)
{
	return (size_t)(w->end - w->start);
}

/* MP_REACH comes first (RFC 7606, section 5.1), so leave room for the others behind it. */
static size_t announce_mp(struct wire_writer *w, const struct bgp_route_attrs *attrs,
			  const struct prefix *prefixes, size_t count)
{
	bool both = attrs->link_local.family != ADDR_NONE;
	uint8_t rest[BGP_ATTRS_SIZE_MAX];
	struct wire_writer others = wire_writer(rest, sizeof(rest));
	size_t start, attr, taken, size = writer_size(w);

	bgp_attrs_encode(&others, attrs);
	wire_put_u16(w, 0); /* nothing withdrawn */
	start = wire_offset(w);
	wire_put_u16(w, 0);
	attr = bgp_attr_begin(w, BGP_ATTR_OPTIONAL, BGP_ATTR_MP_REACH);
	wire_put_u16(w, bgp_afi_of((enum addr_family)prefixes[0].addr.family));
	wire_put_u8(w, BGP_SAFI_UNICAST);
	wire_put_u8(w, both ? 32 : 16);
	wire_put_bytes(w, attrs->next_hop.bytes, 16);
	wire_put_bytes(w, attrs->link_local.bytes, both ? 16 : 0);
	wire_put_u8(w, 0); /* reserved */
	if (size < wire_written(&others))
		w->failed = true;
	taken = put_prefixes(w, prefixes, count, w->failed ? 0 : size - wire_written(&others));
	bgp_attr_end(w, attr);
	wire_put_bytes(w, rest, wire_written(&others));
	wire_patch_u16(w, start, (uint16_t)(wire_offset(w) - start - 2));
	return w->failed ? 0 : taken;
}

size_t bgp_update_put_announce(struct wire_writer *w, const struct bgp_route_attrs *attrs,
			       const struct prefix *prefixes, size_t count)
{
	size_t start;

	if (attrs->next_hop.family == ADDR_IPV6)
		return announce_mp(w, attrs, prefixes, count);
	wire_put_u16(w, 0); /* nothing withdrawn */
	start = wire_offset(w);
	wire_put_u16(w, 0);
	bgp_attrs_encode(w, attrs);
	wire_patch_u16(w, start, (uint16_t)(wire_offset(w) - start - 2));
	return put_prefixes(w, prefixes, count, writer_size(w));
}

static size_t withdraw_ipv6(struct wire_writer *w, const struct prefix *prefixes, size_t count)
{
	size_t start, attr, taken = 0;

	wire_put_u16(w, 0);
	start = wire_offset(w);
	wire_put_u16(w, 0);
	attr = bgp_attr_begin(w, BGP_ATTR_OPTIONAL, BGP_ATTR_MP_UNREACH);
	wire_put_u16(w, bgp_afi_of(ADDR_IPV6));
	wire_put_u8(w, BGP_SAFI_UNICAST);
	if (count > 0)
		taken = put_prefixes(w, prefixes, count, writer_size(w));
	bgp_attr_end(w, attr);
	wire_patch_u16(w, start, (uint16_t)(wire_offset(w) - start - 2));
	return w->failed ? 0 : taken;
}

size_t bgp_update_put_withdraw(struct wire_writer *w, const struct prefix *prefixes, size_t count)
{
	size_t start, taken;

	if (prefixes[0].addr.family == ADDR_IPV6)
		return withdraw_ipv6(w, prefixes, count);
	start = wire_offset(w);
	wire_put_u16(w, 0);
	/* Two octets are left for the length of the attributes, which is zero. */
	taken = put_prefixes(w, prefixes, count, writer_size(w) - 2);
	wire_patch_u16(w, start, (uint16_t)(wire_offset(w) - start - 2));
	wire_put_u16(w, 0);
	return w->failed ? 0 : taken;
}

void bgp_update_put_end_of_rib(struct wire_writer *w, enum addr_family family)
{
	if (family == ADDR_IPV6) {
		withdraw_ipv6(w, NULL, 0);
		return;
	}
	wire_put_u16(w, 0);
	wire_put_u16(w, 0);
}
