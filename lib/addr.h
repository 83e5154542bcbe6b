/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr.h - IP addresses, prefixes and endpoints of either family as values.
 *
 * Bytes are in network order. An IPv4 address uses the first four, the rest
 * are zero, so that two equal addresses are equal by memcmp(). A zeroed struct
 * is "no address" (family 0). Pure, but for the sockaddr conversions' shapes.
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum addr_family { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };

struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t bytes[16];
};

/* Bits of addr behind len are zero in a valid prefix. */
struct prefix {
	struct addr addr;
	uint8_t len; /* 0 to 32 or 128 */
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

/* Enough for any text that the format functions write, the final zero included. */
#define ADDR_TEXT_SIZE	   46
#define PREFIX_TEXT_SIZE   50
#define ENDPOINT_TEXT_SIZE 54

/* Bits in an address of this family: 32 or 128. */
unsigned addr_bits(enum addr_family family);
/* Octets in an address of this family: 4 or 16. */
size_t addr_size(enum addr_family family);
struct addr addr_from_bytes(enum addr_family family, const uint8_t *bytes);
struct addr addr_from_ipv4(uint32_t host_order);
uint32_t addr_to_ipv4(const struct addr *addr); /* host order */

bool addr_parse(struct addr *out, const char *text);
const char *addr_format(const struct addr *addr, char buf[ADDR_TEXT_SIZE]);
static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Total order: family, then bytes. */
int addr_compare(const struct addr *a, const struct addr *b);
/* Bit n counted from the most significant, n < addr_bits(). */
bool addr_bit(const struct addr *addr, unsigned n);
/* The address with all bits behind the first len zeroed. */
struct addr addr_mask(const struct addr *addr, unsigned len);
/* RFC 1918, loopback, link-local, unique-local or unspecified: says nothing about a place. */
bool addr_is_private(const struct addr *addr);
/* fe80::/10: says nothing without an interface. */
bool addr_is_link_local(const struct addr *addr);
/* The blocks that these are, one by one; NULL behind the last. */
const struct prefix *addr_private_block(size_t index);
/* 10.0.0.0 plus 3 is 10.0.0.3. Carries across all octets. */
struct addr addr_plus(const struct addr *addr, uint32_t n);

/* "10.0.0.0/8"; refuses bits set behind the length. A bare address is a host prefix. */
bool prefix_parse(struct prefix *out, const char *text);
const char *prefix_format(const struct prefix *prefix, char buf[PREFIX_TEXT_SIZE]);
static inline bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int prefix_compare(const struct prefix *a, const struct prefix *b);
bool prefix_contains(const struct prefix *prefix, const struct addr *addr);
/* Both prefixes hold at least one common address. */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

/* "192.0.2.1:53" and "[2001:db8::1]:53"; a bare address takes default_port (0: port required). */
bool endpoint_parse(struct endpoint *out, const char *text, uint16_t default_port);
const char *endpoint_format(const struct endpoint *ep, char buf[ENDPOINT_TEXT_SIZE]);
/* Returns the length to hand to bind() or connect(). */
socklen_t endpoint_to_sockaddr(const struct endpoint *ep, struct sockaddr_storage *out);
/* IPv4-mapped IPv6 addresses become IPv4. False when the family is neither. */
bool endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr *sa);
/* The index of the interface that a link-local address is on; 0: it says none. */
unsigned sockaddr_interface(const struct sockaddr *sa);

#endif
