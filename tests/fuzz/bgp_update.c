/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Odd inputs are a body to decode, even ones describe a message to encode and read back. */
#include <stdlib.h>
#include <string.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/update.h"

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

/* options: of enum bgp_session_option; the lowest also says which default route to look for. */
static void decode(const uint8_t *data, size_t len, unsigned options)
{
	struct prefix prefix = { .addr = { .family = options & 1 ? ADDR_IPV4 : ADDR_IPV6 } };
	struct bgp_update update;
	struct addr hop = { 0 };
	enum bgp_verdict verdict = bgp_update_decode(&update, data, len, options);

	CHECK((verdict == BGP_UPDATE_RESET) == (update.attrs.error.code != 0));
	if (verdict != BGP_UPDATE_RESET && bgp_update_find(&update, &prefix, 64500, &hop) > 0)
		CHECK(verdict < BGP_UPDATE_TREAT_AS_WITHDRAW &&
		      (hop.family == prefix.addr.family || options & BGP_EXTENDED_NEXT_HOP));
}

static struct prefix get_prefix(struct wire_reader *r, enum addr_family family)
{
	uint8_t bytes[16], len = (uint8_t)(wire_get_u8(r) % (addr_bits(family) + 1));
	struct prefix prefix = { .len = len };
	struct addr addr;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = wire_get_u8(r);
	addr = addr_from_bytes(family, bytes);
	prefix.addr = addr_mask(&addr, len);
	return prefix;
}

static void encode(const uint8_t *data, size_t len)
{
	struct wire_reader r = wire_reader(data, len);
	enum addr_family family = wire_get_u8(&r) & 1 ? ADDR_IPV6 : ADDR_IPV4;
	uint32_t asn = wire_get_u32(&r) | 1;
	unsigned options = wire_get_u8(&r) & 7;
	struct bgp_route_attrs attrs = { .asn = asn,
					 .four_octet = options & BGP_FOUR_OCTET,
					 .internal = options & BGP_INTERNAL };
	struct prefix prefixes[64], back;
	uint8_t body[BGP_BODY_MAX];
	struct wire_writer w = wire_writer(body, 1600 + wire_get_u16(&r) % 2400);
	bool by_mp = family == ADDR_IPV6 || options & BGP_EXTENDED_NEXT_HOP;
	struct bgp_update update;
	struct wire_reader nlri;
	size_t count = 1 + wire_get_u8(&r) % 64, taken;

	attrs.next_hop = get_prefix(&r, by_mp ? ADDR_IPV6 : family).addr;
	if (by_mp && asn & 2)
		attrs.link_local = get_prefix(&r, ADDR_IPV6).addr;
	attrs.policy.prepend = wire_get_u8(&r) % (BGP_PREPEND_MAX + 1);
	attrs.policy.has_med = true;
	attrs.policy.med = wire_get_u32(&r);
	for (unsigned n = wire_get_u8(&r) % (BGP_COMMUNITIES_MAX + 1); n > 0; n--)
		bgp_policy_add_community(&attrs.policy, wire_get_u32(&r));
	for (unsigned n = wire_get_u8(&r) % (BGP_COMMUNITIES_MAX + 1); n > 0; n--) {
		const struct bgp_large_community large = { wire_get_u32(&r), n, 0 };

		bgp_policy_add_large(&attrs.policy, &large);
	}
	for (size_t i = 0; i < count; i++)
		prefixes[i] = get_prefix(&r, family);
	taken = bgp_update_put_announce(&w, &attrs, prefixes, count);
	CHECK(taken > 0);
	CHECK(bgp_update_decode(&update, body, wire_written(&w), options) == BGP_UPDATE_OK);
	CHECK(update.attrs.med == attrs.policy.med);
	CHECK(update.attrs.community_count == attrs.policy.community_count);
	CHECK(update.attrs.large_count == attrs.policy.large_count);
	nlri = !by_mp ? wire_reader(update.reach.bytes, update.reach.len)
		      : wire_reader(update.attrs.mp_reach.bytes, update.attrs.mp_reach.len);
	for (size_t i = 0; i < taken; i++)
		CHECK(bgp_nlri_next(&nlri, family, &back) && prefix_equal(&back, &prefixes[i]));
	CHECK(wire_left(&nlri) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] & 1)
		decode(data + 1, len - 1, data[0] >> 1 & 7);
	else
		encode(data + 1, len - 1);
	return 0;
}
