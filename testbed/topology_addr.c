/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * topology_addr.c - the plan of addresses in topology.h, as functions.
 */
#include "testbed/topology.h"

static struct prefix prefix_of(struct addr addr, unsigned len)
{
	return (struct prefix){ .addr = addr, .len = (uint8_t)len };
}

static struct addr ipv4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return addr_from_ipv4(a << 24 | b << 16 | c << 8 | d);
}

/* 2001:db8:<third>:<fourth>::<last> */
static struct addr ipv6(unsigned third, unsigned fourth, unsigned last)
{
	uint8_t b[16] = { 0x20,
			  0x01,
			  0x0d,
			  0xb8,
			  (uint8_t)(third >> 8),
			  (uint8_t)third,
			  (uint8_t)(fourth >> 8),
			  (uint8_t)fourth };

	b[13] = (uint8_t)(last >> 16);
	b[14] = (uint8_t)(last >> 8);
	b[15] = (uint8_t)last;
	return addr_from_bytes(ADDR_IPV6, b);
}

struct prefix topology_network_prefix(size_t network, unsigned family)
{
	unsigned n = (unsigned)network + 1;

	return family == 0 ? prefix_of(ipv4(10, n, 0, 0), 16)
			   : prefix_of(ipv6(0xf000 + n, 0, 0), 48);
}

struct prefix topology_client_prefix(size_t client, unsigned family)
{
	unsigned c = (unsigned)client;

	return family == 0 ? prefix_of(ipv4(100, 64 + c / 256, c % 256, 0), 24)
			   : prefix_of(ipv6(0xf800 + c, 0, 0), 48);
}

struct prefix topology_identity_prefix(size_t pop, unsigned family)
{
	unsigned i = (unsigned)pop + 1;

	return family == 0 ? prefix_of(ipv4(10, 200, i, 0), 24)
			   : prefix_of(ipv6(0xf700 + i, 0, 0), 48);
}

struct prefix topology_lan_prefix(size_t pop, unsigned family)
{
	unsigned i = (unsigned)pop + 1;

	return family == 0 ? prefix_of(ipv4(10, 201, i, 0), 24)
			   : prefix_of(ipv6(0xf600 + i, 0, 0), 64);
}

struct prefix topology_service_prefix(size_t variant, size_t slot, unsigned family)
{
	unsigned v = (unsigned)variant, n = (unsigned)slot;

	if (family == 1)
		return prefix_of(ipv6(v << 12 | n, 0, 0), 48);
	return prefix_of(addr_from_ipv4((198u << 24 | 18u << 16) + (v << 13) + (n << 8)), 24);
}

bool topology_service_find(const struct prefix *prefix, size_t *variant, size_t *slot)
{
	for (size_t v = 0; v < SCENARIO_VARIANTS_MAX; v++) {
		for (size_t n = 0; n <= SCENARIO_POPS_MAX; n++) {
			struct prefix p =
				topology_service_prefix(v, n, prefix->addr.family == ADDR_IPV6);

			if (prefix_equal(&p, prefix)) {
				*variant = v;
				*slot = n;
				return true;
			}
		}
	}
	return false;
}

struct addr topology_host(struct prefix prefix, uint32_t n)
{
	return addr_plus(&prefix.addr, n);
}

struct addr topology_wire_addr(size_t network, unsigned wire, unsigned end, unsigned family)
{
	unsigned n = (unsigned)network + 1;

	return family == 0 ? ipv4(10, n, 128 + wire / 128, 2 * (wire % 128) + end)
			   : ipv6(0xf000 + n, wire + 1, end);
}
