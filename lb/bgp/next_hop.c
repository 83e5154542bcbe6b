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
		/* What is on lo is of this machine alone, or a VIP, or one of many machines'. */
		if (strcmp(ifa->ifa_name, name) != 0 || ifa->ifa_flags & IFF_LOOPBACK ||
		    !address_of(ifa, &addr) || addr_is_link_local(&addr))
			continue;
		if (addr.family == ADDR_IPV4 && out->ipv4.family == ADDR_NONE)
			out->ipv4 = addr;
		if (addr.family == ADDR_IPV6 && out->ipv6.family == ADDR_NONE)
			out->ipv6 = addr;
	}
}

struct bgp_interface bgp_interface_find(const char *name, const struct addr *local)
{
	struct bgp_interface out = { 0 };
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return out;
	if (!name)
		name = interface_name(all, local);
	if (name) {
		out.index = if_nametoindex(name);
		take_addresses(&out, all, name);
	}
	freeifaddrs(all);
	return out;
}

static struct addr first_of(const struct addr *a, const struct addr *b)
{
	return a->family != ADDR_NONE ? *a : *b;
}

struct bgp_next_hops bgp_next_hops_choose(const struct bgp_peer_conf *conf,
					  const struct bgp_negotiated *both,
					  const struct addr *local,
					  const struct bgp_interface *interface)
{
	const struct addr none = { 0 };
	bool over_ipv6 = local->family == ADDR_IPV6;
	struct bgp_next_hops out = { .ipv4 = interface->ipv4, .ipv6 = interface->ipv6 };

	if (over_ipv6 && (!addr_is_link_local(local) || out.ipv6.family == ADDR_NONE))
		out.ipv6 = *local;
	if (addr_is_link_local(local) && !addr_equal(local, &out.ipv6) &&
	    conf->next_hop6.family == ADDR_NONE)
		out.link_local = *local;
	out.ipv6 = first_of(&conf->next_hop6, &out.ipv6);
	if (!over_ipv6)
		out.ipv4 = *local;
	else if (both->extended_next_hop)
		out.ipv4 = out.ipv6;
	out.ipv4 = first_of(&conf->next_hop4, &out.ipv4);
	if (!both->ipv4)
		out.ipv4 = none;
	if (!both->ipv6)
		out.ipv6 = none;
	return out;
}
