/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/next_hop.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static bool address_of(const struct ifaddrs *ifa, struct addr *out)
{
	struct endpoint ep;

	if (!ifa->ifa_addr || !endpoint_from_sockaddr(&ep, ifa->ifa_addr))
		return false;
	*out = ep.addr;
	return true;
}

static bool is_link_local(const struct addr *addr)
{
	return addr->family == ADDR_IPV6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

static const char *interface_name(const struct ifaddrs *all, const struct addr *local)
{
	struct addr addr;

	for (const struct ifaddrs *ifa = all; ifa; ifa = ifa->ifa_next) {
		if (address_of(ifa, &addr) && addr_equal(&addr, local))
			return ifa->ifa_name;
	}
	return NULL;
}

static void take_addresses(struct bgp_interface *out, const struct ifaddrs *all, const char *name)
{
	struct addr addr;

	for (const struct ifaddrs *ifa = all; ifa; ifa = ifa->ifa_next) {
		if (strcmp(ifa->ifa_name, name) != 0 || !address_of(ifa, &addr) ||
		    is_link_local(&addr))
			continue;
		if (addr.family == ADDR_IPV4 && out->ipv4.family == ADDR_NONE)
			out->ipv4 = addr;
		if (addr.family == ADDR_IPV6 && out->ipv6.family == ADDR_NONE)
			out->ipv6 = addr;
	}
}

struct bgp_interface bgp_interface_find(const struct addr *local)
{
	struct bgp_interface out = { 0 };
	struct ifaddrs *all;
	const char *name;

	if (getifaddrs(&all) < 0)
		return out;
	name = interface_name(all, local);
	if (name) {
		out.index = if_nametoindex(name);
		take_addresses(&out, all, name);
	}
	freeifaddrs(all);
	return out;
}
