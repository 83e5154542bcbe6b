/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/netconf.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdlib.h>
#include <string.h>

/* libnl has error numbers of its own; the kernel's reason is what we want. */
static int to_errno(int nl_error)
{
	switch (-nl_error) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
		return -ENODEV;
	case NLE_PERM:
		return -EPERM;
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	case NLE_NOMEM:
		return -ENOMEM;
	default: /* not our enum */
		return -EINVAL;
	}
}

static int family_of(const struct addr *addr)
{
	return addr->family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

static struct nl_addr *nl_addr_of(const struct addr *addr, unsigned len)
{
	struct nl_addr *out = nl_addr_build(family_of(addr), addr->bytes, addr_size(addr->family));

	nl_addr_set_prefixlen(out, (int)len);
	return out;
}

int netconf_open(struct nl_sock **out)
{
	struct nl_sock *nl = nl_socket_alloc();
	int err;

	if (!nl)
		return -ENOMEM;
	err = nl_connect(nl, NETLINK_ROUTE);
	if (err < 0) {
		nl_socket_free(nl);
		return to_errno(err);
	}
	*out = nl;
	return 0;
}

void netconf_close(struct nl_sock *nl)
{
	nl_socket_free(nl);
}

int netconf_link_up(struct nl_sock *nl, const char *name, const uint8_t *mac)
{
	struct rtnl_link *link = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int err;

	rtnl_link_set_name(link, name);
	rtnl_link_set_ifindex(link, (int)if_nametoindex(name));
	rtnl_link_set_flags(change, IFF_UP);
	if (mac) {
		struct nl_addr *addr = nl_addr_build(AF_LLC, mac, 6);

		rtnl_link_set_addr(change, addr);
		nl_addr_put(addr);
	}
	err = rtnl_link_change(nl, link, change, 0);
	rtnl_link_put(change);
	rtnl_link_put(link);
	return to_errno(err);
}

int netconf_address_add(struct nl_sock *nl, const char *iface, const char *text)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local;
	int err;

	err = nl_addr_parse(text, AF_UNSPEC, &local);
	if (err == 0) {
		rtnl_addr_set_ifindex(addr, (int)if_nametoindex(iface));
		rtnl_addr_set_local(addr, local);
		if (nl_addr_get_family(local) == AF_INET6)
			rtnl_addr_set_flags(addr, IFA_F_NODAD);
		nl_addr_put(local);
		err = rtnl_addr_add(nl, addr, 0);
	}
	rtnl_addr_put(addr);
	return to_errno(err);
}

int netconf_peer_add(struct nl_sock *nl, const char *iface, const struct addr *addr,
		     const uint8_t *mac)
{
	struct rtnl_neigh *neigh = rtnl_neigh_alloc();
	struct nl_addr *dst = nl_addr_of(addr, addr_bits(addr->family));
	struct nl_addr *lladdr = nl_addr_build(AF_LLC, mac, 6);
	int err;

	rtnl_neigh_set_ifindex(neigh, (int)if_nametoindex(iface));
	rtnl_neigh_set_dst(neigh, dst);
	rtnl_neigh_set_lladdr(neigh, lladdr);
	rtnl_neigh_set_state(neigh, NUD_PERMANENT);
	err = rtnl_neigh_add(nl, neigh, NLM_F_CREATE | NLM_F_REPLACE);
	nl_addr_put(lladdr);
	nl_addr_put(dst);
	rtnl_neigh_put(neigh);
	return to_errno(err);
}

int netconf_route_add(struct nl_sock *nl, const struct prefix *dst, const struct addr *via,
		      const struct addr *source)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *to = nl_addr_of(&dst->addr, dst->len);
	struct nl_addr *gateway = nl_addr_of(via, addr_bits(via->family));
	int err;

	rtnl_route_set_family(route, (uint8_t)family_of(via));
	rtnl_route_set_dst(route, to);
	rtnl_route_nh_set_gateway(hop, gateway);
	rtnl_route_add_nexthop(route, hop); /* takes hop over */
	if (source->family != ADDR_NONE) {
		struct nl_addr *src = nl_addr_of(source, addr_bits(source->family));

		rtnl_route_set_pref_src(route, src);
		nl_addr_put(src);
	}
	err = rtnl_route_add(nl, route, 0);
	nl_addr_put(gateway);
	nl_addr_put(to);
	rtnl_route_put(route);
	return to_errno(err);
}

int netconf_route_block(struct nl_sock *nl, const struct prefix *dst, uint32_t metric)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *to = nl_addr_of(&dst->addr, dst->len);
	int err;

	rtnl_route_set_family(route, (uint8_t)family_of(&dst->addr));
	rtnl_route_set_type(route, RTN_UNREACHABLE);
	rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
	rtnl_route_set_priority(route, metric);
	rtnl_route_set_dst(route, to);
	err = rtnl_route_add(nl, route, 0);
	nl_addr_put(to);
	rtnl_route_put(route);
	return to_errno(err);
}

static int defaults_remove(struct nl_sock *nl, struct nl_cache *routes)
{
	int err = 0;

	for (struct nl_object *o = nl_cache_get_first(routes); o && err == 0;
	     o = nl_cache_get_next(o)) {
		struct rtnl_route *route = (struct rtnl_route *)o;

		if (rtnl_route_get_type(route) == RTN_UNICAST &&
		    nl_addr_get_prefixlen(rtnl_route_get_dst(route)) == 0)
			err = rtnl_route_delete(nl, route, 0);
	}
	return to_errno(err);
}

int netconf_default_routes_remove(struct nl_sock *nl)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int err = 0;

	for (size_t i = 0; i < 2 && err == 0; i++) {
		struct nl_cache *routes;

		err = to_errno(rtnl_route_alloc_cache(nl, families[i], 0, &routes));
		if (err == 0) {
			err = defaults_remove(nl, routes);
			nl_cache_free(routes);
		}
	}
	return err;
}
