/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/nd.h"

#include "lib/wire.h"

#define HOP_LIMIT 255 /* nothing that a router has passed on */

enum { SOLICIT_SIZE = 8, ADVERT_SIZE = 16, OPTION_SOURCE_LINK = 1 };

size_t bgp_nd_encode(enum bgp_nd_type type, uint8_t *buf, size_t size)
{
	static const uint8_t zeroes[12];
	struct wire_writer w = wire_writer(buf, size);

	if (type == BGP_ND_NONE)
		return 0;
	wire_put_u8(&w, (uint8_t)type);
	wire_put_u8(&w, 0);
	wire_put_u16(&w, 0); /* checksum */
	/* Reserved; or hop limit, flags, lifetime and two timers: all unspecified, or none. */
	wire_put_bytes(&w, zeroes, type == BGP_ND_SOLICIT ? SOLICIT_SIZE - 4 : ADVERT_SIZE - 4);
	return wire_written(&w);
}

/* An option of no length makes the message invalid. */
static bool options_valid(struct wire_reader *r, bool *has_source_link)
{
	*has_source_link = false;
	while (!r->failed && wire_left(r) > 0) {
		uint8_t type = wire_get_u8(r);
		size_t len = (size_t)wire_get_u8(r) * 8;

		if (len == 0)
			return false;
		wire_get_bytes(r, len - 2);
		*has_source_link |= type == OPTION_SOURCE_LINK;
	}
	return !r->failed;
}

static bool is_unspecified(const struct addr *addr)
{
	const struct addr any = { .family = ADDR_IPV6 };

	return addr_equal(addr, &any);
}

enum bgp_nd_type bgp_nd_decode(const uint8_t *bytes, size_t len, int hop_limit,
			       const struct addr *from)
{
	struct wire_reader r = wire_reader(bytes, len);
	uint8_t type = wire_get_u8(&r), code = wire_get_u8(&r);
	bool has_source_link;

	if (type != BGP_ND_SOLICIT && type != BGP_ND_ADVERT)
		return BGP_ND_NONE;
	wire_get_bytes(&r, type == BGP_ND_SOLICIT ? SOLICIT_SIZE - 2 : ADVERT_SIZE - 2);
	if (r.failed || code != 0 || hop_limit != HOP_LIMIT || !options_valid(&r, &has_source_link))
		return BGP_ND_NONE;
	if (type == BGP_ND_ADVERT)
		return addr_is_link_local(from) ? BGP_ND_ADVERT : BGP_ND_NONE;
	return is_unspecified(from) && has_source_link ? BGP_ND_NONE : BGP_ND_SOLICIT;
}
