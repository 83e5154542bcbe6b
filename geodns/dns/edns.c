/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/edns.h"

#include <string.h>

#define EDNS_DO 0x8000
#define EDNS_CO 0x4000
/* Of an OPT record, from its beginning on. */
#define RDLEN_AT 9
/* What padding fills up (RFC 8467, 4.1). */
#define PADDING_BLOCK 468

static unsigned family_bits(uint16_t family)
{
	return family == 1 ? 32 : family == 2 ? 128 : 0;
}

/* RFC 7871, section 6; FAMILY 0 is what some stubs send to opt out (SOURCE 0). */
static bool ecs_decode(struct dns_ecs *out, struct wire_reader r)
{
	struct dns_ecs ecs = { .family = wire_get_u16(&r) };
	const uint8_t *addr;
	size_t len;

	ecs.source_prefix = wire_get_u8(&r);
	ecs.scope_prefix = wire_get_u8(&r);
	len = wire_left(&r);
	addr = wire_get_bytes(&r, len);

	if (r.failed || ecs.family > 2 || ecs.source_prefix > family_bits(ecs.family))
		return false;
	if (ecs.scope_prefix != 0 || len != (ecs.source_prefix + 7u) / 8)
		return false;
	memcpy(ecs.addr, addr, len);
	if (ecs.source_prefix % 8 && ecs.addr[len - 1] & (0xff >> ecs.source_prefix % 8))
		return false;
	*out = ecs;
	return true;
}

static bool option_decode(struct dns_edns *edns, uint16_t code, struct wire_reader r)
{
	switch (code) {
	case DNS_OPTION_ECS:
		if (edns->has_ecs || !ecs_decode(&edns->ecs, r))
			return false;
		edns->has_ecs = true;
		return true;
	case DNS_OPTION_COOKIE:
		/* The first one counts (RFC 7873, 5.2). */
		if (edns->has_cookie)
			return true;
		edns->has_cookie = dns_cookie_decode(&edns->cookie, r);
		return edns->has_cookie;
	case DNS_OPTION_NSID:
		if (edns->has_nsid || wire_left(&r) > 0)
			return false;
		edns->has_nsid = true;
		return true;
	case DNS_OPTION_KEEPALIVE:
		/* A time in a query means nothing (RFC 7828, 3.2.1). */
		edns->has_keepalive = true;
		return true;
	case DNS_OPTION_PADDING:
		edns->has_padding = true;
		return true;
	default:
		return true;
	}
}

static bool options_decode(struct dns_edns *edns, struct wire_reader *r)
{
	while (wire_left(r) > 0) {
		uint16_t code = wire_get_u16(r);
		uint16_t len = wire_get_u16(r);
		const uint8_t *data = wire_get_bytes(r, len);

		if (!data || !option_decode(edns, code, wire_reader(data, len)))
			return false;
	}
	return true;
}

bool dns_edns_decode(struct dns_edns *out, struct wire_reader *r, enum dns_rcode *rcode)
{
	struct dns_edns edns = { .udp_size = wire_get_u16(r) };
	struct wire_reader options;
	const uint8_t *rdata;
	uint16_t flags, len;

	wire_get_u8(r); /* the upper octet of an rcode means nothing in a query */
	edns.version = wire_get_u8(r);
	flags = wire_get_u16(r);
	len = wire_get_u16(r);
	rdata = wire_get_bytes(r, len);
	if (!rdata)
		return false;

	edns.dnssec_ok = flags & EDNS_DO;
	edns.compact_ok = edns.dnssec_ok && flags & EDNS_CO;
	options = wire_reader(rdata, len);
	if (edns.version > 0)
		*rcode = DNS_BADVERS;
	else
		*rcode = options_decode(&edns, &options) ? DNS_NOERROR : DNS_FORMERR;
	*out = edns;
	return true;
}

size_t dns_edns_udp_size(const struct dns_edns *edns)
{
	if (edns->udp_size < DNS_UDP_SIZE_MIN)
		return DNS_UDP_SIZE_MIN;
	return edns->udp_size < DNS_UDP_SIZE_MAX ? edns->udp_size : DNS_UDP_SIZE_MAX;
}

struct addr dns_ecs_addr(const struct dns_ecs *ecs)
{
	if (ecs->source_prefix == 0)
		return (struct addr){ .family = ADDR_NONE };
	return addr_from_bytes(ecs->family == 1 ? ADDR_IPV4 : ADDR_IPV6, ecs->addr);
}

static size_t ecs_size(const struct dns_edns *edns)
{
	return edns->has_ecs ? 4 + (edns->ecs.source_prefix + 7u) / 8 : 0;
}

static size_t cookie_size(const struct dns_edns *edns)
{
	return edns->has_cookie ? sizeof(edns->cookie.client) + edns->cookie.server_len : 0;
}

static size_t options_size(const struct dns_edns *edns, const char *identity)
{
	size_t size = 0;

	if (edns->has_ecs)
		size += 4 + ecs_size(edns);
	if (edns->has_cookie)
		size += 4 + cookie_size(edns);
	if (edns->has_keepalive)
		size += 4 + sizeof(edns->keepalive);
	if (edns->has_nsid && identity)
		size += 4 + strlen(identity);
	return size;
}

size_t dns_edns_size(const struct dns_edns *edns, const char *identity)
{
	return 1 + 2 + 2 + 4 + 2 + options_size(edns, identity);
}

void dns_edns_encode(struct wire_writer *w, const struct dns_edns *edns, enum dns_rcode rcode,
		     uint8_t ecs_scope, const char *identity)
{
	const struct dns_ecs *ecs = &edns->ecs;

	wire_put_u8(w, 0);
	wire_put_u16(w, DNS_TYPE_OPT);
	wire_put_u16(w, DNS_UDP_SIZE_MAX);
	wire_put_u8(w, (uint8_t)(rcode >> 4));
	wire_put_u8(w, 0);
	wire_put_u16(w, (edns->dnssec_ok ? EDNS_DO : 0) | (edns->compact_ok ? EDNS_CO : 0));
	wire_put_u16(w, (uint16_t)options_size(edns, identity));
	if (edns->has_ecs) {
		wire_put_u16(w, DNS_OPTION_ECS);
		wire_put_u16(w, (uint16_t)ecs_size(edns));
		wire_put_u16(w, ecs->family);
		wire_put_u8(w, ecs->source_prefix);
		wire_put_u8(w, ecs_scope);
		wire_put_bytes(w, ecs->addr, ecs_size(edns) - 4);
	}
	if (edns->has_cookie) {
		wire_put_u16(w, DNS_OPTION_COOKIE);
		wire_put_u16(w, (uint16_t)cookie_size(edns));
		wire_put_bytes(w, edns->cookie.client, sizeof(edns->cookie.client));
		wire_put_bytes(w, edns->cookie.server, edns->cookie.server_len);
	}
	if (edns->has_keepalive) {
		wire_put_u16(w, DNS_OPTION_KEEPALIVE);
		wire_put_u16(w, sizeof(edns->keepalive));
		wire_put_u16(w, edns->keepalive);
	}
	if (edns->has_nsid && identity) {
		wire_put_u16(w, DNS_OPTION_NSID);
		wire_put_u16(w, (uint16_t)strlen(identity));
		wire_put_bytes(w, identity, strlen(identity));
	}
}

void dns_edns_pad(struct wire_writer *w, size_t opt_at)
{
	const size_t head = 4, room = (size_t)(w->end - w->pos);
	size_t len = wire_offset(w) + head;
	size_t padding = (PADDING_BLOCK - len % PADDING_BLOCK) % PADDING_BLOCK;

	if (room < head)
		return;
	if (padding > room - head)
		padding = room - head;
	wire_put_u16(w, DNS_OPTION_PADDING);
	wire_put_u16(w, (uint16_t)padding);
	for (size_t i = 0; i < padding; i++)
		wire_put_u8(w, 0);
	wire_patch_u16(w, opt_at + RDLEN_AT, (uint16_t)(wire_offset(w) - opt_at - RDLEN_AT - 2));
}
