/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned addr_bits(enum addr_family family)
{
	return family == ADDR_IPV4 ? 32 : 128;
}

size_t addr_size(enum addr_family family)
{
	return family == ADDR_IPV4 ? 4 : 16;
}

/* Where it is to be: what was just written octet by octet is slow to copy. */
static inline void addr_set(struct addr *out, enum addr_family family, const uint8_t *bytes)
{
	*out = (struct addr){ .family = (uint8_t)family };
	/* Not so many octets as addr_size() says: that would be a call. */
	if (family == ADDR_IPV4)
		memcpy(out->bytes, bytes, 4);
	else
		memcpy(out->bytes, bytes, 16);
}

struct addr addr_from_bytes(enum addr_family family, const uint8_t *bytes)
{
	struct addr addr;

	addr_set(&addr, family, bytes);
	return addr;
}

struct addr addr_from_ipv4(uint32_t host_order)
{
	uint32_t be = htonl(host_order);

	return addr_from_bytes(ADDR_IPV4, (const uint8_t *)&be);
}

uint32_t addr_to_ipv4(const struct addr *addr)
{
	uint32_t be;

	memcpy(&be, addr->bytes, sizeof(be));
	return ntohl(be);
}

bool addr_parse(struct addr *out, const char *text)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*out = addr_from_bytes(ADDR_IPV4, bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*out = addr_from_bytes(ADDR_IPV6, bytes);
	else
		return false;
	return true;
}

const char *addr_format(const struct addr *addr, char buf[ADDR_TEXT_SIZE])
{
	if (addr->family == ADDR_NONE)
		snprintf(buf, ADDR_TEXT_SIZE, "none");
	else
		inet_ntop(addr->family == ADDR_IPV4 ? AF_INET : AF_INET6, addr->bytes, buf,
			  ADDR_TEXT_SIZE);
	return buf;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool addr_bit(const struct addr *addr, unsigned n)
{
	return addr->bytes[n / 8] >> (7 - n % 8) & 1;
}

struct addr addr_mask(const struct addr *addr, unsigned len)
{
	struct addr out = { .family = addr->family };

	memcpy(out.bytes, addr->bytes, len / 8);
	if (len % 8)
		out.bytes[len / 8] = addr->bytes[len / 8] & (uint8_t)(0xff << (8 - len % 8));
	return out;
}

/* clang-format off */
static const struct prefix private_blocks[] = {
	{ { ADDR_IPV4, { 0 } }, 8 },
	{ { ADDR_IPV4, { 10 } }, 8 },
	{ { ADDR_IPV4, { 127 } }, 8 },
	{ { ADDR_IPV4, { 169, 254 } }, 16 },
	{ { ADDR_IPV4, { 172, 16 } }, 12 },
	{ { ADDR_IPV4, { 192, 168 } }, 16 },
	{ { ADDR_IPV6, { 0 } }, 127 }, /* unspecified and loopback */
	{ { ADDR_IPV6, { 0xfc } }, 7 },
	{ { ADDR_IPV6, { 0xfe, 0x80 } }, 10 },
};
/* clang-format on */

const struct prefix *addr_private_block(size_t index)
{
	return index < sizeof(private_blocks) / sizeof(private_blocks[0]) ? &private_blocks[index]
									  : NULL;
}

/* Of the blocks above, but without a look at each of them. */
bool addr_is_private(const struct addr *addr)
{
	const uint8_t *b = addr->bytes;

	if (addr->family == ADDR_IPV6) {
		static const uint8_t zero[15];

		return (b[0] & 0xfe) == 0xfc || addr_is_link_local(addr) ||
		       (b[0] == 0 && b[15] <= 1 && memcmp(b, zero, 15) == 0);
	}
	return addr->family == ADDR_IPV4 &&
	       (b[0] == 0 || b[0] == 10 || b[0] == 127 || (b[0] == 169 && b[1] == 254) ||
		(b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168));
}

bool addr_is_link_local(const struct addr *addr)
{
	return addr->family == ADDR_IPV6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

struct addr addr_plus(const struct addr *addr, uint32_t n)
{
	struct addr out = *addr;
	uint64_t carry = n;

	for (size_t i = addr_size(addr->family); i-- > 0 && carry > 0; carry >>= 8) {
		carry += out.bytes[i];
		out.bytes[i] = (uint8_t)carry;
	}
	return out;
}

static bool number_parse(unsigned *out, const char *text, unsigned max)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end || v > max)
		return false;
	*out = (unsigned)v;
	return true;
}

static bool text_copy(char *buf, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return false;
	memcpy(buf, text, len + 1);
	return true;
}

bool prefix_parse(struct prefix *out, const char *text)
{
	char buf[PREFIX_TEXT_SIZE];
	struct addr addr, masked;
	unsigned len;
	char *slash;

	if (!text_copy(buf, sizeof(buf), text))
		return false;
	slash = strchr(buf, '/');
	if (slash)
		*slash = '\0';
	if (!addr_parse(&addr, buf))
		return false;
	len = addr_bits(addr.family);
	if (slash && !number_parse(&len, slash + 1, len))
		return false;
	masked = addr_mask(&addr, len);
	if (!addr_equal(&masked, &addr))
		return false;
	*out = (struct prefix){ .addr = addr, .len = (uint8_t)len };
	return true;
}

const char *prefix_format(const struct prefix *prefix, char buf[PREFIX_TEXT_SIZE])
{
	char text[ADDR_TEXT_SIZE];

	snprintf(buf, PREFIX_TEXT_SIZE, "%s/%u", addr_format(&prefix->addr, text), prefix->len);
	return buf;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order != 0 ? order : (int)a->len - (int)b->len;
}

bool prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
	const unsigned octets = prefix->len / 8, bits = prefix->len % 8;

	/* Mostly the first octet says no. */
	if (prefix->addr.family != addr->family ||
	    (octets > 0 && prefix->addr.bytes[0] != addr->bytes[0]) ||
	    memcmp(prefix->addr.bytes, addr->bytes, octets) != 0)
		return false;
	return bits == 0 || (prefix->addr.bytes[octets] ^ addr->bytes[octets]) >> (8 - bits) == 0;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_contains(a, &b->addr) : prefix_contains(b, &a->addr);
}

bool endpoint_parse(struct endpoint *out, const char *text, uint16_t default_port)
{
	char buf[ENDPOINT_TEXT_SIZE];
	struct endpoint ep = { .port = default_port };
	unsigned port = default_port;
	char *host = buf, *colon;

	if (addr_parse(&ep.addr, text)) {
		if (default_port == 0)
			return false;
		*out = ep;
		return true;
	}
	if (!text_copy(buf, sizeof(buf), text))
		return false;
	colon = strrchr(buf, ':');
	if (!colon || !number_parse(&port, colon + 1, 65535))
		return false;
	*colon = '\0';
	if (host[0] == '[' && colon > host + 1 && colon[-1] == ']') {
		host++;
		colon[-1] = '\0';
		if (!strchr(host, ':'))
			return false;
	} else if (strchr(host, ':')) {
		return false;
	}
	if (!addr_parse(&ep.addr, host))
		return false;
	ep.port = (uint16_t)port;
	*out = ep;
	return true;
}

const char *endpoint_format(const struct endpoint *ep, char buf[ENDPOINT_TEXT_SIZE])
{
	char text[ADDR_TEXT_SIZE];

	snprintf(buf, ENDPOINT_TEXT_SIZE, ep->addr.family == ADDR_IPV6 ? "[%s]:%u" : "%s:%u",
		 addr_format(&ep->addr, text), ep->port);
	return buf;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *ep, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (ep->addr.family == ADDR_IPV4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)out;

		sin->sin_family = AF_INET;
		sin->sin_port = htons(ep->port);
		memcpy(&sin->sin_addr, ep->addr.bytes, 4);
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)out;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(ep->port);
	memcpy(&sin6->sin6_addr, ep->addr.bytes, 16);
	return sizeof(*sin6);
}

bool endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

		addr_set(&out->addr, ADDR_IPV4, (const uint8_t *)&sin->sin_addr);
		out->port = ntohs(sin->sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;

		if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
			addr_set(&out->addr, ADDR_IPV4, sin6->sin6_addr.s6_addr + 12);
		else
			addr_set(&out->addr, ADDR_IPV6, sin6->sin6_addr.s6_addr);
		out->port = ntohs(sin6->sin6_port);
		return true;
	}
	return false;
}

unsigned sockaddr_interface(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)sa)->sin6_scope_id : 0;
}
