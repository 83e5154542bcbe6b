/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/edns.h"

#include <string.h>

#define EDNS_DO 0x8000
#define EDNS_CO 0x4000
/* Of an OPT record, from its beginning on. */
#define RDLEN_AT 9
/* From the class to the length. */
#define FIXED	    (2 + 4 + 2)
#define OPTION_HEAD 4
/* In its option. */
#define ECS_FAMILY_AT OPTION_HEAD
#define ECS_SCOPE_AT  (ECS_FAMILY_AT + 3)
#define ECS_ADDR_AT   (ECS_FAMILY_AT + 4)
/* What padding fills up (RFC 8467, 4.1). */
#define PADDING_BLOCK 468

static unsigned family_bits(uint16_t family)
{
	return family == 1 ? 32 : family == 2 ? 128 : 0;
}

/* RFC 7871, section 6; FAMILY 0 is what some stubs send to opt out (SOURCE 0). */
static bool ecs_decode(struct dns_ecs *out, struct wire_reader r)
{
	const uint8_t *option = r.pos - OPTION_HEAD;
	const uint16_t family = wire_get_u16(&r);
	const unsigned source = wire_get_u8(&r), scope = wire_get_u8(&r);

	if (r.failed || family > 2 || source > family_bits(family) || scope != 0 ||
	    wire_left(&r) != (source + 7) / 8)
		return false;
	if (source % 8 && r.end[-1] & (0xff >> source % 8))
		return false;
	out->option = option;
	out->option_len = (size_t)(r.end - option);
	out->source_prefix = (uint8_t)source;
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
	const uint8_t *fixed = wire_get_bytes(r, FIXED), *rdata;
	struct wire_reader head, options;
	uint16_t flags, len;

	if (!fixed)
		return false;
	head = wire_reader(fixed, FIXED);
	out->udp_size = wire_get_u16(&head);
	wire_get_u8(&head); /* the upper octet of an rcode means nothing in a query */
	out->version = wire_get_u8(&head);
	flags = wire_get_u16(&head);
	len = wire_get_u16(&head);
	rdata = wire_get_bytes(r, len);
	if (!rdata)
		return false;

	out->dnssec_ok = flags & EDNS_DO;
	out->compact_ok = out->dnssec_ok && flags & EDNS_CO;
	options = wire_reader(rdata, len);
	if (out->version > 0)
		*rcode = DNS_BADVERS;
	else
		*rcode = options_decode(out, &options) ? DNS_NOERROR : DNS_FORMERR;
	return true;
}

size_t dns_edns_udp_size(const struct dns_edns *edns)
{
	if (edns->udp_size < DNS_UDP_SIZE_MIN)
		return DNS_UDP_SIZE_MIN;
	return edns->udp_size < DNS_UDP_SIZE_MAX ? edns->udp_size : DNS_UDP_SIZE_MAX;
}

bool dns_edns_subnet(struct addr *out, const struct dns_edns *edns)
{
	const struct dns_ecs *ecs = &edns->ecs;
	bool is_ipv4;

	if (!edns->has_ecs || ecs->source_prefix == 0)
		return false;
	is_ipv4 = ecs->option[ECS_FAMILY_AT + 1] == 1;
	*out = (struct addr){ .family = is_ipv4 ? ADDR_IPV4 : ADDR_IPV6 };
	memcpy(out->bytes, ecs->option + ECS_ADDR_AT, ecs->option_len - ECS_ADDR_AT);
	return true;
}

static size_t cookie_size(const struct dns_edns *edns)
{
	return edns->has_cookie ? sizeof(edns->cookie.client) + edns->cookie.server_len : 0;
}

static size_t options_size(const struct dns_edns *edns, const char *identity)
{
	size_t size = 0;

	if (edns->has_ecs)
		size += edns->ecs.option_len;
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
	return 1 + 2 + FIXED + options_size(edns, identity);
}

/* Of the OPT record that begins there and ends here. */
static void length_patch(struct wire_writer *w, size_t opt_at)
{
	wire_patch_u16(w, opt_at + RDLEN_AT, (uint16_t)(wire_offset(w) - opt_at - RDLEN_AT - 2));
}

void dns_edns_encode(struct wire_writer *w, const struct dns_edns *edns, enum dns_rcode rcode,
		     uint8_t ecs_scope, const char *identity)
{
	const size_t at = wire_offset(w);
	uint8_t *fixed = wire_put_space(w, 1 + 2 + FIXED);
	struct wire_writer head;

	if (!fixed)
		return;
	head = wire_writer(fixed, 1 + 2 + FIXED);
	wire_put_u8(&head, 0);
	wire_put_u16(&head, DNS_TYPE_OPT);
	wire_put_u16(&head, DNS_UDP_SIZE_MAX);
	wire_put_u8(&head, (uint8_t)(rcode >> 4));
	wire_put_u8(&head, 0);
	wire_put_u16(&head, (edns->dnssec_ok ? EDNS_DO : 0) | (edns->compact_ok ? EDNS_CO : 0));
	if (edns->has_ecs) {
		wire_put_bytes(w, edns->ecs.option, edns->ecs.option_len);
		wire_patch_u8(w, wire_offset(w) - edns->ecs.option_len + ECS_SCOPE_AT, ecs_scope);
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
	length_patch(w, at);
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
	length_patch(w, opt_at);
}
