/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/notification.h"

#include "lb/bgp/frame.h"
#include "lib/wire.h"

enum { AFI_IPV4 = 1, AFI_IPV6 = 2 };

uint16_t bgp_afi_of(enum addr_family family)
{
	return family == ADDR_IPV6 ? AFI_IPV6 : AFI_IPV4;
}

enum addr_family bgp_afi_family(uint16_t afi, uint8_t safi)
{
	if (safi != BGP_SAFI_UNICAST)
		return ADDR_NONE;
	if (afi == AFI_IPV4)
		return ADDR_IPV4;
	return afi == AFI_IPV6 ? ADDR_IPV6 : ADDR_NONE;
}

struct bgp_error bgp_notification_decode(const uint8_t *body, size_t len)
{
	struct wire_reader r = wire_reader(body, len);
	uint8_t code = wire_get_u8(&r);
	uint8_t subcode = wire_get_u8(&r);
	size_t data_len = wire_left(&r);

	if (r.failed)
		return (struct bgp_error){ 0 };
	if (code == BGP_ERR_CEASE && subcode == BGP_CEASE_HARD_RESET && data_len >= 2) {
		code = wire_get_u8(&r);
		subcode = wire_get_u8(&r);
		data_len -= 2;
	}
	return bgp_error_make(code, subcode, r.pos, data_len);
}

bool bgp_notification_is_hard_reset(const uint8_t *body, size_t len)
{
	return len >= 2 && body[0] == BGP_ERR_CEASE && body[1] == BGP_CEASE_HARD_RESET;
}

size_t bgp_notification_encode(const struct bgp_error *err, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);

	wire_put_u8(&w, err->code);
	wire_put_u8(&w, err->subcode);
	wire_put_bytes(&w, err->data, err->data_len);
	return wire_written(&w);
}

bool bgp_refresh_decode(struct bgp_refresh *refresh, const uint8_t *body, size_t len)
{
	struct wire_reader r = wire_reader(body, len);
	uint16_t afi = wire_get_u16(&r);
	uint8_t kind = wire_get_u8(&r);
	uint8_t safi = wire_get_u8(&r);

	if (r.failed || wire_left(&r) > 0)
		return false;
	*refresh = (struct bgp_refresh){ .family = bgp_afi_family(afi, safi), .kind = kind };
	return true;
}

struct bgp_error bgp_refresh_bad_length(const uint8_t *body, size_t len, bool enhanced)
{
	const uint8_t *message = body - BGP_HEADER_SIZE;

	if (enhanced && len > 2 && (body[2] == BGP_REFRESH_BEGIN || body[2] == BGP_REFRESH_END))
		return bgp_error_make(BGP_ERR_ROUTE_REFRESH, BGP_ROUTE_REFRESH_BAD_LENGTH, message,
				      BGP_HEADER_SIZE + len);
	return bgp_error_make(BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, body - 3, 2);
}

size_t bgp_refresh_encode(const struct bgp_refresh *refresh, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);

	wire_put_u16(&w, bgp_afi_of(refresh->family));
	wire_put_u8(&w, refresh->kind);
	wire_put_u8(&w, BGP_SAFI_UNICAST);
	return wire_written(&w);
}
