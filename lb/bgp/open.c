/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/open.h"

#include <string.h>

#include "lb/bgp/notification.h"
#include "lib/wire.h"

#define BGP_VERSION 4

enum { PARAM_CAPABILITIES = 2, PARAM_EXTENDED_LENGTH = 255 };
enum {
	CAP_MULTIPROTOCOL = 1,
	CAP_ROUTE_REFRESH = 2,
	CAP_EXTENDED_NEXT_HOP = 5,
	CAP_ROLE = 9,
	CAP_GRACEFUL_RESTART = 64,
	CAP_FOUR_OCTET_ASN = 65,
	CAP_ENHANCED_REFRESH = 70,
};

enum { RESTART_R = 0x8000, RESTART_N = 0x4000, RESTART_F = 0x80 };

static struct bgp_error open_error(uint8_t subcode)
{
	return bgp_error_make(BGP_ERR_OPEN, subcode, NULL, 0);
}

/* What has been seen while the capabilities are walked through. */
struct capability_walk {
	struct bgp_open *open;
	bool multiprotocol; /* at least one */
	bool malformed;
	bool role_mismatch; /* two roles that are not the same */
};

static void get_multiprotocol(struct capability_walk *walk, const uint8_t *value, size_t len)
{
	struct wire_reader r = wire_reader(value, len);
	uint16_t afi = wire_get_u16(&r);
	uint8_t safi;

	wire_get_u8(&r); /* reserved */
	safi = wire_get_u8(&r);
	if (r.failed || wire_left(&r) > 0) {
		walk->malformed = true;
		return;
	}
	walk->multiprotocol = true;
	walk->open->ipv4 |= bgp_afi_family(afi, safi) == ADDR_IPV4;
	walk->open->ipv6 |= bgp_afi_family(afi, safi) == ADDR_IPV6;
}

static void get_four_octet_asn(struct capability_walk *walk, const uint8_t *value, size_t len)
{
	struct wire_reader r = wire_reader(value, len);
	uint32_t asn = wire_get_u32(&r);

	if (r.failed || wire_left(&r) > 0) {
		walk->malformed = true;
		return;
	}
	walk->open->four_octet_asn = true;
	walk->open->asn = asn;
}

/* RFC 8950, section 4: any number of AFI, SAFI (in two octets) and the next hop's AFI. */
static void get_extended_next_hop(struct capability_walk *walk, const uint8_t *value, size_t len)
{
	struct wire_reader r = wire_reader(value, len);

	while (!r.failed && wire_left(&r) > 0) {
		uint16_t afi = wire_get_u16(&r), safi = wire_get_u16(&r), hop = wire_get_u16(&r);

		walk->open->extended_next_hop |= !r.failed && safi == BGP_SAFI_UNICAST &&
						 afi == bgp_afi_of(ADDR_IPV4) &&
						 hop == bgp_afi_of(ADDR_IPV6);
	}
	walk->malformed |= r.failed;
}

static void get_role(struct capability_walk *walk, const uint8_t *value, size_t len)
{
	enum bgp_role role;

	if (len != 1) {
		walk->malformed = true;
		return;
	}
	if (value[0] >= BGP_ROLE_PEER) { /* one that is not known fits none */
		walk->role_mismatch = true;
		return;
	}
	role = (enum bgp_role)(value[0] + BGP_ROLE_PROVIDER);
	walk->role_mismatch |= walk->open->role != BGP_ROLE_NONE && walk->open->role != role;
	walk->open->role = role;
}

/* RFC 4724, section 3; of several the last counts. */
static void get_restart(struct capability_walk *walk, const uint8_t *value, size_t len)
{
	struct bgp_restart *restart = &walk->open->restart;
	struct wire_reader r = wire_reader(value, len);
	uint16_t head = wire_get_u16(&r);

	memset(restart, 0, sizeof(*restart));
	walk->open->graceful_restart = true;
	restart->restarting = head & RESTART_R;
	restart->notification = head & RESTART_N;
	restart->time = head & BGP_RESTART_TIME_MAX;
	while (!r.failed && wire_left(&r) > 0) {
		uint16_t afi = wire_get_u16(&r);
		enum addr_family family = bgp_afi_family(afi, wire_get_u8(&r));
		bool kept = wire_get_u8(&r) & RESTART_F;

		if (family == ADDR_IPV4) {
			restart->ipv4 = true;
			restart->ipv4_kept = kept;
		} else if (family == ADDR_IPV6) {
			restart->ipv6 = true;
			restart->ipv6_kept = kept;
		}
	}
	walk->malformed |= r.failed;
}

/* The value of one capabilities parameter: any number of code, length, value. */
static void get_capabilities(struct capability_walk *walk, const uint8_t *bytes, size_t size)
{
	struct wire_reader r = wire_reader(bytes, size);

	while (!r.failed && wire_left(&r) > 0) {
		uint8_t code = wire_get_u8(&r);
		uint8_t len = wire_get_u8(&r);
		const uint8_t *value = wire_get_bytes(&r, len);

		if (!value)
			break;
		if (code == CAP_MULTIPROTOCOL)
			get_multiprotocol(walk, value, len);
		else if (code == CAP_FOUR_OCTET_ASN)
			get_four_octet_asn(walk, value, len);
		else if (code == CAP_ROUTE_REFRESH)
			walk->open->route_refresh = true;
		else if (code == CAP_EXTENDED_NEXT_HOP)
			get_extended_next_hop(walk, value, len);
		else if (code == CAP_ROLE)
			get_role(walk, value, len);
		else if (code == CAP_ENHANCED_REFRESH)
			walk->open->enhanced_refresh = true;
		else if (code == CAP_GRACEFUL_RESTART)
			get_restart(walk, value, len);
	}
	walk->malformed |= r.failed;
}

/* Cut the optional parameters out of the body; RFC 9072, section 2, for the extended form. */
static struct wire_reader get_parameters(struct wire_reader *r, bool *extended)
{
	size_t len = wire_get_u8(r);
	const uint8_t *bytes;

	*extended = len > 0 && wire_left(r) > 0 && r->pos[0] == PARAM_EXTENDED_LENGTH;
	if (*extended) {
		wire_get_u8(r);
		len = wire_get_u16(r);
	}
	bytes = wire_get_bytes(r, len);
	return bytes ? wire_reader(bytes, len) : *r;
}

static struct bgp_error walk_parameters(struct capability_walk *walk, struct wire_reader params,
					bool extended)
{
	while (!params.failed && wire_left(&params) > 0) {
		uint8_t type = wire_get_u8(&params);
		size_t len = extended ? wire_get_u16(&params) : wire_get_u8(&params);
		const uint8_t *value = wire_get_bytes(&params, len);

		if (!value)
			return open_error(BGP_OPEN_UNSPECIFIC);
		if (type != PARAM_CAPABILITIES)
			return open_error(BGP_OPEN_BAD_PARAMETER);
		get_capabilities(walk, value, len);
	}
	if (params.failed || walk->malformed)
		return open_error(BGP_OPEN_UNSPECIFIC);
	if (walk->role_mismatch)
		return open_error(BGP_OPEN_ROLE_MISMATCH);
	return (struct bgp_error){ 0 };
}

struct bgp_error bgp_open_decode(struct bgp_open *open, const uint8_t *body, size_t len)
{
	struct wire_reader r = wire_reader(body, len), params;
	uint8_t version = wire_get_u8(&r);
	struct bgp_open msg;
	struct capability_walk walk = { .open = &msg };
	struct bgp_error err;
	uint16_t my_as;
	bool extended;

	memset(&msg, 0, sizeof(msg));
	my_as = wire_get_u16(&r);
	msg.asn = my_as;
	msg.hold_time = wire_get_u16(&r);
	msg.router_id = wire_get_u32(&r);
	/* Another version may look different from here on. */
	if (!r.failed && version != BGP_VERSION)
		return bgp_error_make(BGP_ERR_OPEN, BGP_OPEN_BAD_VERSION,
				      (uint8_t[]){ 0, BGP_VERSION }, 2);
	params = get_parameters(&r, &extended);
	if (r.failed || wire_left(&r) > 0)
		return open_error(BGP_OPEN_UNSPECIFIC);
	err = walk_parameters(&walk, params, extended);
	if (err.code != 0)
		return err;
	if (my_as == 0 || msg.asn == 0) /* RFC 7607 */
		return open_error(BGP_OPEN_BAD_ASN);
	if (msg.router_id == 0)
		return open_error(BGP_OPEN_BAD_ROUTER_ID);
	if (msg.hold_time == 1 || msg.hold_time == 2)
		return open_error(BGP_OPEN_BAD_HOLD_TIME);
	if (!walk.multiprotocol)
		msg.ipv4 = true;
	*open = msg;
	return (struct bgp_error){ 0 };
}

static void put_multiprotocol(struct wire_writer *w, enum addr_family family)
{
	wire_put_u8(w, CAP_MULTIPROTOCOL);
	wire_put_u8(w, 4);
	wire_put_u16(w, bgp_afi_of(family));
	wire_put_u8(w, 0);
	wire_put_u8(w, BGP_SAFI_UNICAST);
}

static void put_restart_family(struct wire_writer *w, enum addr_family family, bool kept)
{
	wire_put_u16(w, bgp_afi_of(family));
	wire_put_u8(w, BGP_SAFI_UNICAST);
	wire_put_u8(w, kept ? RESTART_F : 0);
}

static void put_restart(struct wire_writer *w, const struct bgp_restart *restart)
{
	wire_put_u8(w, CAP_GRACEFUL_RESTART);
	wire_put_u8(w, (uint8_t)(2 + 4 * (restart->ipv4 + restart->ipv6)));
	wire_put_u16(w, (uint16_t)((restart->restarting ? RESTART_R : 0) |
				   (restart->notification ? RESTART_N : 0) | restart->time));
	if (restart->ipv4)
		put_restart_family(w, ADDR_IPV4, restart->ipv4_kept);
	if (restart->ipv6)
		put_restart_family(w, ADDR_IPV6, restart->ipv6_kept);
}

static void put_capabilities(struct wire_writer *w, const struct bgp_open *open)
{
	if (open->ipv4)
		put_multiprotocol(w, ADDR_IPV4);
	if (open->ipv6)
		put_multiprotocol(w, ADDR_IPV6);
	if (open->route_refresh) {
		wire_put_u8(w, CAP_ROUTE_REFRESH);
		wire_put_u8(w, 0);
	}
	if (open->extended_next_hop) {
		wire_put_u8(w, CAP_EXTENDED_NEXT_HOP);
		wire_put_u8(w, 6);
		wire_put_u16(w, bgp_afi_of(ADDR_IPV4));
		wire_put_u16(w, BGP_SAFI_UNICAST);
		wire_put_u16(w, bgp_afi_of(ADDR_IPV6));
	}
	if (open->enhanced_refresh) {
		wire_put_u8(w, CAP_ENHANCED_REFRESH);
		wire_put_u8(w, 0);
	}
	if (open->role != BGP_ROLE_NONE) {
		wire_put_u8(w, CAP_ROLE);
		wire_put_u8(w, 1);
		wire_put_u8(w, (uint8_t)(open->role - BGP_ROLE_PROVIDER));
	}
	if (open->graceful_restart)
		put_restart(w, &open->restart);
	if (open->four_octet_asn) {
		wire_put_u8(w, CAP_FOUR_OCTET_ASN);
		wire_put_u8(w, 4);
		wire_put_u32(w, open->asn);
	}
}

size_t bgp_open_encode(const struct bgp_open *open, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);
	uint8_t caps[BGP_OPEN_SIZE_MAX];
	struct wire_writer c = wire_writer(caps, sizeof(caps));
	size_t len;

	put_capabilities(&c, open);
	len = wire_written(&c);
	wire_put_u8(&w, BGP_VERSION);
	wire_put_u16(&w, open->asn > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)open->asn);
	wire_put_u16(&w, open->hold_time);
	wire_put_u32(&w, open->router_id);
	wire_put_u8(&w, (uint8_t)(len ? len + 2 : 0));
	if (len) {
		wire_put_u8(&w, PARAM_CAPABILITIES);
		wire_put_u8(&w, (uint8_t)len);
		wire_put_bytes(&w, caps, len);
	}
	return wire_written(&w);
}

/* RFC 5492, section 5: the data lists the capabilities that were missing. */
static struct bgp_error no_common_family(const struct bgp_open *own)
{
	struct bgp_open wanted = { .ipv4 = own->ipv4, .ipv6 = own->ipv6 };
	uint8_t caps[16];
	struct wire_writer w = wire_writer(caps, sizeof(caps));

	put_capabilities(&w, &wanted);
	return bgp_error_make(BGP_ERR_OPEN, BGP_OPEN_BAD_CAPABILITY, caps, wire_written(&w));
}

struct bgp_error bgp_open_negotiate(struct bgp_negotiated *out, const struct bgp_open *own,
				    const struct bgp_open *peer, uint32_t peer_asn)
{
	if (peer_asn ? peer->asn != peer_asn : peer->asn == own->asn)
		return open_error(BGP_OPEN_BAD_ASN);
	if (peer->router_id == own->router_id && peer->asn == own->asn)
		return open_error(BGP_OPEN_BAD_ROUTER_ID);
	if (!bgp_role_fits(own->role, peer->role) ||
	    (own->role_required && peer->role == BGP_ROLE_NONE))
		return open_error(BGP_OPEN_ROLE_MISMATCH);
	*out = (struct bgp_negotiated){
		.ipv4 = own->ipv4 && peer->ipv4,
		.ipv6 = own->ipv6 && peer->ipv6,
		.graceful_restart = own->graceful_restart && peer->graceful_restart,
		.restart_notification = own->restart.notification && peer->restart.notification,
		.four_octet_asn = own->four_octet_asn && peer->four_octet_asn,
		.enhanced_refresh = own->enhanced_refresh && peer->enhanced_refresh,
		.extended_next_hop = own->ipv4 && peer->ipv4 && own->extended_next_hop &&
				     peer->extended_next_hop,
	};
	if (!out->ipv4 && !out->ipv6)
		return no_common_family(own);
	return (struct bgp_error){ 0 };
}
