/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * local.c - the plane of a machine that is itself the origin: VIPs are host
 * addresses of an interface (lo), each prefix has an unreachable route under
 * it, and the default routes of the peers are one multipath route per family.
 *
 * What is ours is what this process has added, and what carries our protocol
 * number when it starts: a predecessor was killed. Of the latter, what the
 * configuration does not know (any more) is removed at once; the rest is kept
 * as if just added, so that a restart interrupts nobody.
 */
#include <errno.h>
#include <ev.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/dataplane/dataplane.h"
#include "lb/dataplane/ear.h"
#include "lb/dataplane/netlink.h"
#include "lb/flow/gue.h"
#include "lib/alloc.h"
#include "lib/log.h"

/* Links change in bursts; look once they have settled. */
#define LINK_SETTLE_S 0.05

struct owned_addr {
	struct addr addr;
	bool ours; /* else it was there: taken for, but not removed */
};

struct uplink {
	struct legs legs;
	bool installed;
	uint32_t metric; /* by which it is */
};

struct local {
	struct dataplane base;
	struct ev_loop *loop;
	const struct lb_conf *conf;
	struct dp_netlink *nl, *watch;
	struct ev_io link_io;
	struct ev_timer settle;
	unsigned ifindex;
	struct owned_addr *addrs;
	struct prefix *guards; /* prefixes with an unreachable route of ours */
	size_t addr_count, guard_count;
	struct uplink ipv4, ipv6;
	struct dp_leftover *leftovers; /* while starting */
	size_t leftover_count;
};

static struct uplink *uplink_of(struct local *dp, enum addr_family family)
{
	return family == ADDR_IPV4 ? &dp->ipv4 : &dp->ipv6;
}

static struct owned_addr *find_addr(const struct local *dp, const struct addr *addr)
{
	for (size_t i = 0; i < dp->addr_count; i++)
		if (addr_equal(&dp->addrs[i].addr, addr))
			return &dp->addrs[i];
	return NULL;
}

static void add_owned(struct local *dp, const struct addr *addr, bool ours)
{
	dp->addrs = xreallocarray(dp->addrs, dp->addr_count + 1, sizeof(*dp->addrs));
	dp->addrs[dp->addr_count++] = (struct owned_addr){ *addr, ours };
}

static int local_accept(struct dataplane *base, const struct addr *addr)
{
	struct local *dp = (struct local *)base;
	int err;

	if (find_addr(dp, addr))
		return 0;
	err = dp_netlink_address_add(dp->nl, dp->ifindex, addr);
	if (err && err != -EEXIST)
		return err;
	add_owned(dp, addr, err == 0);
	return 0;
}

static int local_refuse(struct dataplane *base, const struct addr *addr)
{
	struct local *dp = (struct local *)base;
	struct owned_addr *owned = find_addr(dp, addr);
	int err = 0;

	if (!owned)
		return 0;
	if (owned->ours)
		err = dp_netlink_address_remove(dp->nl, dp->ifindex, addr);
	*owned = dp->addrs[--dp->addr_count];
	return err == -EADDRNOTAVAIL ? 0 : err;
}

static bool local_is_accepted(const struct dataplane *base, const struct addr *addr)
{
	return find_addr((const struct local *)base, addr);
}

/* So that what clients send finds room in GUE over either family; 0: as the link has it. */
static uint32_t advmss(const struct local *dp, enum addr_family family)
{
	const struct lb_continuity_conf *conf = &dp->conf->dataplane.continuity;
	const uint32_t headers = family == ADDR_IPV4 ? 20 + 20 : 40 + 20;

	return conf->interface_count ? conf->mtu - GUE_OVERHEAD_IPV6 - headers : 0;
}

/* One that is there by another metric goes only when this one is there. */
static int set_default(struct local *dp, enum addr_family family, const struct legs *legs)
{
	struct uplink *uplink = uplink_of(dp, family);
	uint32_t metric = dp->conf->dataplane.metric;
	bool moves = uplink->installed && uplink->metric != metric;
	int err = dp_netlink_default_set(dp->nl, family, metric, legs, advmss(dp, family),
					 uplink->installed && !moves);

	if (err)
		return err;
	if (moves)
		dp_netlink_default_remove(dp->nl, family, uplink->metric);
	uplink->installed = true;
	uplink->metric = metric;
	return 0;
}

/*
 * One leg whose interface is down makes the kernel refuse the whole route. Then take the legs
 * that it does accept, one after the other.
 */
static int set_usable(struct local *dp, enum addr_family family)
{
	const struct legs *legs = &uplink_of(dp, family)->legs;
	struct legs usable = { 0 };
	int err, last = 0;

	for (size_t i = 0; i < legs->count; i++) {
		usable.items[usable.count++] = legs->items[i];
		err = set_default(dp, family, &usable);
		if (err) {
			last = err;
			usable.count--;
		}
	}
	return usable.count == 0 ? last : 0;
}

static int apply_default(struct local *dp, enum addr_family family)
{
	struct uplink *uplink = uplink_of(dp, family);
	int err;

	if (dp->conf->dataplane.routes && uplink->legs.count > 0) {
		err = set_default(dp, family, &uplink->legs);
		return err && err != -EEXIST ? set_usable(dp, family) : err;
	}
	if (!uplink->installed)
		return 0;
	uplink->installed = false;
	err = dp_netlink_default_remove(dp->nl, family, uplink->metric);
	/* The kernel drops routes of links that go down by itself. */
	return err == -ESRCH ? 0 : err;
}

static int local_default_route(struct dataplane *base, size_t peer, const struct addr *next_hop,
			       enum addr_family family, unsigned ifindex)
{
	struct local *dp = (struct local *)base;

	if (!legs_set(&uplink_of(dp, family)->legs, peer, next_hop, ifindex))
		return 0;
	return apply_default(dp, family);
}

static void on_link(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct local *dp = io->data;

	(void)revents;
	dp_netlink_watch_drain(dp->watch);
	ev_timer_stop(loop, &dp->settle);
	ev_timer_set(&dp->settle, LINK_SETTLE_S, 0);
	ev_timer_start(loop, &dp->settle);
}

/* What is still there is -EEXIST. Without the addresses the prefixes would lead nowhere. */
static void restore(struct local *dp)
{
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < dp->addr_count; i++)
		if (dp->addrs[i].ours &&
		    dp_netlink_address_add(dp->nl, dp->ifindex, &dp->addrs[i].addr) == 0)
			log_warn("dataplane: address %s was gone, it is back",
				 addr_format(&dp->addrs[i].addr, text));
	for (size_t i = 0; i < dp->guard_count; i++)
		dp_netlink_unreachable_add(dp->nl, &dp->guards[i]);
}

/*
 * A link that has gone down and up has taken our routes with it, though the session may live, and
 * its IPv6 addresses.
 */
static void on_settled(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct local *dp = timer->data;

	(void)loop;
	(void)revents;
	restore(dp);
	if (dp->ipv4.legs.count > 0)
		apply_default(dp, ADDR_IPV4);
	if (dp->ipv6.legs.count > 0)
		apply_default(dp, ADDR_IPV6);
}

static int local_ear_open_new(struct dataplane *base, const struct addr *addrs, size_t count,
			      struct dataplane_ear **out)
{
	(void)base;
	return dataplane_ear_open(EAR_NEW, addrs, count, out);
}

static int local_ear_open(struct dataplane *base, const struct addr *addrs, size_t count,
			  struct dataplane_ear **out)
{
	(void)base;
	return dataplane_ear_open(EAR_ALL, addrs, count, out);
}

static void local_leave(struct dataplane *base)
{
	struct local *dp = (struct local *)base;

	ev_io_stop(dp->loop, &dp->link_io);
	ev_timer_stop(dp->loop, &dp->settle);
	dp_netlink_close(dp->watch);
	dp_netlink_close(dp->nl);
	free(dp->leftovers);
	free(dp->guards);
	free(dp->addrs);
	free(dp);
}

static void local_free(struct dataplane *base)
{
	struct local *dp = (struct local *)base;

	while (dp->addr_count > 0)
		local_refuse(base, &dp->addrs[dp->addr_count - 1].addr);
	dp->ipv4.legs.count = dp->ipv6.legs.count = 0;
	apply_default(dp, ADDR_IPV4);
	apply_default(dp, ADDR_IPV6);
	for (size_t i = 0; i < dp->guard_count; i++)
		dp_netlink_unreachable_remove(dp->nl, &dp->guards[i]);
	local_leave(base);
}

static void keep_leftover(void *ctx, const struct dp_leftover *leftover)
{
	struct local *dp = ctx;

	dp->leftovers =
		xreallocarray(dp->leftovers, dp->leftover_count + 1, sizeof(*dp->leftovers));
	dp->leftovers[dp->leftover_count++] = *leftover;
}

static void add_guard(struct local *dp, const struct prefix *prefix)
{
	dp->guards = xreallocarray(dp->guards, dp->guard_count + 1, sizeof(*dp->guards));
	dp->guards[dp->guard_count++] = *prefix;
}

/* Take over or remove one. Returns whether it was taken over. */
static bool settle_leftover(struct local *dp, const struct dp_leftover *left)
{
	const struct lb_dataplane_conf *want = &dp->conf->dataplane;
	enum addr_family family = left->prefix.addr.family;

	switch (left->kind) {
	case DP_ADDRESS:
		if (left->ifindex == dp->ifindex &&
		    lb_conf_has_address(dp->conf, &left->prefix.addr)) {
			add_owned(dp, &left->prefix.addr, true);
			return true;
		}
		dp_netlink_address_remove(dp->nl, left->ifindex, &left->prefix.addr);
		return false;
	case DP_UNREACHABLE:
		if (want->routes && lb_conf_has_prefix(dp->conf, &left->prefix)) {
			add_guard(dp, &left->prefix);
			return true;
		}
		dp_netlink_unreachable_remove(dp->nl, &left->prefix);
		return false;
	case DP_ROUTE:
		/* IPv6 shows each leg of a multipath route as a route. */
		if (want->routes && left->prefix.len == 0 && left->metric == want->metric) {
			uplink_of(dp, family)->installed = true;
			uplink_of(dp, family)->metric = left->metric;
			return true;
		}
		dp_netlink_default_remove(dp->nl, family, left->metric);
		return false;
	}
	return false;
}

static int take_over(struct local *dp)
{
	int err = dp_netlink_leftovers(dp->nl, keep_leftover, dp);
	size_t taken = 0;

	for (size_t i = 0; i < dp->leftover_count; i++)
		taken += settle_leftover(dp, &dp->leftovers[i]);
	if (dp->leftover_count > 0)
		log_info("dataplane: %zu left by a predecessor: %zu taken over, %zu removed",
			 dp->leftover_count, taken, dp->leftover_count - taken);
	return err;
}

static bool has_guard(const struct local *dp, const struct prefix *prefix)
{
	for (size_t i = 0; i < dp->guard_count; i++)
		if (prefix_equal(&dp->guards[i], prefix))
			return true;
	return false;
}

static int guard_prefixes(struct local *dp, const struct prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int err;

		if (has_guard(dp, &prefixes[i]))
			continue;
		err = dp_netlink_unreachable_add(dp->nl, &prefixes[i]);
		if (err && err != -EEXIST)
			return err;
		if (!err)
			add_guard(dp, &prefixes[i]);
	}
	return 0;
}

static int guard_all(struct local *dp)
{
	const struct lb_conf *conf = dp->conf;
	int err;

	if (!conf->dataplane.routes)
		return 0;
	err = guard_prefixes(dp, conf->identity.prefixes, conf->identity.prefix_count);
	for (size_t i = 0; i < conf->vip_count && !err; i++)
		err = guard_prefixes(dp, conf->vips[i].prefixes, conf->vips[i].prefix_count);
	return err;
}

static void local_tidy(struct dataplane *base)
{
	struct local *dp = (struct local *)base;
	size_t kept = 0;

	for (size_t i = 0; i < dp->guard_count; i++) {
		const struct prefix prefix = dp->guards[i];

		if (dp->conf->dataplane.routes && lb_conf_has_prefix(dp->conf, &prefix))
			dp->guards[kept++] = prefix;
		else
			dp_netlink_unreachable_remove(dp->nl, &prefix);
	}
	dp->guard_count = kept;
}

/* While none of its links is up there is no route, and none is missing. */
static int move_default(struct local *dp, enum addr_family family)
{
	int err = apply_default(dp, family);

	return err == -ENETDOWN || err == -ENETUNREACH || err == -EHOSTUNREACH || err == -ENODEV
		       ? 0
		       : err;
}

static int local_reload(struct dataplane *base, const struct lb_conf *conf)
{
	struct local *dp = (struct local *)base;
	const struct lb_dataplane_conf old = dp->conf->dataplane, *now = &conf->dataplane;
	int err, other;

	dp->conf = conf;
	err = guard_all(dp);
	if (old.metric == now->metric && old.routes == now->routes)
		return err;
	if (!now->routes)
		local_tidy(base);
	for (int i = 0; i < 2; i++) {
		other = move_default(dp, i ? ADDR_IPV6 : ADDR_IPV4);
		err = err ? err : other;
	}
	return err;
}

static const struct dataplane_ops local_ops = {
	.name = "local",
	.accept = local_accept,
	.refuse = local_refuse,
	.is_accepted = local_is_accepted,
	.default_route = local_default_route,
	.ear_open = local_ear_open,
	.ear_open_new = local_ear_open_new,
	.reload = local_reload,
	.tidy = local_tidy,
	.leave = local_leave,
	.free = local_free,
};

/* On an interface that is down the kernel takes addresses but no packets for them. */
static int find_interface(const char *name, unsigned *ifindex)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strlen(name)); /* shorter than IFNAMSIZ: lb/conf.c */
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		err = -errno;
	else if (!(request.ifr_flags & IFF_UP))
		err = -ENETDOWN;
	close(fd);
	*ifindex = if_nametoindex(name);
	return err;
}

static int watch_links(struct local *dp)
{
	int fd, err = dp_netlink_open(&dp->watch);

	if (!err)
		err = dp_netlink_watch_links(dp->watch, &fd);
	if (err)
		return err;
	ev_io_set(&dp->link_io, fd, EV_READ);
	ev_io_start(dp->loop, &dp->link_io);
	return 0;
}

int dataplane_local_new(struct dataplane **out, struct ev_loop *loop, const struct lb_conf *conf)
{
	struct local *dp = x_new(struct local);
	int err;

	*dp = (struct local){ .base.ops = &local_ops, .loop = loop, .conf = conf };
	ev_init(&dp->link_io, on_link);
	ev_init(&dp->settle, on_settled);
	dp->link_io.data = dp->settle.data = dp;
	err = find_interface(conf->dataplane.interface, &dp->ifindex);
	if (!err)
		err = dp_netlink_open(&dp->nl);
	if (!err)
		err = take_over(dp);
	if (!err)
		err = guard_all(dp);
	if (!err)
		err = watch_links(dp);
	if (!err) {
		*out = &dp->base;
		return 0;
	}
	if (dp->nl)
		local_free(&dp->base);
	else
		free(dp);
	return err;
}
